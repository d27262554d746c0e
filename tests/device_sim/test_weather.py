"""The weather is believable, and a pure function of seed and instant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.noise import Noise
from device_sim.weather import Weather, sun
from metering.instant import DAY, HOUR, parse

YEAR = np.arange(parse("2026-01-01T00:00Z"), parse("2027-01-01T00:00Z"), HOUR)
INSTANTS = st.integers(parse("2020-01-01T00:00Z"), parse("2030-01-01T00:00Z"))


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_year_in_offenbach(seed: int) -> None:
    """DWD normals of Frankfurt: mean 11 °C, January 2 °C, July 20 °C; irradiation about 1,100 kWh/m² a year."""
    weather = Weather(seed)
    temperature = weather.temperature(YEAR)
    assert 9.5 < temperature.mean() < 12.5
    assert -25 < temperature.min() < 0
    assert 26 < temperature.max() < 41
    assert temperature[: 31 * 24].mean() < 7
    assert temperature[181 * 24 : 212 * 24].mean() > 16
    assert 950 < weather.irradiance(YEAR).sum() / 1000 < 1350


def test_tomorrow_is_much_like_today() -> None:
    daily = Weather(3).temperature(YEAR).reshape(-1, 24).mean(axis=1)
    season = np.convolve(daily, np.ones(31) / 31, "same")
    spells = daily - season
    assert np.corrcoef(spells[:-1], spells[1:])[0, 1] > 0.5
    assert abs(np.corrcoef(spells[:-30], spells[30:])[0, 1]) < 0.4


@pytest.mark.parametrize(
    ("time", "elevation", "azimuth"),
    [
        ("2026-06-21T11:27Z", 63.3, 0),  # solar noon at the solstices: 90° - latitude ± 23.44°
        ("2026-12-21T11:23Z", 16.5, 0),
        ("2026-03-20T11:32Z", 39.9, 0),
        ("2026-06-21T03:15Z", -0.8, -129),  # sunrise in Offenbach 5:15 CEST
    ],
)
def test_sun(time: str, elevation: float, azimuth: float) -> None:
    position = sun(np.array([parse(time)]))
    assert np.degrees(position.elevation[0]) == pytest.approx(elevation, abs=0.6)
    assert np.degrees(position.azimuth[0]) == pytest.approx(azimuth, abs=1.5)


def test_no_sun_at_night_and_more_on_a_south_roof() -> None:
    weather = Weather(1)
    night = sun(YEAR).elevation < 0
    assert (weather.irradiance(YEAR)[night] == 0).all()
    assert (weather.tilted_irradiance(YEAR, 30, 0)[night] == 0).all()
    south, north = (weather.tilted_irradiance(YEAR, 30, azimuth).sum() for azimuth in (0, 180))
    assert 1.05 < south / weather.irradiance(YEAR).sum() < 1.35
    assert north < 0.85 * weather.irradiance(YEAR).sum()
    assert weather.tilted_irradiance(YEAR, 30, 0).max() < 1400


@given(times=st.lists(INSTANTS, min_size=1, max_size=20), seed=st.integers(0, 2**32))
def test_the_weather_depends_on_the_instant_alone(times: list[int], seed: int) -> None:
    weather = Weather(seed)
    together = np.array(times)
    for name in ("temperature", "irradiance", "humidity", "pressure"):
        values = getattr(weather, name)(together)
        alone = [getattr(Weather(seed), name)(np.array([time]))[0] for time in times]
        np.testing.assert_allclose(values, alone, rtol=1e-12, atol=1e-9)


def test_seeds_make_different_weather() -> None:
    assert np.abs(Weather(1).temperature(YEAR) - Weather(2).temperature(YEAR)).mean() > 1


def test_noise_has_the_promised_moments() -> None:
    noise = Noise(1, "test")
    index = np.arange(200_000)
    uniform, normal, smooth = noise.uniform(index), noise.normal(index), noise.smooth(index, 7)
    assert (uniform >= 0).all()
    assert (uniform < 1).all()
    assert uniform.mean() == pytest.approx(0.5, abs=0.005)
    for values in (normal, smooth):
        assert values.mean() == pytest.approx(0, abs=0.02)
        assert values.var() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(normal[:-1], normal[1:])[0, 1] == pytest.approx(0, abs=0.01)
    assert np.corrcoef(normal, noise.of("other").normal(index))[0, 1] == pytest.approx(0, abs=0.01)


@given(time=st.integers(-(10**15), 10**16), period=st.sampled_from([7 * DAY, HOUR, 60]))
def test_smooth_noise_is_continuous(time: int, period: int) -> None:
    noise = Noise(2, "test")
    values = noise.smooth(np.array([time, time + period // 60]), period)
    assert abs(values[1] - values[0]) < 0.3
