"""An alert, or several, as a message: plain text for chat, HTML with the plot for mail."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from analytics.alerts.alert import Alert, Evidence, Finding
from analytics.alerts.outbox import OPENED, Message
from analytics.alerts.plot import png
from analytics.alerts.rows import as_alert, new_row
from analytics.alerts.wording import Wording
from metering.estate import Estate
from metering.event import Severity
from metering.instant import DAY, HOUR

_COLOURS = {Severity.INFO: "#2a8fb3", Severity.WARNING: "#c77700", Severity.CRITICAL: "#c92a2a"}
_MOST_PLOTS = 10  # in a digest


class Case(NamedTuple):
    """An alert that is to be told, and earlier ones like it."""

    message: Message
    alert: Alert
    similar: Sequence[Alert]


class Letter(NamedTuple):
    """A message ready to be sent; ``plots`` are PNG pictures by the name under which the HTML shows them."""

    title: str
    text: str
    html: str
    plots: dict[str, bytes]
    severity: Severity


class Composer:
    """Writes letters in the words of an installation; ``web_url`` is the address of its web app, or None."""

    def __init__(self, estate: Estate, wording: Wording, web_url: str | None) -> None:
        self._estate = estate
        self._wording = wording
        self._web_url = web_url.rstrip("/") if web_url else None

    def letter(self, cases: Sequence[Case]) -> Letter:
        """One letter about all cases, the worst first. May take a while, for the pictures."""
        say = self._wording.say_alert
        ordered = sorted(cases, key=lambda case: (-case.alert.severity, case.alert.first_us))
        title = self._title(ordered[0]) if len(ordered) == 1 else say("message.digest", number=len(ordered))
        texts, pages, plots = [], [], {}
        for number, case in enumerate(ordered):
            lines = [line for line in self._lines(case) if line]
            texts.append("\n".join([*([self._title(case)] if len(ordered) > 1 else []), *lines]))
            picture = png(case.alert, self._wording) if number < _MOST_PLOTS else None
            name = f"plot{number + 1}.png"
            if picture is not None:
                plots[name] = picture
            pages.append(self._html(case, lines, name if picture is not None else None))
        worst = ordered[0].alert.severity
        return Letter(title, "\n\n".join(texts), f"<html><body>{''.join(pages)}</body></html>", plots, worst)

    def example(self, now_us: int) -> Letter:
        """A letter to try a channel with; its curve is invented, and says so."""
        say = self._wording.say_alert
        begin_us = now_us // HOUR * HOUR - DAY
        hours = range(25)
        expected = tuple(4.0 + 6.0 * (7 <= hour < 18) for hour in hours)
        evidence = Evidence(
            "consumption",
            "kWh",
            tuple(begin_us + hour * HOUR for hour in hours),
            tuple(value * (1.8 if hour > 18 else 1.0) for hour, value in enumerate(expected)),
            expected,
            tuple(value * 0.8 for value in expected),
            tuple(value * 1.2 for value in expected),
        )
        title, text, first_us = say("message.test"), say("message.test.text"), begin_us + 19 * HOUR
        finding = Finding("test", "test", "", "", Severity.INFO, first_us, now_us, title, text, evidence)
        alert = as_alert(new_row(finding, "", now_us))
        plot = png(alert, self._wording)
        page = f'<p>{escape(text)}</p><p><img src="cid:plot1.png" alt="" width="680" style="max-width:100%"></p>'
        html = f'<html><body style="font-family:sans-serif">{page}</body></html>'
        return Letter(title, text, html, {"plot1.png": plot} if plot else {}, alert.severity)

    def _title(self, case: Case) -> str:
        title, reason = case.alert.title, case.message.reason
        return title if reason == OPENED else self._wording.say_alert(f"message.{reason}", title=title)

    def _lines(self, case: Case) -> tuple[str, ...]:
        wording, alert = self._wording, case.alert
        say, since = wording.say_alert, wording.moment(alert.first_us)
        place = self._place(alert)
        past = ", ".join(self._past(earlier) for earlier in case.similar)
        return (
            alert.explanation,
            say("message.where", place=place, since=since) if place else say("message.since", since=since),
            say("message.check", text=wording.check_first(alert.kind)),
            say("message.past", cases=past) if past else "",
            say("message.link", url=self._link(alert)) if self._web_url else "",
        )

    def _html(self, case: Case, lines: Sequence[str], plot: str | None) -> str:
        alert, colour = case.alert, _COLOURS[case.alert.severity]
        severity = self._wording.say_alert(f"message.severity.{alert.severity:d}")
        title = escape(self._title(case))
        parts = [
            f'<p style="margin:18px 0 4px"><b style="color:{colour}">{escape(severity)}</b></p>',
            f'<h2 style="margin:0 0 8px;font-size:18px">{title}</h2>',
            *(f'<p style="margin:6px 0">{self._linked(alert, line)}</p>' for line in lines),
            f'<p><img src="cid:{plot}" alt="{title}" width="680" style="max-width:100%"></p>' if plot else "",
        ]
        return f'<div style="font-family:sans-serif;max-width:720px">{"".join(parts)}</div>'

    def _linked(self, alert: Alert, line: str) -> str:
        target = escape(self._link(alert)) if self._web_url else ""
        text = escape(line)
        return text.replace(target, f'<a href="{target}">{target}</a>') if target else text

    def _link(self, alert: Alert) -> str:
        return f"{self._web_url}/alerts/{quote(alert.id, safe='')}"

    def _place(self, alert: Alert) -> str:
        building, name = self._estate.buildings.get(alert.building), self._name(alert)
        return " · ".join(filter(None, (building.name if building else alert.building, name)))

    def _name(self, alert: Alert) -> str:
        """What people call the meter or device; "" for what concerns all of them."""
        found = self._estate.meters.get(alert.subject) or self._estate.devices.get(alert.subject)
        return found.name if found else ""

    def _past(self, earlier: Alert) -> str:
        key = f"message.case.{earlier.verdict}" if earlier.verdict else "message.case"
        name = self._name(earlier) or earlier.title
        return self._wording.say_alert(key, name=name, day=self._wording.day(earlier.first_us))
