"""Delivery over real HTTP, SMTP and MQTT; the outbox; messages and their pictures."""

import asyncio
import io

import aiomqtt
import msgspec
import pytest
from matplotlib import image
from pydantic import SecretStr

from analytics.alerts.alert import Finding
from analytics.alerts.book import AlertBook
from analytics.alerts.notify import Notifier
from analytics.alerts.plot import png
from analytics.alerts.settings import AlertSettings, RecipientSettings, RouteSettings
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE, SECOND
from metering.localtime import LocalCalendar
from tests.analytics.alerts.conftest import ENGLISH, ESTATE, GERMAN, NOW, Endpoint, Mailbox, curve, finding
from tests.patience import PATIENCE_S
from tests.servers import Server


def notifier(book: AlertBook, url: str, digest: str | None = None, routes: tuple[RouteSettings, ...] = ()) -> Notifier:
    weber = RecipientSettings(id="weber", urls=(SecretStr(url),), digest=digest)
    settings = AlertSettings(recipients=(weber,), routes=routes, web_url="https://leitwarte.example.org/")
    return Notifier(settings, book, ESTATE, GERMAN, LocalCalendar())


def drawn(first_us: int, cause: str = "d1:consumption", severity: Severity = Severity.WARNING) -> Finding:
    """A finding with a curve to show."""
    plain = finding(first_us, first_us + HOUR, cause, "base_load", severity, subject="d1")
    return msgspec.structs.replace(plain, title="Grundlast <hoch>", evidence=curve(first_us - 20 * HOUR))


async def test_a_new_alert_is_delivered_once_and_again_after_a_failure(book: AlertBook, endpoint: Endpoint) -> None:
    told = notifier(book, endpoint.url)
    alert = book.report(finding(NOW, NOW), NOW)
    endpoint.status = 500
    assert await told.deliver(NOW) == 0
    (failed,) = book.outbox.deliveries(alert.id)
    assert (failed.channel, failed.attempts, failed.delivered_us) == ("weber", 1, None)
    assert failed.error == "nicht angenommen oder nicht erreichbar"
    endpoint.status = 200
    assert await told.deliver(NOW + 30 * SECOND) == 0, "too early to try again"
    assert await told.deliver(NOW + 2 * MINUTE) == 1
    assert await notifier(book, endpoint.url).deliver(NOW + 3 * MINUTE) == 0, "nor after a restart"
    (message,) = endpoint.received
    assert message["title"] == alert.title
    assert alert.explanation in message["message"]
    (arrived,) = book.outbox.deliveries(alert.id)
    assert (arrived.attempts, arrived.delivered_us, arrived.error) == (2, NOW + 2 * MINUTE, "")


async def test_muted_resolved_and_acknowledged_alerts_are_not_delivered(book: AlertBook, endpoint: Endpoint) -> None:
    told = notifier(book, endpoint.url)
    muted = book.report(finding(NOW, NOW, cause="a:x"), NOW)
    book.mute(muted.id, NOW + HOUR, "Ali", "Umbau", NOW)
    book.report(finding(NOW - 2 * DAY, NOW - 2 * DAY, cause="b:x"), NOW)
    book.resolve_quiet(NOW, DAY)
    book.acknowledge(book.report(finding(NOW, NOW, cause="c:x"), NOW).id, "Ali", "", NOW)
    assert await told.deliver(NOW) == 0
    assert await told.deliver(NOW + 2 * HOUR) == 1, "the silence is over"
    assert len(endpoint.received) == 1


async def test_who_knows_of_a_weak_alert_is_told_when_it_becomes_a_strong_one(
    book: AlertBook, endpoint: Endpoint
) -> None:
    told = notifier(book, endpoint.url)
    book.report(finding(NOW, NOW, kind="drift"), NOW)
    assert await told.deliver(NOW) == 1
    for minute in (5, 10):
        worse = finding(NOW, NOW + minute * MINUTE, kind="leak", severity=Severity.CRITICAL)
        alert = book.report(worse, NOW + minute * MINUTE)
    assert await told.deliver(NOW + 10 * MINUTE) == 1
    assert await told.deliver(NOW + 20 * MINUTE) == 0
    assert [message["title"] for message in endpoint.received] == [alert.title, f"Schlimmer geworden: {alert.title}"]


async def test_that_it_is_worse_is_told_in_place_of_what_was_not_told_yet(book: AlertBook, endpoint: Endpoint) -> None:
    told = notifier(book, endpoint.url)
    endpoint.status = 500
    alert = book.report(finding(NOW, NOW), NOW)
    assert await told.deliver(NOW) == 0
    book.report(finding(NOW, NOW, severity=Severity.CRITICAL), NOW)
    endpoint.status = 200
    assert await told.deliver(NOW + 5 * MINUTE) == 1
    assert [delivery.reason for delivery in book.outbox.deliveries(alert.id)] == ["worsened"]


