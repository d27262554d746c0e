"""View models as ECharts options."""

import json

import numpy as np

from dashboards.web.charts import Charts, Place, palette
from dashboards.web.views import Curve, MeterProfile
from metering.instant import HOUR, QUARTER_HOUR, parse
from metering.localtime import LocalCalendar

CHARTS = Charts(palette("de", is_dark=False), LocalCalendar())
START = parse("2026-07-01T00:00:00Z")
TIMES = START + np.arange(4) * QUARTER_HOUR


def curve(name: str, *values: float) -> Curve:
    return Curve(name, TIMES[: len(values)], np.array(values))


def series(options: dict[str, object], name: str) -> list[list[float | None]]:
    found = options["series"]
    assert isinstance(found, list)
    data: list[list[float | None]] = next(entry["data"] for entry in found if entry["name"] == name)
    return data


def test_times_are_drawn_as_local_wall_clock() -> None:
    points = series(CHARTS.lines({"Last": curve("load", 1500.0, np.nan)}, "kW", factor=1e-3), "Last")
    assert points == [[(START + 2 * HOUR) // 1000, 1.5], [(START + 2 * HOUR + QUARTER_HOUR) // 1000, None]]


def test_the_band_reaches_from_lower_to_upper() -> None:
    view = MeterProfile(
        QUARTER_HOUR, curve("actual", 5, 6), curve("expected", 4, 4), curve("lower", 3, 2), curve("upper", 5, 7)
    )
    options = CHARTS.band(view, ("gemessen", "erwartet", "Bereich"), "kWh")
    assert [value for _, value in series(options, "")] == [3, 2]
    assert [value for _, value in series(options, "Bereich")] == [2, 5]
    assert [value for _, value in series(options, "gemessen")] == [5, 6]


def test_names_are_data_and_never_keys_the_browser_would_run() -> None:
    hostile = ":alert(1)"
    drawn = [
        CHARTS.lines({hostile: curve("x", 1)}, "kW"),
        CHARTS.bars([hostile], {hostile: [1.0]}, "kg"),
        CHARTS.site_map([Place(hostile, 50, 8, 1, None)]),
    ]
    for options in drawn:
        assert f'"{hostile}":' not in json.dumps(options)


def test_the_map_keeps_its_scale() -> None:
    options = CHARTS.site_map([Place("a", 50.0, 8.0, 1, None), Place("b", 50.0, 9.0, 0, None)], aspect=2)
    x, y = options["xAxis"], options["yAxis"]
    assert isinstance(x, dict)
    assert isinstance(y, dict)
    width_km = (x["max"] - x["min"]) * 111.32 * np.cos(np.radians(50.0))
    assert width_km / ((y["max"] - y["min"]) * 111.32) - 2 < 0.01
    assert x["min"] < 8
    assert x["max"] > 9
