"""The exchange of a meter (Zählerwechsel): enter it, see what it makes of the day, then note it; or take one back."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from fastapi import Request
from nicegui import ui

from analytics.exchange_book import Entry
from dashboards.web import parts
from dashboards.web.access.doors import address_of
from dashboards.web.exchanges import LONGEST_NOTE, LONGEST_SERIAL, Exchanges, Preview, note
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.inbox import LONGEST_NAME
from metering.estate import Exchange, Meter
from metering.instant import from_datetime
from storage.protocol import StoreError


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/meter/{meter_id}/exchange")
    async def exchange(request: Request, meter_id: str) -> None:
        desk = Desk(house, request)
        meter, exchanges = desk.house.estate.meters.get(meter_id), desk.house.exchanges
        if meter is None or meter.formula is not None or exchanges is None:
            with desk.frame("", desk.texts("not_found")):
                desk.not_found(desk.texts("meter.unknown"))
            return
        with desk.frame("overview", desk.texts("exchange.title")):
            await _Sheet(desk, meter, exchanges).lay_out()


class _Sheet:
    def __init__(self, desk: Desk, meter: Meter, exchanges: Exchanges) -> None:
        self._desk = desk
        self._meter = meter
        self._exchanges = exchanges
        self._refresh: Callable[[], Awaitable[None]] | None = None

    async def lay_out(self) -> None:
        say, meter = self._desk.texts, self._meter
        parts.heading(say("exchange.title"), say("exchange.subtitle"), (meter.name, parts.path("meter", meter.id)))
        with ui.element("div").classes("halves"):
            with parts.card(say("exchange.enter")):
                self._form()
            with parts.card(say("exchange.preview")):
                self._preview = ui.element("div").classes("stack").props('role="status"')
                with self._preview:
                    ui.label(say("exchange.preview.none")).classes("fine")
        with parts.card(say("exchange.recorded")):

            async def standing() -> Sequence[Entry]:
                return await self._exchanges.standing(meter.id)

            every_s = self._desk.house.settings.refresh_s
            self._refresh = await self._desk.follow(standing, self._list, every_s, "rows")

    def _form(self) -> None:
        say, unit = self._desk.texts, self._meter.carrier.unit
        now = self._desk.house.calendar.local(self._desk.house.clock.now_us())
        ui.label(say("exchange.note")).classes("fine")
        with ui.element("div").classes("form"):
            self._date = ui.input(say("exchange.date"), value=now.strftime("%Y-%m-%d")).props("type=date")
            self._time = ui.input(say("exchange.time"), value=now.strftime("%H:%M")).props("type=time")
            self._end = ui.number(say("exchange.end", unit=unit), min=0)
            self._start = ui.number(say("exchange.start", unit=unit), value=0, min=0)
            self._serial = ui.input(say("exchange.serial")).props(f"maxlength={LONGEST_SERIAL}")
            self._old_serial = ui.input(say("exchange.old_serial")).props(f"maxlength={LONGEST_SERIAL}")
            self._note = ui.input(say("exchange.comment")).props(f"maxlength={LONGEST_NOTE}")
            self._who = ui.input(say("alert.who")).props(f"maxlength={LONGEST_NAME}")
            self._who.set_visibility(not self._desk.visitor.name)
        fields = (self._date, self._time, self._end, self._start)
        for field in (*fields, self._serial, self._old_serial, self._note, self._who):
            field.props("outlined dense stack-label autocomplete=off")
        for field in fields:
            field.on_value_change(self._forget)
        with ui.element("div").classes("buttons"):
            ui.button(say("exchange.check"), icon="calculate", on_click=self._check).props("no-caps unelevated")

    def _forget(self) -> None:
        """What was shown is not what is entered now."""
        self._preview.clear()
        with self._preview:
            ui.label(self._desk.texts("exchange.preview.none")).classes("fine")

    def _entered(self) -> Exchange | str:
        """What stands in the form, or the key of what is wrong with it."""
        house, meter = self._desk.house, self._meter
        try:
            local = datetime.fromisoformat(f"{self._date.value}T{self._time.value}")
        except ValueError:
            return "exchange.wrong.time"
        time_us = from_datetime(local.replace(tzinfo=house.calendar.zone))
        end, start, serial = self._end.value, self._start.value, (self._serial.value or "").strip()
        rollover = meter.counter.rollover or float("inf")
        if time_us > house.clock.now_us():
            return "exchange.wrong.future"
        if end is None or start is None or not (0 <= end < rollover and 0 <= start < rollover):
            return "exchange.wrong.index"
        if not serial:
            return "exchange.wrong.serial"
        return Exchange(time_us, end, start, serial, (self._old_serial.value or "").strip())

    async def _check(self) -> None:
        say, entered = self._desk.texts, self._entered()
        if isinstance(entered, str):
            self._say(entered)
            return
        try:
            found = await self._exchanges.preview(self._meter, entered)
        except StoreError:
            self._say("store.down")
            return
        self._preview.clear()
        with self._preview:
            self._tell(entered, found)
            with ui.element("div").classes("buttons"):
                ui.button(say("exchange.record"), icon="done", on_click=self._record).props("no-caps unelevated")

    def _tell(self, entered: Exchange, found: Preview) -> None:
        say, formats, unit = self._desk.texts, self._desk.formats, self._meter.carrier.unit

        def index(value: float) -> str:
            return str(formats.reading(self._meter.register, value, unit))

        def reading(told: tuple[int, float] | None) -> str:
            return "–" if told is None else f"{index(told[1])} ({formats.time(told[0])})"

        with ui.element("div").classes("tiles"):
            day = formats.day(found.day.start_us)
            parts.Tile(say("exchange.was")).show(formats.value(found.was, unit), day)
            parts.Tile(say("exchange.becomes")).show(formats.value(found.becomes, unit), day, "good")
        parts.facts(
            [
                (say("exchange.at"), formats.time(entered.time_us)),
                (say("exchange.before"), reading(found.before)),
                (say("exchange.end.short"), index(entered.end)),
                (say("exchange.start.short"), index(entered.start)),
                (say("exchange.after"), reading(found.after)),
            ]
        )
        if found.before is None and found.after is None:
            self._remark("exchange.remark.silent")
        if found.before is not None and entered.end < found.before[1]:
            self._remark("exchange.remark.end")
        if found.after is not None and entered.start > found.after[1]:
            self._remark("exchange.remark.start")

    def _remark(self, key: str) -> None:
        ui.label(self._desk.texts(key)).classes("remark").props('role="note"')

    async def _record(self) -> None:
        entered = self._entered()
        if isinstance(entered, str):
            self._say(entered)
            return
        try:
            entry = await self._exchanges.record(self._meter, entered, self._name(), (self._note.value or "").strip())
        except (ValueError, StoreError) as error:
            ui.notify(str(error) if isinstance(error, ValueError) else self._desk.texts("store.down"))
            return
        await self._log("exchange recorded", entry)
        self._preview.clear()
        with self._preview:
            ui.label(self._desk.texts("exchange.done")).classes("success")
        if self._refresh is not None:
            await self._refresh()

    async def _withdraw(self, entry: Entry) -> None:
        try:
            taken = await self._exchanges.withdraw(self._meter.id, entry.exchange.time_us, self._name())
        except (LookupError, StoreError):
            self._say("exchange.wrong.gone")
            return
        await self._log("exchange withdrawn", taken)
        if self._refresh is not None:
            await self._refresh()

    def _list(self, first: Sequence[Entry]) -> Update[Sequence[Entry]]:
        place = ui.element("div")
        shown: Sequence[Entry] | None = None

        def update(entries: Sequence[Entry]) -> None:
            nonlocal shown
            if entries == shown:
                return
            shown = entries
            place.clear()
            with place:
                if not entries:
                    ui.label(self._desk.texts("exchange.none")).classes("fine")
                    return
                with ui.element("ul").classes("tokens"):
                    for entry in reversed(entries):
                        self._row(entry)

        update(first)
        return update

    def _row(self, entry: Entry) -> None:
        say, formats, one = self._desk.texts, self._desk.formats, entry.exchange
        told = say(
            "exchange.line",
            serial=one.serial,
            end=formats.reading(self._meter.register, one.end, self._meter.carrier.unit),
            start=formats.reading(self._meter.register, one.start, self._meter.carrier.unit),
        )
        with ui.element("li"):
            ui.label(formats.time(one.time_us)).classes("entry-action")
            ui.label(told)
            who = say("exchange.by", who=entry.who or "–", time=formats.time(entry.entered_us))
            ui.label(f"{who}: {entry.note}" if entry.note else who).classes("fine")
            button = ui.button(say("token.revoke"), on_click=lambda: self._withdraw(entry)).props(
                "no-caps outline dense"
            )
            button.props["aria-label"] = f"{say('token.revoke')}: {formats.time(one.time_us)}"

    def _name(self) -> str:
        return self._desk.visitor.name or (self._who.value or "").strip()

    async def _log(self, action: str, entry: Entry) -> None:
        await note(self._desk.house.accounts, action, entry, address_of(self._desk.request))

    def _say(self, key: str) -> None:
        ui.notify(self._desk.texts(key), type="warning")
