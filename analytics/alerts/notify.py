"""Delivery of alerts to mail, chat, webhooks, brokers: everything Apprise knows."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import apprise
import structlog
from apprise.attachment.memory import AttachMemory
from apprise.plugins.email import NotifyEmail

from analytics.alerts.book import AlertBook
from analytics.alerts.message import Case, Composer, Letter
from analytics.alerts.routing import Channel, Router, channels
from analytics.alerts.settings import AlertSettings, RecipientSettings
from analytics.alerts.wording import Wording
from metering.estate import Estate
from metering.event import Severity
from metering.localtime import LocalCalendar

_log = structlog.get_logger()
_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}
_AT_ONCE = 5
"""More alerts than this become one message."""


class Notifier:
    """Tells recipients of alerts as routes say: each once, tried again after failures, recorded in the book's outbox.

    A process that dies between sending and recording sends again. Raises ValueError for a URL that Apprise does not
    understand, which the message does not show, since it may hold a password; and for routes that lead to nobody.
    """

    def __init__(
        self, settings: AlertSettings, book: AlertBook, estate: Estate, wording: Wording, calendar: LocalCalendar
    ) -> None:
        self._book = book
        self._router = Router(settings, calendar)
        self._senders = {channel.name: Sender(channel) for channel in channels(settings.recipients)}
        self._composer = Composer(estate, wording, settings.web_url)
        self._failed = wording.say_alert("message.failed")

    async def deliver(self, now_us: int) -> int:
        """Send what is due; returns how many messages arrived. Never raises for a channel that fails."""
        return await asyncio.to_thread(self._deliver, now_us) if self._senders else 0

    def _deliver(self, now_us: int) -> int:
        alerts = self._book.list(only_open=True)
        self._book.outbox.put((m for alert in alerts for m in self._router.messages(alert, now_us)), now_us)
        return sum(self._deliver_to(sender, now_us) for sender in self._senders.values())

    def _deliver_to(self, sender: "Sender", now_us: int) -> int:
        due = self._book.outbox.due(sender.name, now_us)
        arrived = 0
        for some in _batches(due, together=len(due) > _AT_ONCE or sender.has_digest):
            cases = [Case(message, alert, self._book.similar(alert)) for message, alert, _ in some]
            is_first_try = all(attempts % 2 == 0 for *_, attempts in some)
            succeeded = sender.send(self._composer.letter(cases), with_plots=is_first_try)
            error = "" if succeeded else self._failed
            self._book.outbox.record([message for message, *_ in some], now_us, error)
            arrived += succeeded
            if not succeeded:
                _log.warning("alerts not delivered", channel=sender.name, alerts=[alert.id for _, alert, _ in some])
                break  # the others of this channel wait for its next turn
        return arrived


class Sender:
    """A channel, and how Apprise reaches it. Raises ValueError for a URL it does not understand, without showing it."""

    def __init__(self, channel: Channel) -> None:
        self.name = channel.name
        self.has_digest = channel.recipient.digest is not None
        self._target = apprise.Apprise()
        if not self._target.add(channel.url):
            raise ValueError(
                f"{channel.name} has no Apprise URL such as ntfy://topic or mailto://user:pass@host; "
                f"see https://github.com/caronc/apprise"
            )
        self._mail = [plugin for plugin in self._target if isinstance(plugin, NotifyEmail)]
        for plugin in self._mail:
            plugin.inline = True

    def send(self, letter: Letter, *, with_plots: bool = True) -> bool:
        """Whether the letter arrived. ``with_plots`` attaches them also where services may refuse attachments."""
        message: dict[str, Any] = {"title": letter.title, "notify_type": _TYPES[letter.severity]}
        if self._mail:
            message |= {"body": letter.html, "body_format": apprise.NotifyFormat.HTML}
        else:
            message |= {"body": letter.text, "body_format": apprise.NotifyFormat.TEXT}
        if letter.plots and (self._mail or with_plots):
            attached = apprise.AppriseAttachment()
            for name, picture in letter.plots.items():
                attached.add(AttachMemory(picture, name=name, mimetype="image/png"))  # type: ignore[no-untyped-call]
            message["attach"] = attached
        return bool(self._target.notify(**message))


async def send_test(recipient: RecipientSettings, estate: Estate, wording: Wording, now_us: int) -> Mapping[str, bool]:
    """Send an example to every address of the recipient; says by channel whether it arrived. Raises as `Sender`."""
    senders = [Sender(channel) for channel in channels([recipient])]
    example = Composer(estate, wording, None).example(now_us)
    sent = await asyncio.gather(*(asyncio.to_thread(sender.send, example) for sender in senders))
    return dict(zip([sender.name for sender in senders], sent, strict=True))


def _batches(due: Sequence[Any], *, together: bool) -> list[Sequence[Any]]:
    return [due] if together and due else [[each] for each in due]
