"""The quarantine: what is set aside can be read back, with its reason, and takes no more room than it may."""

import math
from pathlib import Path

from collectors.protocol import DeadLetter
from gateway.journal import segment_files
from gateway.quarantine import Case, Quarantine, cases
from metering.reading import Reading


async def test_cases_are_read_back_as_they_were(tmp_path: Path) -> None:
    letter = DeadLetter("broker", "shellies/1/relay", b"\xff\x00{", 17, "not JSON")
    kept = [
        Case(1, "range", reading=Reading("meter", "voltage", math.inf, 1)),
        Case(2, "refused", "field type conflict", Reading("meter", "voltage", 1.0, 2)),
        Case(3, letter.reason, letter=letter),
    ]
    quarantine = Quarantine(tmp_path, 1 << 20)
    await quarantine.open()
    await quarantine.keep(kept[:2])
    await quarantine.keep(kept[2:])
    assert list(cases(tmp_path)) == kept  # while it is open
    await quarantine.close()
    again = Quarantine(tmp_path, 1 << 20)
    await again.open()
    assert again.size == sum(path.stat().st_size for path in segment_files(tmp_path)) > 0
    await again.keep(kept[:1])
    await again.close()
    assert list(cases(tmp_path)) == [*kept, kept[0]]


async def test_the_oldest_make_room_and_are_counted(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, 8_000)
    await quarantine.open()
    for n in range(500):
        await quarantine.keep([Case(n, "future", reading=Reading("meter", "voltage", 1.0, n))])
        assert quarantine.size <= 8_000
    await quarantine.close()
    left = [case.at_us for case in cases(tmp_path)]
    assert left == list(range(quarantine.dropped, 500))
    assert len(left) > 50


def test_an_empty_or_missing_quarantine_has_no_cases(tmp_path: Path) -> None:
    assert list(cases(tmp_path / "missing")) == []


async def test_noise_in_the_files_is_passed_over(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, 1 << 20)
    await quarantine.open()
    await quarantine.keep([Case(1, "future")])
    await quarantine.close()
    path = segment_files(tmp_path)[0]
    path.write_bytes(b"noise" + path.read_bytes() + b"noise")
    assert list(cases(tmp_path)) == [Case(1, "future")]
