"""Numbers, units and times as people read them."""

import pytest

from dashboards.web.formats import Formats
from metering.instant import DAY, HOUR, MINUTE, SECOND, parse
from metering.localtime import LocalCalendar
from metering.quantities import QUANTITIES
from metering.texts import Texts

DE = Formats(Texts("dashboards.web", "de"), LocalCalendar())
EN = Formats(Texts("dashboards.web", "en"), LocalCalendar())


@pytest.mark.parametrize(
    ("value", "unit", "german", "english"),
    [
        (1234.0, "W", "1,23 kW", "1.23 kW"),
        (999.0, "W", "999 W", "999 W"),
        (-45_600.0, "W", "-45,6 kW", "-45.6 kW"),
        (12_345_678.0, "W", "12,3 MW", "12.3 MW"),
        (1234.5, "kWh", "1.234 kWh", "1,234 kWh"),
        (2_345_678.0, "kWh", "2.346 MWh", "2,346 MWh"),
        (21.44, "°C", "21,4 °C", "21.4 °C"),
        (None, "kWh", "–", "–"),
    ],
)
def test_values(value: float | None, unit: str, german: str, english: str) -> None:
    assert str(DE.value(value, unit)).replace("\u00a0", " ") == german
    assert str(EN.value(value, unit)).replace("\u00a0", " ") == english


def test_registers_keep_their_digits() -> None:
    assert str(DE.reading("active_energy_import", 1_328_412.004)) == "1.328.412,00\u00a0kWh"
    assert str(DE.reading("consumption", 3.2, "m³")) == "3,20\u00a0m³"


def test_times_are_local() -> None:
    assert DE.time(parse("2026-07-01T22:30:00Z")) == "02.07.2026,\u00a000:30"
    assert EN.clock(parse("2026-01-01T00:00:05Z")) == "01:00:05"


def test_moments_are_as_short_as_they_can_be_told() -> None:
    now = parse("2026-07-01T22:30:00Z")  # in Berlin it is the 2nd
    told = [
        DE.moment(parse(then), now) for then in ("2026-07-01T22:01:00Z", "2026-07-01T21:59:00Z", "2025-07-01T22:00Z")
    ]
    assert [each.replace("\u00a0", " ") for each in told] == ["00:01", "01.07., 23:59", "02.07.2025, 00:00"]


@pytest.mark.parametrize(
    ("span", "text"),
    [(5 * SECOND, "vor 5 s"), (90 * SECOND, "vor 1 min"), (47 * HOUR, "vor 47 h"), (3 * DAY + MINUTE, "vor 3 Tagen")],
)
def test_how_long_ago(span: int, text: str) -> None:
    assert DE.ago(0, span) == text


@pytest.mark.parametrize(("share", "text"), [(1.0, "100 %"), (0.9999, "99,9 %"), (0.305, "30,5 %"), (None, "–")])
def test_nearly_everything_is_not_everything(share: float | None, text: str) -> None:
    assert DE.percent(share) == text


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_has_a_name(name: str) -> None:
    assert DE.quantity(name) != name