async def test_a_mail_shows_the_curve_what_to_check_and_earlier_cases(book: AlertBook, mailbox: Mailbox) -> None:
    book.report(drawn(NOW - 9 * DAY), NOW)
    book.resolve_quiet(NOW, DAY)
    alert = book.report(drawn(NOW), NOW)
    assert await notifier(book, mailbox.url("weber@example.org")).deliver(NOW) == 1
    ((to, mail),) = mailbox.received
    assert to == ["weber@example.org"]
    assert mail["subject"] == "Grundlast <hoch>"
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    assert "Grundlast &lt;hoch&gt;" in html
    assert "Zuerst prüfen: Was läuft nachts?" in html
    assert "Schule · Gerät 1, erstes Anzeichen 22.11.2026 03:00." in html
    assert "Frühere Fälle: Gerät 1 am 13.11.2026." in html
    assert f'href="https://leitwarte.example.org/alerts/{alert.id}"' in html
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content_disposition() == "inline"
    assert f'src="cid:{picture["content-id"].strip("<>")}"' in html
    assert picture.get_content() == png(alert, GERMAN)


@pytest.mark.server("mosquitto")
async def test_a_broker_is_told(book: AlertBook, mosquitto: Server) -> None:
    book.report(drawn(NOW), NOW)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe("alerts/energy")
        assert await notifier(book, f"mqtt://{mosquitto.host}:{mosquitto.port}/alerts/energy").deliver(NOW) == 1
        async with asyncio.timeout(PATIENCE_S):
            message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    assert "Grundlast <hoch>" in message.payload.decode()
    assert "Zuerst prüfen" in message.payload.decode()


async def test_a_mail_server_that_is_busy_gets_it_later(book: AlertBook, mailbox: Mailbox) -> None:
    told = notifier(book, mailbox.url("weber@example.org"))
    mailbox.refuses = True
    alert = book.report(finding(NOW, NOW), NOW)
    assert await told.deliver(NOW) == 0
    mailbox.refuses = False
    assert await told.deliver(NOW + MINUTE) == 1
    assert book.outbox.deliveries(alert.id)[0].attempts == 2


async def test_a_digest_is_one_message_and_what_is_critical_does_not_wait(book: AlertBook, mailbox: Mailbox) -> None:
    told = notifier(book, mailbox.url("weber@example.org"), digest="07:30")
    for n in range(3):
        book.report(drawn(NOW, f"m{n}:consumption"), NOW)
    book.report(drawn(NOW, "m9:consumption", Severity.CRITICAL), NOW)
    assert await told.deliver(NOW) == 1, "NOW is 03:00 local time"
    assert await told.deliver(NOW + 4 * HOUR) == 0
    assert await told.deliver(NOW + 5 * HOUR) == 1
    assert [mail["subject"] for _, mail in mailbox.received] == ["Grundlast <hoch>", "3 Meldungen"]
    pictures = [part for part in mailbox.received[1][1].walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == 3


async def test_a_flood_is_one_message(book: AlertBook, endpoint: Endpoint) -> None:
    for n in range(6):
        book.report(finding(NOW, NOW, f"m{n}:consumption"), NOW)
    assert await notifier(book, endpoint.url).deliver(NOW) == 1
    assert endpoint.received[0]["title"] == "6 Meldungen"
    assert endpoint.received[0]["message"].count("viel") == 6


async def test_who_does_not_answer_is_overtaken(book: AlertBook, endpoint: Endpoint, mailbox: Mailbox) -> None:
    people = (
        RecipientSettings(id="weber", urls=(SecretStr(endpoint.url),)),
        RecipientSettings(id="chief", urls=(SecretStr(mailbox.url("chief@example.org")),), quiet="22:00-06:00"),
    )
    route = RouteSettings(to=("weber",), escalate_after_min=30, escalate_to=("chief",))
    told = Notifier(AlertSettings(recipients=people, routes=(route,)), book, ESTATE, GERMAN, LocalCalendar())
    alert = book.report(finding(NOW, NOW), NOW)
    assert await told.deliver(NOW + 29 * MINUTE) == 1
    assert await told.deliver(NOW + 30 * MINUTE) == 1
    assert await told.deliver(NOW + 31 * MINUTE) == 0
    ((_, mail),) = mailbox.received
    assert mail["subject"] == "Noch von niemandem übernommen: Leck"
    assert [(d.channel, d.reason) for d in book.outbox.deliveries(alert.id)] == [
        ("weber", "opened"),
        ("chief", "escalated"),
    ]


def test_a_url_that_is_none_is_refused_without_showing_it(book: AlertBook) -> None:
    with pytest.raises(ValueError, match="weber has no Apprise URL") as refused:
        notifier(book, "nonsense-with-secret")
    assert "secret" not in str(refused.value)


def test_the_picture_is_the_same_each_time_and_speaks_the_language(book: AlertBook) -> None:
    alert = book.report(drawn(NOW), NOW)
    picture = png(alert, GERMAN)
    assert picture is not None
    assert picture == png(alert, GERMAN)
    assert picture != png(alert, ENGLISH)
    assert image.imread(io.BytesIO(picture)).shape[:2] == (352, 792)
    assert png(msgspec.structs.replace(alert, evidence=type(alert.evidence)()), GERMAN) is None
