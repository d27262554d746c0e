"""Which stretch of time a plot shows: the last day, week or year, an earlier one, or one picked in the plot."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from metering.clock import Clock
from metering.instant import HOUR, Window
from metering.texts import Texts

_SHORTEST_US = 2 * HOUR


@dataclass(frozen=True, slots=True)
class _Shown:
    """``end_us`` is None for a stretch that ends now, ``span`` the name of its length, or None if it was picked."""

    duration_us: int
    end_us: int | None
    span: str | None


class StretchChoice:
    """Spans (by name, in µs) to choose from, arrows to go back and forth, and stretches picked in the plot."""

    def __init__(self, spans: Mapping[str, int], chosen: str, clock: Clock) -> None:
        self._spans = spans
        self._clock = clock
        self._shown = _Shown(spans[chosen], None, chosen)
        self._refresh: Callable[[], Awaitable[None]] | None = None

    @property
    def window(self) -> Window:
        """From a whole hour on."""
        end_us = self._end_us()
        return Window((end_us - self._shown.duration_us) // HOUR * HOUR, end_us)

    def show(self, say: Texts, refresh: Callable[[], Awaitable[None]]) -> None:
        """Draw the switches; ``refresh`` is called after each choice."""
        self._refresh = refresh

        async def choose(event: ValueChangeEventArguments[str | None]) -> None:
            if event.value is not None:
                await self._go(_Shown(self._spans[event.value], None, event.value))

        with ui.element("div").classes("stretch"):
            self._earlier = _arrow("chevron_left", say("stretch.earlier"), lambda: self._shift(-1))
            self._later = _arrow("chevron_right", say("stretch.later"), lambda: self._shift(1))
            names = {span: say(f"span.{span}") for span in self._spans}
            self._switches = ui.toggle(names, value=self._shown.span, on_change=choose)
            self._switches.props("unelevated no-caps dense").classes("choice")
        self._later.set_enabled(False)

    async def pick(self, window: Window) -> None:
        """Show this stretch, or the shortest around its middle."""
        duration_us = max(window.duration_us, _SHORTEST_US)
        end_us = window.end_us + (duration_us - window.duration_us) // 2
        await self._go(_Shown(duration_us, end_us, None))

    async def _shift(self, by: int) -> None:
        shown = self._shown
        await self._go(replace(shown, end_us=self._end_us() + by * shown.duration_us))

    async def _go(self, shown: _Shown) -> None:
        now_us = self._clock.now_us()
        if shown.end_us is not None and shown.end_us >= now_us:
            shown = replace(shown, end_us=None)
        self._shown = shown
        self._later.set_enabled(shown.end_us is not None)
        self._switches.set_value(shown.span)
        if self._refresh is not None:
            await self._refresh()

    def _end_us(self) -> int:
        return self._clock.now_us() + 1 if self._shown.end_us is None else self._shown.end_us


def _arrow(icon: str, label: str, on_click: Callable[[], Awaitable[None]]) -> ui.button:
    button = ui.button(icon=icon, on_click=on_click).props("flat dense").classes("arrow")
    button.props["aria-label"] = label
    return button
