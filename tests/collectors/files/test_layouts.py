"""Load profiles as German utilities export them: every way of writing the same energy is the same energy."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.files.profile import Asked, FileRefused, in_quarter_hours, read
from metering.instant import HOUR, QUARTER_HOUR, parse
from metering.localtime import LocalCalendar, quarter_hours
from metering.quality import Quality

CALENDAR = LocalCalendar()
ZONE = CALENDAR.zone
LONG, SHORT, PLAIN = date(2026, 10, 25), date(2026, 3, 29), date(2026, 5, 4)
ROWS = {LONG: 100, SHORT: 92, PLAIN: 96}


def profile(day: date, *, end: bool, mark: str = "", sign: str = ",") -> list[tuple[str, str, str]]:
    """Date, time and value of each quarter-hour, as a utility writes it; ``mark`` is 2A or A2 for the twin hour."""
    rows = []
    for n, start_us in enumerate(quarter_hours(CALENDAR.day(day))):
        shown_us = int(start_us) + (QUARTER_HOUR if end else 0)
        local = CALENDAR.local(shown_us)
        first = CALENDAR.local(int(start_us))
        if end and day == LONG and first.hour == 2 and first.minute == 45 and first.fold == 0:
            local = local.replace(hour=3, fold=0)  # what a clock shows that goes back a moment later
        hour = f"{local:%H}"
        if mark and day == LONG and local.hour == 2:
            letter = "B" if local.fold else "A"
            hour = f"2{letter}" if mark == "2A" else hour
        rows.append((f"{local:%d.%m.%Y}", f"{hour}:{local:%M}", f"{n % 7},{n:03d}".replace(",", sign)))
    return rows


def total() -> dict[date, Decimal]:
    return {day: sum((Decimal(f"{n % 7}.{n:03d}") for n in range(count)), Decimal(0)) for day, count in ROWS.items()}


@pytest.mark.parametrize("day", ROWS)
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("mark", ["", "2A"])
@pytest.mark.parametrize("one_column", [False, True])
def test_every_way_to_write_a_day_is_the_same_day(day: date, *, end: bool, mark: str, one_column: bool) -> None:
    title = "Zeitstempel;Wert [kWh]" if one_column else "Datum;Uhrzeit;Wert [kWh]"
    lines = [(f"{d} {t};{v}" if one_column else f"{d};{t};{v}") for d, t, v in profile(day, end=end, mark=mark)]
    found = read("\r\n".join(["Lastgang Zähler 1", title, *lines]).encode("cp1252"), ZONE)
    assert [value.time_us for value in found.values] == quarter_hours(CALENDAR.day(day)).tolist()
    assert found.total == total()[day]
    assert found.skipped == []
    assert ("end" if end else "begin") in found.recognised[2]


def test_from_to_with_bom_status_power_and_junk() -> None:
    text = (
        "\ufeffKunde;Stadt\nZählpunkt;DE0001\n\nDatum;von;bis;Leistung kW;Status\n"
        "04.05.2026;00:00;00:15;1.234,5;W\n04.05.2026;00:15;00:30;2,0;E\n04.05.2026;00:30;00:45;-;V\n"
        "04.05.2026;00:45;24:00;4;V\nSumme;;;1.240,5;\n04.05.2026;00:45;01:00;4;V\n04.05.2026;01:00;01:15;4;?\n"
    )
    found = read(text.encode(), ZONE)
    assert [(value.amount, value.quality) for value in found.values] == [
        (Decimal("308.625"), Quality.MEASURED),
        (Decimal("0.5"), Quality.SUBSTITUTED),
        (Decimal("1.00"), Quality.ESTIMATED),
    ]
    assert [(skipped.line, skipped.reason[:12]) for skipped in found.skipped] == [
        (7, "'-' is no num"[:12]),
        (9, "no date in '"),
        (10, "the same int"),
        (11, "unknown stat"),
    ]


def test_hours_become_quarters_and_the_sum_stays() -> None:
    text = "Datum,Zeit,Verbrauch m³\n" + "".join(f"2026-05-04,{hour:02d}:00,{hour}.3\n" for hour in range(24))
    found = read(text.encode(), ZONE)
    assert found.step_us == HOUR
    quarters = in_quarter_hours(found)
    assert len(quarters.values) == 96
    assert sum(value.amount for value in quarters.values) == found.total == Decimal("283.2")
    assert {value.quality for value in quarters.values} == {Quality.SUBSTITUTED}


@pytest.mark.parametrize("between", ["T", " "])
@pytest.mark.parametrize("offsets", [("+02:00", "+01:00"), (" +0200", " +0100"), ("+02", "+01")])
def test_times_with_an_offset_need_no_guess(between: str, offsets: tuple[str, str]) -> None:
    summer, winter = offsets
    rows = (f"02:00:00{summer}", f"02:15:00{summer}", f"02:00:00.000{winter}")
    text = "timestamp;value [kWh]\n" + "".join(f"2026-10-25{between}{row};1\n" for row in rows)
    found = read(text.encode(), ZONE, Asked(stamp="begin"))
    assert [value.time_us % (24 * HOUR) // QUARTER_HOUR for value in found.values] == [0, 1, 4]


def test_utc_is_not_taken_for_local_time() -> None:
    text = "timestamp;value [kWh]\n2026-07-01 00:00:00+00:00;1\n2026-07-01 00:15:00+00:00;1\n2026-07-01 00:30Z;1\n"
    found = read(text.encode(), ZONE, Asked(stamp="begin"))
    assert [value.time_us for value in found.values] == [
        parse("2026-07-01T00:00:00Z") + n * QUARTER_HOUR for n in range(3)
    ]


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("UNB+UNOC:3+x", Asked(), "MSCONS"),
        ("Zeitstempel;kWh\n2026-05-04 00:00-00:15;1,0\n", Asked(stamp="begin"), "end of an interval"),
        ("Zeitstempel;kWh\n2026-05-04T00:00+99:00;1,0\n", Asked(stamp="begin"), "no line"),
        ("a;b\n1;2\n", Asked(), "no header"),
        ("Datum;Zeit;Wert\n04.05.2026;00:00;1,0\n04.05.2026;23:45;1,0\n", Asked(), "--unit"),
        ("Datum;Zeit;kWh\n04.05.2026;10:00;1,0\n04.05.2026;10:15;1,0\n", Asked(), "--stamp"),
        ("Datum;Zeit;kWh\n04.05.2026;00:00;1.234\n", Asked(stamp="begin"), "--decimal"),
        ("Datum;Zeit;kWh\nkein;x;1,0\n", Asked(), "no date"),
        ("Datum;Zeit;kWh\n", Asked(layout="x"), "there is from-to"),
        ("Datum;Zeit;Wert\n04.05.2026;00:00;1,0\n", Asked(unit="PS", stamp="begin"), "unknown unit"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(text: str, asked: Asked, said: str) -> None:
    with pytest.raises(FileRefused, match=said):
        read(text.encode(), ZONE, asked)


@given(st.dates(date(2000, 1, 1), date(2040, 12, 1)), st.integers(1, 3), st.booleans())
def test_any_days_are_read_as_they_were(day: date, days: int, end: bool) -> None:  # noqa: FBT001
    lines, slots = [], []
    for n in range(days):
        window = CALENDAR.day(day + timedelta(days=n))
        for start_us in quarter_hours(window).tolist():
            slots.append(start_us)
            local = CALENDAR.local(start_us + (QUARTER_HOUR if end else 0))
            lines.append(f"{local:%d.%m.%Y %H:%M};1,5")
    found = read("\n".join(["Zeitstempel;kWh", *lines]).encode(), ZONE)
    assert [value.time_us for value in found.values] == slots


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    for head in (b"", b"Datum;Zeit;kWh\n"):
        try:
            read(head + content, ZONE, Asked(stamp="begin"))
        except FileRefused:
            continue
