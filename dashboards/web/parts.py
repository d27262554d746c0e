"""The pieces pages are made of: cards, tiles, tables, plots. They know how things look, not what they mean."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple
from urllib.parse import quote

from nicegui import ui
from nicegui.events import GenericEventArguments, ValueChangeEventArguments

from dashboards.web.charts import Options
from dashboards.web.formats import Shown
from dashboards.web.views import DeviceState
from metering.event import Severity
from metering.texts import Texts

TONES = {DeviceState.ONLINE: "good", DeviceState.LATE: "warning", DeviceState.SILENT: "critical"}
SEVERITY_TONES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


def heading(title: str, subtitle: str = "", back: tuple[str, str] | None = None) -> None:
    """The title of a page; ``back`` is the label and the address of the page above."""
    with ui.element("div").classes("heading"):
        if back is not None:
            with ui.link(target=back[1]).classes("back"):
                ui.icon("arrow_back")
                ui.label(back[0])
        _text("h1", title)
        if subtitle:
            ui.label(subtitle).classes("subtitle")


@contextmanager
def card(title: str, classes: str = "") -> Iterator[ui.element]:
    """A titled surface. Yields the place beside the title, for switches."""
    with ui.element("section").classes(f"card {classes}"):
        with ui.element("div").classes("card-head"):
            _text("h2", title)
            beside = ui.element("div").classes("card-beside")
        yield beside


class Tile:
    """A figure at a glance: label, value with unit, a note. ``tone`` colours it: "", good, warning, critical."""

    def __init__(self, label: str, target: str | None = None) -> None:
        self._box = (ui.link(target=target) if target else ui.element("div")).classes("tile")
        with self._box:
            ui.label(label).classes("tile-label")
            with ui.element("div").classes("tile-value"):
                self._number = ui.label().classes("tile-number")
                self._unit = ui.label().classes("tile-unit")
            self._note = ui.label().classes("tile-note")

    def show(self, value: Shown, note: str = "", tone: str = "") -> None:
        self._number.set_text(value.number)
        self._unit.set_text(value.unit)
        self._note.set_text(note)
        self._box.classes(replace=f"tile {tone}")


class Column(NamedTuple):
    """A column of a table.

    kind  number: right-aligned. link: the row's ``<name>_to`` is the address. state: the row's ``<name>_tone`` is the
          colour of a dot before the text. Rows may hold ``<name>_by`` to sort by.
    wide  left out on narrow screens
    """

    name: str
    label: str
    kind: Literal["text", "number", "link", "state"] = "text"
    wide: bool = False


Row = Mapping[str, str | float | None]

_SLOTS = {
    "link": '<a class="cell-link" :href="props.row.{name}_to">{{{{ props.value }}}}</a>',
    "state": '<span class="state" :class="props.row.{name}_tone">{{{{ props.value }}}}</span>',
}
_BY = "(a, b, x, y) => {{ const p = x.{name}_by ?? a, q = y.{name}_by ?? b; return p < q ? -1 : p > q ? 1 : 0; }}"


class Table:
    """A sortable table, in pages of ``page_size`` rows if there are more. All cells are escaped by the browser."""

    def __init__(
        self, columns: Sequence[Column], empty: str, page_size: int = 0, search: ui.input | None = None
    ) -> None:
        self._page_size = page_size
        self._table = ui.table(columns=[_column(column) for column in columns], rows=[], pagination=page_size or None)
        for column in columns:
            if column.kind in _SLOTS:
                cell = _SLOTS[column.kind].format(name=column.name)
                self._table.add_slot(f"body-cell-{column.name}", f'<q-td :props="props">{cell}</q-td>')
        self._table.props["no-data-label"] = self._table.props["no-results-label"] = empty
        self._table.props["flat"] = True
        self._table.classes("table")
        if search is not None:
            self._table.bind_filter_from(search, "value", backward=lambda text: text or "")

    def show(self, rows: Sequence[Row]) -> None:
        self._table.props["hide-pagination"] = not 0 < self._page_size < len(rows)
        self._table.rows = [dict(row) for row in rows]


def _column(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "label": column.label,
        "field": column.name,
        "sortable": True,
        ":sort": _BY.format(name=column.name),
        "align": "right" if column.kind == "number" else "left",
        "classes": f"is-{column.kind}{' wide' if column.wide else ''}",
        "headerClasses": "wide" if column.wide else "",
    }


class Plot:
    """A plot whose options can be replaced; says ``empty`` instead while there is nothing to draw.

    on_pick  told the name of a point that was clicked
    on_zoom  told both ends of a stretch of the time axis that was picked, see `Charts.zoomable`
    """

    def __init__(
        self,
        label: str,
        empty: str,
        classes: str = "",
        on_pick: Callable[[str], None] | None = None,
        on_zoom: Callable[[float, float], Awaitable[None]] | None = None,
    ) -> None:
        self._chart = ui.echart({}, on_point_click=(lambda event: on_pick(str(event.name))) if on_pick else None)
        self._chart.classes(f"plot {classes}").props["aria-label"] = label
        self._chart.props["role"] = "img"
        if on_zoom is not None:
            self._chart.on("chart:datazoom", self._zooms(on_zoom), args=["batch"])
        self._empty = ui.label(empty).classes(f"plot empty {classes}")

    def _zooms(
        self, on_zoom: Callable[[float, float], Awaitable[None]]
    ) -> Callable[[GenericEventArguments], Awaitable[None]]:
        async def zoom(event: GenericEventArguments) -> None:
            for picked in event.args.get("batch") or []:
                start, end = picked.get("startValue"), picked.get("endValue")
                if isinstance(start, int | float) and isinstance(end, int | float):
                    self._chart.run_chart_method("dispatchAction", {"type": "dataZoom", "start": 0, "end": 100})
                    await on_zoom(start, end)
                    return

        return zoom

    def show(self, options: Options | None) -> None:
        self._chart.set_visibility(options is not None)
        self._empty.set_visibility(options is None)
        if options is not None:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()


class SpanChoice:
    """How far back a plot shows: one of ``spans`` (by name, in µs), chosen by a row of switches."""

    def __init__(self, spans: Mapping[str, int], chosen: str) -> None:
        self._spans = spans
        self._chosen = chosen

    @property
    def us(self) -> int:
        return self._spans[self._chosen]

    def show(self, say: Texts, refresh: Callable[[], Awaitable[None]]) -> None:
        """Draw the switches; ``refresh`` is called after each choice."""

        async def choose(event: ValueChangeEventArguments[str]) -> None:
            self._chosen = event.value
            await refresh()

        switches = ui.toggle({span: say(f"span.{span}") for span in self._spans}, value=self._chosen, on_change=choose)
        switches.props("unelevated no-caps dense").classes("choice")


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    with ui.element("dl").classes("facts"):
        for name, value in pairs:
            fact(name, value)


def fact(name: str, value: str, target: str | None = None) -> None:
    """One name and its value, which may lead somewhere."""
    _text("dt", name)
    with ui.element("dd"):
        if target:
            ui.link(value, target)
        else:
            ui.label(value)


def path(*steps: str) -> str:
    """An address of this app; each step is quoted, so that no id can break out of its place."""
    return "/" + "/".join(quote(step, safe="") for step in steps)


def _text(tag: str, text: str) -> None:
    with ui.element(tag):
        ui.label(text)
