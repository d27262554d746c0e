"""Every kind of load, as the town uses it."""

from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from device_sim.loads import AnyLoad, Load
from device_sim.loads.load import Span
from device_sim.loads.occupied import Occupied
from device_sim.moments import Moments
from device_sim.noise import Noise
from device_sim.plan import town_plan
from device_sim.weather import Weather
from metering.instant import MINUTE, parse

WEATHER = Weather(5)
SUMMER, WINTER = (np.arange(10_080) + parse(day) // MINUTE for day in ("2026-06-08T00:00Z", "2026-01-19T00:00Z"))
LOADS = {f"{device.id}/{name}": load for device in town_plan().devices for name, load in device.loads.items()}


@pytest.mark.parametrize("name", LOADS)
def test_a_load_is_a_pure_function_of_the_minute(name: str) -> None:
    load, noise = LOADS[name], Noise(5, name)
    week = load.rate(Moments.of(WINTER, WEATHER), noise)
    assert week.shape == WINTER.shape
    assert np.isfinite(week).all()
    assert (week * load.rate(Moments.of(SUMMER, WEATHER), noise).mean() >= 0).all()  # takes or gives, never both
    for asked in (WINTER[5000:5001], WINTER[::97], WINTER[::-1][:300]):
        alone = load.rate(Moments.of(asked, WEATHER), noise)
        np.testing.assert_allclose(alone, week[asked - WINTER[0]], rtol=1e-9, atol=1e-9)


def test_the_town_uses_every_kind() -> None:
    kinds = set(get_args(get_args(AnyLoad)[0]))
    assert {type(load) for load in LOADS.values()} == kinds
    assert all(issubclass(kind, Load) for kind in kinds)


def weekly(name: str, minutes: np.ndarray) -> float:
    return float(LOADS[name].rate(Moments.of(minutes, WEATHER), Noise(5, name)).sum() / 60)


@pytest.mark.parametrize(
    ("name", "winter_over_summer"),
    [
        ("school-heat/rooms", (5, np.inf)),
        ("depot-heat-pump/heat-pump", (3, np.inf)),
        ("school-circulation/pumps", (1.2, np.inf)),
        ("street-lighting-main/lamps", (1.3, 3)),
        ("gym-main/hall", (1.05, 3)),
        ("school-pv/string-2", (0.02, 0.7)),
        ("townhall-it/servers", (0.7, 1.0)),
        ("pool-filtration/pumps", (0.97, 1.03)),
    ],
)
def test_seasons(name: str, winter_over_summer: tuple[float, float]) -> None:
    low, high = winter_over_summer
    assert low < weekly(name, WINTER) / weekly(name, SUMMER) < high


def test_hours() -> None:
    def hours(text: object) -> Span:
        load = {"kind": "occupied", "base": 0, "peak": 1, "hours": text}
        return TypeAdapter(Occupied).validate_python(load).hours

    assert hours("07:30-16:00") == Span(450, 960)
    assert hours("22:00-05:00") == Span(1320, 1740)
    for wrong in ("7-16", "07:30", 7):
        with pytest.raises(ValidationError, match="are no hours such as"):
            hours(wrong)
