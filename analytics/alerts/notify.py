"""Delivery of new alerts to mail, chat, webhooks: everything Apprise knows."""

import asyncio
import hashlib
from collections.abc import Sequence

import apprise
import structlog

from analytics.alerts.alert import Alert
from analytics.alerts.book import AlertBook
from metering.event import Severity

_log = structlog.get_logger()
_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


class Notifier:
    """Tells each channel (an Apprise URL) once of each open alert that is not muted; tries again after failures.

    Raises ValueError for a URL that Apprise does not understand; the message does not show it, since it may hold a
    password.
    """

    def __init__(self, urls: Sequence[str], book: AlertBook) -> None:
        self._book = book
        self._channels = {hashlib.sha256(url.encode()).hexdigest()[:16]: _channel(n, url) for n, url in enumerate(urls)}

    async def deliver(self, now_us: int) -> int:
        """Send what is due; returns how many messages arrived. Never raises for a channel that fails."""
        return await asyncio.to_thread(self._deliver, now_us) if self._channels else 0

    def _deliver(self, now_us: int) -> int:
        arrived = 0
        for digest, channel in self._channels.items():
            for alert in self._book.undelivered(digest, now_us):
                succeeded = bool(
                    channel.notify(title=alert.title, body=_body(alert), notify_type=_TYPES[alert.severity])
                )
                self._book.delivery(alert.id, digest, now_us, succeeded=succeeded)
                arrived += succeeded
                if not succeeded:
                    _log.warning("alert not delivered", alert=alert.id, channel=digest)
                    break  # the others of this channel wait for its next turn
        return arrived


def _channel(number: int, url: str) -> apprise.Apprise:
    channel = apprise.Apprise()
    if not channel.add(url):
        raise ValueError(
            f"analytics.notify[{number}] is no Apprise URL such as ntfy://topic or mailto://user:pass@host"
        )
    return channel


def _body(alert: Alert) -> str:
    return "\n".join(filter(None, (alert.explanation, alert.building and f"({alert.building}, {alert.subject})")))
