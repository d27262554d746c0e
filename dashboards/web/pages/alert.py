"""One alert: what it is, the evidence, what it wastes, who did what about it; and doing something about it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np
from fastapi import Request
from nicegui import ui

from analytics.alerts.alert import Alert, Evidence, Verdict
from analytics.alerts.sensitivity import judgements
from analytics.alerts.wording import Wording
from dashboards.web import parts
from dashboards.web.charts import Mark, Options
from dashboards.web.frame import Desk
from dashboards.web.house import House
from dashboards.web.inbox import LONGEST_NAME, LONGEST_TEXT
from dashboards.web.views import Curve, MeterProfile, with_gaps
from metering.instant import DAY, QUARTER_HOUR, Window
from metering.quantities import QUANTITIES
from metering.samples import Samples
from storage.protocol import StoreError

_MUTE_US = 7 * DAY
_PAST = 5  # earlier cases
_NO_COMMENT = ("assigned", "worsened")  # actions whose text is something else

_Act = Callable[[str, str, str], Awaitable[Alert]]
"""Does something about the alert with this id; by whom, and in what words."""


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/alerts/{alert_id}")
    async def alert(request: Request, alert_id: str) -> None:
        desk = Desk(house, request)
        with desk.frame("alerts", desk.texts("page.alerts")):

            async def ask() -> "_Case | None":
                inbox = desk.house.inbox
                found = await inbox.alert(alert_id)
                return None if found is None else _Case(found, await inbox.of_subject(found.subject))

            await desk.follow(ask, lambda first: _show(desk, first), desk.house.settings.refresh_s, "tall")


class _Case(NamedTuple):
    """An alert, and all that there ever were about the same meter or device."""

    alert: Alert
    all: Sequence[Alert]

    @property
    def earlier(self) -> list[Alert]:
        """Those of the same kind before it, the newest first."""
        alert = self.alert
        return [each for each in self.all if each.kind == alert.kind and each.first_us < alert.first_us]


def _show(desk: Desk, first: _Case | None) -> "_Sheet | None":
    if first is None:
        desk.not_found(desk.texts("alert.unknown"))
        return None
    return _Sheet(desk, first)


class _Sheet:
    """The alert's page; called with the alert as it is now, it shows that."""

    def __init__(self, desk: Desk, case: _Case) -> None:
        say, first = desk.texts, case.alert
        self._desk = desk
        self._case = case
        self._wording = Wording(desk.language, desk.house.calendar)
        parts.heading(first.title, desk.formats.kind(first.kind), (say("page.alerts"), "/alerts"))
        with ui.element("div").classes("tiles"):
            self._severity, self._state = parts.Tile(say("column.severity")), parts.Tile(say("column.state"))
            self._lasted = parts.Tile(say("alert.lasted"))
            if first.excess is not None:
                self._excess = [parts.Tile(say(f"alert.{key}")) for key in ("excess", "cost", "carbon")]
            else:
                self._excess = []
        with ui.element("div").classes("two-one"):
            with parts.card(say("alert.explanation")):
                self._explanation = ui.label().classes("explanation")
                with ui.element("p").classes("check"):
                    ui.label(say("alert.check"))
                    self._check = ui.label()
                self._plot = parts.Plot(say("alert.evidence"), say("alert.evidence.none"), "fill")
            with ui.element("div").classes("stack"):
                self._actions()
                with parts.card(say("alert.about")):
                    self._about = ui.element("div")
        with ui.element("div").classes("halves"):
            with parts.card(say("alert.history")):
                self._history = ui.element("ol").classes("history")
            with parts.card(say("alert.earlier")):
                self._earlier = ui.element("div")
        self._plot.show(_evidence(desk, first))
        self._fill(case)

    @property
    def _alert(self) -> Alert:
        return self._case.alert

    def __call__(self, case: _Case | None) -> None:
        if case is None or case == self._case:
            return
        if case.alert.evidence != self._alert.evidence:
            self._plot.show(_evidence(self._desk, case.alert))
        self._fill(case)

    def _fill(self, case: _Case) -> None:
        self._case, alert = case, case.alert
        say, formats = self._desk.texts, self._desk.formats
        severity = say(f"severity.{alert.severity:d}")
        self._severity.show(formats.word(severity), "", parts.SEVERITY_TONES[alert.severity])
        self._state.show(formats.word(say(f"alert.{alert.state}")), self._silence(), "" if alert.is_open else "good")
        since = say("alert.since", time=formats.time(alert.first_us))
        self._lasted.show(formats.word(formats.span(alert.last_us - alert.first_us)), since)
        if alert.excess is not None and self._excess:
            amount, cost, carbon = self._excess
            amount.show(formats.value(alert.excess.amount, alert.excess.unit), say("alert.excess.note"))
            cost.show(formats.money(alert.excess.eur))
            carbon.show(formats.value(alert.excess.kg_co2e, "kg"), say("co2.total.note"))
        self._explanation.set_text(alert.explanation)
        self._check.set_text(self._wording.check_first(alert.kind))
        self._acknowledge.set_visibility(alert.state == "open")
        self._resolve.set_visibility(alert.is_open)
        self._reopen.set_visibility(not alert.is_open)
        self._confirmed.set_visibility(alert.verdict is not Verdict.CONFIRMED)
        self._false_alarm.set_visibility(alert.verdict is not Verdict.FALSE_ALARM)
        self._mute.set_visibility(alert.is_open and not self._is_muted())
        self._unmute.set_visibility(alert.is_open and self._is_muted())
        self._about.clear()
        with self._about:
            self._facts()
        self._history.clear()
        with self._history:
            self._entries()
        self._earlier.clear()
        with self._earlier:
            self._past()

    def _actions(self) -> None:
        say, inbox = self._desk.texts, self._desk.house.inbox

        async def assign(id_: str, who: str, _: str) -> Alert:
            return await inbox.assign(id_, self._assignee.value.strip(), who)

        def judges(verdict: Verdict) -> _Act:
            return lambda id_, who, text: inbox.judge(id_, verdict, who, text)

        def mutes(for_us: int | None) -> _Act:
            return lambda id_, who, text: inbox.mute(id_, for_us, who, text)

        with parts.card(say("alert.act")):
            self._text = ui.textarea(say("alert.text")).props(f"outlined dense autogrow maxlength={LONGEST_TEXT}")
            self._who = ui.input(say("alert.who")).props(f"outlined dense maxlength={LONGEST_NAME} autocomplete=off")
            self._assignee = ui.input(say("alert.assignee"), value=self._alert.assignee)
            self._assignee.props(f"outlined dense maxlength={LONGEST_NAME} autocomplete=off")
            with ui.element("div").classes("buttons"):
                self._acknowledge = self._button("acknowledge", "check", inbox.acknowledge)
                self._button("comment", "chat_bubble_outline", inbox.comment)
                self._button("assign", "person_outline", assign)
                self._resolve = self._button("resolve", "done_all", inbox.resolve)
                self._reopen = self._button("reopen", "undo", inbox.reopen)
                self._confirmed = self._button("confirmed", "thumb_up_off_alt", judges(Verdict.CONFIRMED))
                self._false_alarm = self._button("false_alarm", "thumb_down_off_alt", judges(Verdict.FALSE_ALARM))
                self._mute = self._button("mute", "notifications_off", mutes(_MUTE_US))
                self._unmute = self._button("unmute", "notifications_none", mutes(None))
            ui.label(say("alert.resolves_itself")).classes("fine")
            ui.label(say("alert.verdict.note")).classes("fine")

    def _button(self, action: str, icon: str, act: _Act) -> ui.button:
        """A button that does something about the alert, with the name and the words that the visitor gave."""

        async def do() -> None:
            text, who = self._text.value.strip(), self._who.value.strip()
            if action == "comment" and not text:
                ui.notify(self._desk.texts("alert.text.missing"))
                return
            try:
                alert = await act(self._alert.id, who or self._desk.texts("alert.anonymous"), text)
            except StoreError:
                ui.notify(self._desk.texts("alert.not_kept"), type="negative")
                return
            self._text.value = ""
            self(_Case(alert, self._case.all))

        button = ui.button(self._desk.texts(f"action.{action}"), icon=icon, on_click=do).props("no-caps unelevated")
        return button.props("" if action == "acknowledge" else "outline")

    def _is_muted(self) -> bool:
        return self._alert.is_muted(self._desk.house.clock.now_us())

    def _silence(self) -> str:
        if not self._is_muted():
            return ""
        return self._desk.texts("alert.muted", time=self._desk.formats.time(self._alert.muted_until_us or 0))

    def _facts(self) -> None:
        say, formats, estate, alert = self._desk.texts, self._desk.formats, self._desk.house.estate, self._alert
        building = estate.buildings.get(alert.building)
        meter, device = estate.meters.get(alert.subject), estate.devices.get(alert.subject)
        with ui.element("dl").classes("facts"):
            if building is not None:
                parts.fact(say("column.building"), building.name, parts.path("building", building.id))
            if meter is not None:
                parts.fact(say("column.meter"), meter.name, parts.path("meter", meter.id))
            elif device is not None:
                parts.fact(say("column.device"), device.name)
            parts.fact(say("alert.first"), formats.time(alert.first_us))
            parts.fact(say("alert.last"), formats.time(alert.last_us))
            parts.fact(say("alert.opened"), formats.time(alert.opened_us))
            if alert.resolved_us is not None:
                parts.fact(say("alert.closed"), formats.time(alert.resolved_us))
            if alert.assignee:
                parts.fact(say("alert.assignee"), alert.assignee)
            if alert.verdict is not None:
                parts.fact(say("alert.verdict"), say(f"entry.{alert.verdict}"))
            judgement = judgements(self._case.all).get(alert.kind)
            if judgement is not None:
                parts.fact(say("alert.sensitivity"), formats.sensitivity(judgement))

    def _past(self) -> None:
        say, earlier = self._desk.texts, self._case.earlier[:_PAST]
        if not earlier:
            ui.label(say("alert.earlier.none")).classes("fine")
            return
        with ui.element("dl").classes("facts"):
            for alert in earlier:
                words = [alert.title, say(f"entry.{alert.verdict}" if alert.verdict else f"alert.{alert.state}")]
                comments = [entry.text for entry in alert.history if entry.text and entry.action not in _NO_COMMENT]
                day = self._desk.formats.time(alert.first_us)
                parts.fact(day, " · ".join([*words, *comments[-1:]]), parts.path("alerts", alert.id))

    def _entries(self) -> None:
        for entry in reversed(self._alert.history):
            with ui.element("li").classes(entry.action):
                with ui.element("div").classes("entry-head"):
                    ui.label(self._desk.texts(f"entry.{entry.action}")).classes("entry-action")
                    ui.label(entry.who)
                    ui.label(self._desk.formats.time(entry.time_us))
                if entry.text:
                    ui.label(entry.text).classes("entry-text")


def _evidence(desk: Desk, alert: Alert) -> Options | None:
    evidence = alert.evidence
    if not evidence.times_us:
        return None
    known = QUANTITIES.get(evidence.quantity)
    actual = desk.formats.quantity(evidence.quantity) if known else desk.texts("curve.actual")
    names = (actual, desk.texts("curve.expected"), desk.texts("curve.interval"))
    return desk.charts.band(profile(evidence), names, evidence.unit, [Mark(Window(alert.first_us, alert.last_us))])


def profile(evidence: Evidence) -> MeterProfile:
    """The evidence as curves; they break where a value is missing, and where a time is."""
    times = np.array(evidence.times_us, np.int64)
    step = int(np.median(np.diff(times))) if len(times) > 1 else QUARTER_HOUR

    def curve(name: str, values: Sequence[float | None]) -> Curve:
        if len(values) != len(times):
            return Curve(name, times[:0], np.empty(0))
        floats = np.array([np.nan if value is None else value for value in values], np.float64)
        return with_gaps(name, Samples.of(times, floats), 2 * step)

    return MeterProfile(
        step,
        curve("actual", evidence.actual),
        curve("expected", evidence.expected),
        curve("lower", evidence.lower),
        curve("upper", evidence.upper),
    )
