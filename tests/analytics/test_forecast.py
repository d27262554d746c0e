"""The day ahead: level, holidays, school breaks, temperature, young meters; and the calendar it rests on."""

from datetime import date

import numpy as np
import pytest

from analytics.anomaly.class_profile import class_week
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.forecast import Forecast, forecast
from analytics.anomaly.week import Week
from metering.estate import Carrier
from metering.instant import DAY, HOUR, parse
from metering.samples import Floats, Int64s
from metering.school_breaks import in_school_break

WEEK = Week()
SUNDAY, MONDAY = 6, 0


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Neujahr", "2026-01-01"),
        ("Karfreitag", "2026-04-03"),
        ("Ostermontag", "2026-04-06"),
        ("Tag der Arbeit", "2026-05-01"),
        ("Christi Himmelfahrt", "2026-05-14"),
        ("Pfingstmontag", "2026-05-25"),
        ("Fronleichnam", "2026-06-04"),
        ("Tag der Deutschen Einheit", "2025-10-03"),
        ("1. Weihnachtstag", "2026-12-25"),
        ("2. Weihnachtstag", "2025-12-26"),
    ],
)
def test_public_holidays_of_hesse_are_sundays(name: str, day: str) -> None:
    assert date.fromisoformat(day).weekday() < 5 or name, "a weekday, or the test says nothing"
    assert weekday(day) == SUNDAY, name


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Heilige Drei Könige: not in Hesse", "2026-01-06"),
        ("Mariä Himmelfahrt: not in Hesse", "2025-08-15"),
        ("Reformationstag: not in Hesse", "2025-10-31"),
        ("Buß- und Bettag: not in Hesse", "2026-11-18"),
        ("Heiligabend is a working day by law", "2026-12-24"),
    ],
)
def test_days_that_are_holidays_elsewhere_are_not(name: str, day: str) -> None:
    assert weekday(day) == date.fromisoformat(day).weekday(), name


def weekday(day: str) -> int:
    noon = np.array([parse(f"{day}T11:00:00Z")])
    return int(WEEK.slots(noon, HOUR).slot[0]) // 24


def test_school_breaks_of_hesse_by_date() -> None:
    days = np.array(["2026-06-26", "2026-06-29", "2026-08-07", "2026-08-08", "2026-10-05"], "datetime64[D]")
    assert in_school_break(days.astype(np.int64)).tolist() == [False, True, True, False, True]


def school(begin: str, days: int, *, level: float = 1.0) -> LoadCurve:
    """Hours of a school: 10 kWh by day, 2 at night and on free days, half of what it has by day in breaks."""
    starts = parse(begin) + np.arange(days * 24, dtype=np.int64) * HOUR
    return LoadCurve(starts, HOUR, truth(starts) * level)


def truth(starts: Int64s) -> Floats:
    on_break = in_school_break(WEEK.local_days(starts))
    return np.where(WEEK.slots(starts, HOUR).off, 2.0, np.where(on_break, 5.0, 10.0))


def ahead(
    history: LoadCurve, days: int = 1, class_week: Floats | None = None, outlook: Floats | None = None
) -> Forecast:
    start_us = int(history.start_us[-1]) + HOUR
    found = forecast(history, WEEK, start_us, days * DAY, class_week=class_week, outlook=outlook)
    assert found is not None
    return found


def test_the_day_ahead_is_as_the_week_says() -> None:
    history = school("2026-01-12T23:00:00Z", 60)
    found = ahead(history, 7)
    np.testing.assert_allclose(found.expected, truth(found.start_us), rtol=1e-3)
    assert (found.lower <= found.expected).all()
    assert (found.expected <= found.upper).all()


def test_a_public_holiday_ahead_is_a_sunday() -> None:
    history = school("2026-03-01T23:00:00Z", 60)  # up to Thursday, 30 April
    found = ahead(history)
    assert found.start_us[0] == parse("2026-04-30T23:00:00Z")
    np.testing.assert_allclose(found.expected[:20], 2.0, rtol=1e-3)


def test_a_school_break_ahead_is_like_the_last_one() -> None:
    history = school("2026-07-09T22:00:00Z", 87)  # begins in the summer break, ends on Sunday before the autumn break
    found = ahead(history, 2)
    assert in_school_break(WEEK.local_days(found.start_us)).all()
    busy = ~WEEK.slots(found.start_us, HOUR).off
    np.testing.assert_allclose(found.expected[busy], 5.0, rtol=0.2)
    np.testing.assert_allclose(found.expected[~busy], 2.0, rtol=0.05)


def test_the_recent_level_is_followed() -> None:
    history = school("2026-01-12T23:00:00Z", 60)
    raised = history.values.copy()
    raised[-10 * 24 :] *= 1.5
    found = ahead(history.with_values(raised))
    ratio = found.expected.sum() / truth(found.start_us).sum()
    assert 1.3 < ratio <= 1.5


def test_nine_values_of_ten_lie_in_the_interval() -> None:
    noise = np.random.default_rng(5)
    history = school("2026-01-12T23:00:00Z", 60)
    noisy = history.with_values(history.values * noise.gamma(20, 1 / 20, len(history)))
    found = ahead(noisy, 7)
    actual = truth(found.start_us) * noise.gamma(20, 1 / 20, len(found.start_us))
    inside = (found.lower <= actual) & (actual <= found.upper)
    assert 0.8 <= inside.mean() <= 0.98


def test_a_colder_day_ahead_takes_more_heat() -> None:
    history = school("2026-01-12T23:00:00Z", 80)
    outdoor = 10 + 6 * np.sin(np.arange(len(history)) / 60)
    heated = LoadCurve(history.start_us, HOUR, history.values + np.maximum(15 - outdoor, 0), outdoor)
    cold, warm = (ahead(heated, outlook=np.full(24, temperature)) for temperature in (-2.0, 12.0))
    assert cold.expected[-1] > warm.expected[-1] + 4


def test_a_meter_of_one_day_does_as_its_sort_does_and_one_of_a_month_as_it_does_itself() -> None:
    typical = class_week(Carrier.ELECTRICITY, "school")
    for days in (1, 40):
        history = school("2026-01-14T23:00:00Z", days)  # a Thursday
        found = ahead(history, 5, typical)
        saturday = WEEK.local_days(found.start_us) % 7 == 2  # 1970-01-03 was one
        saturday_noon = found.expected[saturday][12]
        weekday_noon = found.expected[~saturday][11]
        assert saturday_noon < 0.7 * weekday_noon, f"known from the first day, after {days} days"
    assert saturday_noon == pytest.approx(2.0, rel=0.05)


def test_every_carrier_has_a_profile_and_unknown_usages_have_the_mean_of_all() -> None:
    for carrier in Carrier:
        week = class_week(carrier, "lighthouse")
        assert week.shape == (168,)
        assert week.mean() == pytest.approx(1.0)
        assert (week >= 0).all()
    assert (class_week(Carrier.ELECTRICITY, "school") != class_week(Carrier.ELECTRICITY, "office")).any()


def test_nothing_measured_nothing_forecast_and_a_start_in_the_past_is_refused() -> None:
    history = school("2026-01-12T23:00:00Z", 2)
    end = int(history.start_us[-1]) + HOUR
    assert forecast(history.with_values(np.full(48, np.nan)), WEEK, end, DAY) is None
    with pytest.raises(ValueError, match="where the history ends"):
        forecast(history, WEEK, end - HOUR, DAY)
