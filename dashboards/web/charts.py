"""View models as ECharts options. Pure; keys that begin with a colon hold JavaScript, always a constant of this file.

Time axes show local time: ECharts knows only UTC and the browser's zone, so instants are shifted by the offset of the
installation's zone and drawn as UTC. In the hour that autumn repeats, a line runs twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import NamedTuple

import numpy as np

from dashboards.web.views import Curve, MeterProfile
from metering.event import Severity
from metering.instant import DAY, MINUTE, Window
from metering.localtime import LocalCalendar
from metering.samples import Floats, Int64s
from metering.texts import Language

Options = dict[str, object]

_FONT = "Roboto, sans-serif"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of plots and the language of their axes; the same hues as in style.css."""

    locale: str
    text: str
    muted: str
    line: str
    surface: str
    load: str
    generation: str
    expected: str
    series: tuple[str, ...]
    severity: Mapping[Severity | None, str]


def palette(language: Language, *, is_dark: bool) -> Palette:
    """Colours for light or dark surfaces."""
    locale = "de-DE" if language == "de" else "en-GB"
    if is_dark:
        return Palette(
            locale, "#dde6ec", "#8b9cab", "#26343f", "#172129", "#58b4d1", "#e3b341", "#7f93a3",
            ("#58b4d1", "#e08e6d", "#a79be0", "#5fc2a0", "#e3b341", "#d987b0", "#8fb0e8", "#b5c46a"),
            {None: "#58b4d1", Severity.INFO: "#8b9cab", Severity.WARNING: "#e3a33a", Severity.CRITICAL: "#f0716b"},
        )  # fmt: skip
    return Palette(
        locale, "#17222b", "#5d6d7a", "#e1e7eb", "#ffffff", "#0f6f8c", "#d39a00", "#8496a3",
        ("#0f6f8c", "#c2603a", "#6f60b8", "#2b8a68", "#d39a00", "#b04a80", "#4a76c4", "#7f8f1f"),
        {None: "#0f6f8c", Severity.INFO: "#5d6d7a", Severity.WARNING: "#c47a00", Severity.CRITICAL: "#c22f2f"},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the site map; ``weight`` is 0..1."""

    name: str
    latitude: float
    longitude: float
    weight: float
    severity: Severity | None


class Mark(NamedTuple):
    """Something to point out in a plot: a stretch of time in the colour of its severity, or an instant by name."""

    window: Window
    severity: Severity = Severity.CRITICAL
    name: str = ""


class Charts:
    """Draws for one reader: in their colours and language, in the local time of ``calendar``."""

    def __init__(self, colours: Palette, calendar: LocalCalendar) -> None:
        self._colours = colours
        self._calendar = calendar

    def lines(self, curves: Mapping[str, Curve], unit: str, *, factor: float = 1.0, from_zero: bool = True) -> Options:
        """Named curves over local time, their values multiplied by ``factor`` and labelled ``unit``."""
        series = []
        for number, (name, curve) in enumerate(curves.items()):
            colour, fill = _style(curve.name, number, self._colours)
            points = _points(curve, self._calendar, factor)
            series.append({**_line(name, points, colour), "areaStyle": {"opacity": fill}})
        options = {**_over_time(unit, self._colours), "series": series}
        axis = options["yAxis"]
        assert isinstance(axis, dict)
        axis["scale"] = not from_zero
        return options

    def band(self, view: MeterProfile, names: tuple[str, str, str], unit: str, marks: Sequence[Mark] = ()) -> Options:
        """Actual values against expected ones inside their interval, which ``names`` name in this order."""
        colours, calendar = self._colours, self._calendar
        actual = {**_line(names[0], _points(view.actual, calendar), colours.load), "z": 3, **self._marks(marks)}
        if not len(view.expected.times_us):
            return {**_over_time(unit, colours), "series": [actual]}
        width = Curve("width", view.lower.times_us, _at(view.upper, view.lower.times_us) - view.lower.values)
        unseen = {"lineStyle": {"opacity": 0}, "stack": "band", "stackStrategy": "all", "tooltip": {"show": False}}
        floor = {**_line("", _points(view.lower, calendar), colours.expected), **unseen, "silent": True}
        area = {
            **_line(names[2], _points(width, calendar), colours.expected),
            **unseen,
            "areaStyle": {"color": colours.expected, "opacity": 0.22},
        }
        expected = _line(names[1], _points(view.expected, calendar), colours.expected)
        expected["lineStyle"] = {"width": 1.5, "type": "dashed", "color": colours.expected}
        legend = [names[0], names[1], {"name": names[2], "itemStyle": {"opacity": 0.35}}]
        return {
            **_over_time(unit, colours),
            "legend": {**_legend(colours), "data": legend},
            "series": [floor, area, expected, actual],
        }

    def bars(self, labels: Sequence[str], stacks: Mapping[str, Sequence[float | None]], unit: str) -> Options:
        """Stacked bars, one stack a label."""
        colours = self._colours
        series = [
            {
                "name": name,
                "type": "bar",
                "stack": "all",
                "data": [None if value is None else round(value, 3) for value in values],
                "itemStyle": {"color": colours.series[number % len(colours.series)]},
                "barMaxWidth": 40,
            }
            for number, (name, values) in enumerate(stacks.items())
        ]
        axis = {
            "type": "category",
            "data": list(labels),
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.line}},
            "axisLabel": {"color": colours.muted, "hideOverlap": True},
        }
        return {**_plot(unit, colours), "xAxis": axis, "series": series}

    def bars_and_line(
        self,
        labels: Sequence[str],
        stacks: Mapping[str, Sequence[float | None]],
        line: tuple[str, Sequence[float | None]],
        unit: str,
    ) -> Options:
        """Stacked bars, and a dashed line (its name, and a value a label) over them."""
        name, values = line
        points = [None if value is None else round(value, 3) for value in values]
        colour = self._colours.text
        dashed = {"width": 1.8, "type": "dashed", "color": colour}
        drawn = {"name": name, "type": "line", "data": points, "showSymbol": False, "symbol": "circle", "z": 3}
        bars = self.bars(labels, stacks, unit)
        series = bars["series"]
        assert isinstance(series, list)
        return {**bars, "series": [*series, {**drawn, "lineStyle": dashed, "itemStyle": {"color": colour}}]}

    def site_map(self, places: Sequence[Place], aspect: float = 1.2) -> Options:
        """Sites where they lie, north up and true to scale on a surface ``aspect`` times as wide as high."""
        colours = self._colours
        data = [
            {
                "name": place.name,
                "value": [place.longitude, place.latitude],
                "symbolSize": 12 + 16 * place.weight**0.5,
                "itemStyle": {
                    "color": colours.severity[place.severity],
                    "opacity": 0.9,
                    "borderColor": colours.surface,
                    "borderWidth": 2,
                },
            }
            for place in places
        ]
        label = {"show": True, "formatter": "{b}", "position": "bottom", "color": colours.text, "fontSize": 11}
        scatter = {"type": "scatter", "data": data, "label": label, "labelLayout": {"hideOverlap": True}}
        axes = [_degrees(low, high, colours) for low, high in _extent(places, aspect)]
        return {
            "animation": False,
            "textStyle": {"fontFamily": _FONT},
            "grid": {"left": 0, "right": 0, "top": 0, "bottom": 0},
            "xAxis": axes[0],
            "yAxis": axes[1],
            "tooltip": {"show": False},
            "series": [scatter],
        }

    def zoomable(self, options: Options, pick: str) -> Options:
        """With a tool in the corner to pick a stretch of the time axis; ``pick`` says so."""
        colours = self._colours
        tool = {"yAxisIndex": "none", "title": {"zoom": pick}, "icon": {"back": "none"}}
        emphasis = {"iconStyle": {"borderColor": colours.text, "textFill": colours.text, "textPosition": "left"}}
        style = {"iconStyle": {"borderColor": colours.muted}, "emphasis": emphasis}
        place = {"right": 8, "top": -4, "itemSize": 15}
        return {**options, "toolbox": {**place, **style, "feature": {"dataZoom": tool}}}

    def picked(self, start_ms: float, end_ms: float) -> Window:
        """The stretch of time between two places of a time axis, which shows local time as if it were UTC."""
        local = np.array([round(start_ms), round(end_ms)], np.int64) * 1000
        near = local - self._calendar.utc_offsets_us(local)
        start_us, end_us = (local - self._calendar.utc_offsets_us(near)).tolist()
        return Window(start_us, max(start_us, end_us))

    def _marks(self, marks: Sequence[Mark]) -> Options:
        areas, lines = [], []
        for window, severity, name in marks:
            start, end = _local_ms(np.array([window.start_us, window.end_us], np.int64), self._calendar)
            if window.duration_us:
                style = {"color": self._colours.severity[severity], "opacity": 0.09}
                areas.append([{"xAxis": start, "itemStyle": style}, {"xAxis": end}])
            else:
                lines.append({"xAxis": start, "name": name})
        label = {"formatter": "{b}", "color": self._colours.text, "fontSize": 11}
        line = {"color": self._colours.text, "type": "solid", "width": 1.5}
        return {
            "markArea": {"silent": True, "data": areas},
            "markLine": {"silent": True, "symbol": "none", "label": label, "lineStyle": line, "data": lines},
        }


def _extent(places: Sequence[Place], aspect: float) -> list[tuple[float, float]]:
    """The range of longitudes and that of latitudes to draw, with a margin."""
    longitudes, latitudes = [place.longitude for place in places], [place.latitude for place in places]
    middle = ((min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2)
    squeeze = cos(radians(middle[1]))  # a degree of longitude in degrees of latitude
    reach = ((max(longitudes) - min(longitudes)) * squeeze / aspect, max(latitudes) - min(latitudes), 0.004)
    height = max(reach) * 1.35
    sizes = (height * aspect / squeeze, height)
    return [(centre - size / 2, centre + size / 2) for centre, size in zip(middle, sizes, strict=True)]


def _degrees(low: float, high: float, colours: Palette) -> Options:
    return {
        "type": "value",
        "min": low,
        "max": high,
        "axisLabel": {"show": False},
        "axisTick": {"show": False},
        "axisLine": {"show": False},
        "splitNumber": 6,
        "splitLine": {"lineStyle": {"color": colours.line, "type": "dotted"}},
    }


def _style(name: str, number: int, colours: Palette) -> tuple[str, float]:
    """The colour of a curve and how opaque the area under it is."""
    own = {"load": (colours.load, 0.10), "generation": (colours.generation, 0.22)}
    return own.get(name, (colours.series[number % len(colours.series)], 0.0))


def _line(name: str, points: list[list[float | None]], colour: str) -> Options:
    return {
        "name": name,
        "type": "line",
        "data": points,
        "showSymbol": False,
        "symbol": "circle",
        "lineStyle": {"width": 1.8, "color": colour},
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
    }


def _points(curve: Curve, calendar: LocalCalendar, factor: float = 1.0) -> list[list[float | None]]:
    return [
        [time, round(value * factor, 4) if np.isfinite(value) else None]
        for time, value in zip(_local_ms(curve.times_us, calendar), curve.values.tolist(), strict=True)
    ]


def _local_ms(times_us: Int64s, calendar: LocalCalendar) -> list[int]:
    local: list[int] = ((times_us + calendar.utc_offsets_us(times_us)) // 1000).tolist()
    return local


def _at(curve: Curve, times_us: Int64s) -> Floats:
    """The values of a curve at the given times, NaN where it has none."""
    known = dict(zip(curve.times_us.tolist(), curve.values.tolist(), strict=True))
    return np.array([known.get(time, np.nan) for time in times_us.tolist()], np.float64)


def _legend(colours: Palette) -> Options:
    return {
        "type": "scroll",
        "pageTextStyle": {"color": colours.muted},
        "pageIconColor": colours.text,
        "pageIconInactiveColor": colours.line,
        "top": 0,
        "left": 0,
        "icon": "roundRect",
        "itemWidth": 12,
        "itemHeight": 8,
        "textStyle": {"color": colours.muted},
    }


def _plot(unit: str, colours: Palette) -> Options:
    number = f"v => v == null ? '–' : v.toLocaleString('{colours.locale}', {{maximumFractionDigits: 2}})"
    with_unit = f"v => v == null ? '–' : v.toLocaleString('{colours.locale}', {{maximumFractionDigits: 2}}) + ' {unit}'"
    return {
        "animation": False,
        "textStyle": {"fontFamily": _FONT},
        "grid": {"left": 8, "right": 12, "top": 52, "bottom": 4, "containLabel": True},
        "legend": _legend(colours),
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "backgroundColor": colours.surface,
            "borderColor": colours.line,
            "textStyle": {"color": colours.text, "fontSize": 12},
            "axisPointer": {"type": "line", "lineStyle": {"color": colours.muted}},
            ":valueFormatter": with_unit,
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": colours.muted, "align": "left"},
            "nameGap": 10,
            "splitNumber": 4,
            "splitLine": {"lineStyle": {"color": colours.line}},
            "axisLabel": {"color": colours.muted, ":formatter": number},
        },
    }


def _over_time(unit: str, colours: Palette) -> Options:
    day = "{timeZone: 'UTC', weekday: 'short', day: '2-digit', month: '2-digit'}"
    axis = (
        "t => { const d = new Date(t); return d.getUTCHours() + d.getUTCMinutes() === 0"
        f" ? d.toLocaleDateString('{colours.locale}', {{timeZone: 'UTC', day: '2-digit', month: '2-digit'}})"
        f" : d.toLocaleTimeString('{colours.locale}', {{timeZone: 'UTC', hour: '2-digit', minute: '2-digit'}}); }}"
    )
    pointer = (
        f"p => p.axisDimension === 'x' ? new Date(p.value).toLocaleString('{colours.locale}', "
        f"Object.assign({day}, {{hour: '2-digit', minute: '2-digit'}})) : String(p.value)"
    )
    plot = _plot(unit, colours)
    tooltip = plot["tooltip"]
    assert isinstance(tooltip, dict)
    tooltip["axisPointer"] = {**tooltip["axisPointer"], "label": {"show": False, ":formatter": pointer}}
    return {
        **plot,
        "useUTC": True,
        "xAxis": {
            "type": "time",
            "axisLine": {"lineStyle": {"color": colours.line}},
            "axisTick": {"show": False},
            "splitLine": {"show": False},
            "minInterval": 15 * MINUTE // 1000,
            "maxInterval": 31 * DAY // 1000,
            "axisLabel": {"color": colours.muted, "hideOverlap": True, ":formatter": axis},
        },
    }
