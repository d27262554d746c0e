"""Journal and frames: whatever happens to the files, every intact frame is read, in order, and nothing crashes."""

import tempfile
from errno import ENOSPC
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.frames import Damage, Frame, encode, scan
from gateway.journal import Entry, Journal, JournalInUse, Loss, Position, segment_files

PAYLOADS = [b"", b"a", b"\xf1LW\x01" * 3, b"reading" * 9, bytes(64), encode(b"a frame in a frame", 1)]


def written(folder: Path, payloads: list[bytes] = PAYLOADS, segment_bytes: int = 1 << 20) -> Path:
    journal = Journal(folder, segment_bytes)
    journal.open()
    assert list(journal.recover()) == []
    for payload in payloads:
        journal.append(encode(payload, 1), 1)
    journal.close()
    return segment_files(folder)[0]


def recovered(folder: Path) -> tuple[list[bytes], Journal]:
    journal = Journal(folder, 1 << 20)
    journal.open()
    payloads = [entry.payload for entry in journal.recover()]
    assert [entry.payload for entry in journal.read(Position(0, 0)) if isinstance(entry, Entry)] == payloads
    journal.append(encode(b"after", 1), 1)  # it goes on, whatever was found
    journal.close()
    assert [*payloads, b"after"] == [entry.payload for entry in Journal(folder, 1).recover()]
    return payloads, journal


def test_what_was_appended_is_read_across_segments(tmp_path: Path) -> None:
    written(tmp_path, segment_bytes=50)
    assert len(segment_files(tmp_path)) > 2
    payloads, journal = recovered(tmp_path)
    assert payloads == PAYLOADS
    assert journal.damaged == 0


def test_cut_at_every_byte_keeps_every_whole_frame(tmp_path: Path) -> None:
    data = written(tmp_path / "whole").read_bytes()
    ends = [found.end for found in scan(data)]
    for size in range(len(data)):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "0000000000000001.seg").write_bytes(data[:size])
        payloads, journal = recovered(folder)
        assert payloads == PAYLOADS[: sum(end <= size for end in ends)]
        torn = size not in (0, *ends)
        assert journal.damaged == torn
        assert len(list((folder / "damaged").glob("*"))) == torn


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_anywhere_costs_only_the_frames_it_touches(data: st.DataObject) -> None:
    payloads = data.draw(st.lists(st.binary(max_size=60), min_size=1, max_size=12))
    piece = data.draw(st.integers(1, 200))
    with tempfile.TemporaryDirectory() as name, patch("gateway.journal._PIECE", piece):
        path = written(Path(name), payloads)
        original = path.read_bytes()
        frames = [found for found in scan(original) if isinstance(found, Frame)]
        flips = data.draw(st.dictionaries(st.integers(0, len(original) - 1), st.integers(1, 255), max_size=5))
        changed = bytearray(original)
        for offset, flip in flips.items():
            changed[offset] ^= flip
        path.write_bytes(changed)
        untouched = [f.payload for f in frames if not any(f.offset <= offset < f.end for offset in flips)]
        kept, journal = recovered(Path(name))
        assert kept == untouched
        assert (journal.damaged > 0) == bool(flips)
        aside = b"".join(path.read_bytes() for path in (Path(name) / "damaged").glob("*"))
        assert len(aside) == sum(f.end - f.offset for f in frames) - sum(len(encode(p, 1)) for p in untouched)


@given(st.binary(max_size=200))
def test_scan_covers_arbitrary_bytes_without_a_hole(noise: bytes) -> None:
    data = encode(b"before", 2) + noise + encode(b"behind", 3)
    found = list(scan(data))
    assert [item.offset for item in found] == [0, *(item.end for item in found[:-1])]
    assert found[-1].end == len(data)
    assert (found[0], found[-1]) == (Frame(0, 22, 2, b"before"), Frame(len(data) - 22, len(data), 3, b"behind"))


def test_damage_while_it_runs_is_counted_as_a_loss(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.open()
    for total in (3, 5, 7):
        journal.append(encode(bytes(total), total), total)
    path = segment_files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    second = list(scan(bytes(data)))[1]
    data[second.offset + 1] ^= 1
    path.write_bytes(data)
    found = list(journal.read(Position(0, 0)))
    assert [(type(item), item.total) for item in found] == [(Entry, 3), (Loss, 5), (Entry, 7)]
    assert (tmp_path / "damaged" / f"0000000000000001-{second.offset}.bin").read_bytes() == data[
        second.offset : second.end
    ]
    assert journal.damaged == 1
    journal.close()


@pytest.mark.parametrize("piece", [1, 7, 16, 25, 60, 100])
def test_it_is_read_piece_by_piece(tmp_path: Path, piece: int) -> None:
    written(tmp_path)
    with patch("gateway.journal._PIECE", piece):
        assert recovered(tmp_path)[0] == PAYLOADS


def test_it_is_read_up_to_an_end_and_from_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 50)
    journal.open()
    ends = [journal.end]
    for payload in PAYLOADS:
        journal.append(encode(payload, 1), 1)
        ends.append(journal.end)
    for number, end in enumerate(ends):
        before, behind = list(journal.read(ends[0], end)), list(journal.read(end))
        assert [entry.payload for entry in before if isinstance(entry, Entry)] == PAYLOADS[:number]
        assert [entry.payload for entry in behind if isinstance(entry, Entry)] == PAYLOADS[number:]
    journal.close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, 1), Journal(tmp_path, 1)
    first.open()
    with pytest.raises(JournalInUse, match="data_dir"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_damage_is_what_is_no_frame() -> None:
    assert list(scan(b"noise")) == [Damage(0, 5)]


def test_a_full_disk_leaves_no_trail_of_empty_files(tmp_path: Path) -> None:
    """An append is tried again every second for as long as the disk is full."""
    full = OSError(ENOSPC, "No space left on device")
    journal = Journal(tmp_path, 1 << 20)
    journal.open()
    journal.append(encode(b"before", 1), 1)
    reading = journal.read(Position(0, 0))
    assert isinstance(next(reading), Entry)
    with patch("gateway.journal.os.write", side_effect=full):
        for _ in range(20):
            with pytest.raises(OSError, match="No space"):
                journal.append(encode(b"during", 1), 1)
    assert len(segment_files(tmp_path)) == 1
    assert list(reading) == []
    journal.append(encode(b"after", 1), 1)
    found = [entry.payload for entry in journal.read(Position(0, 0)) if isinstance(entry, Entry)]
    assert found == [b"before", b"after"]
    journal.close()
    assert recovered(tmp_path)[0] == found
