"""Meter exchanges as events, so that dashboards and reports can say where one meter ends and the next begins."""

from metering.estate import Exchange, Meter
from metering.event import Event, Severity
from metering.texts import Language, Texts


def exchange_event(meter: Meter, exchange: Exchange, language: Language, *, withdrawn: bool = False) -> Event:
    """The event of an exchange, the same each time; ``withdrawn`` takes its place when it turns out there was none."""
    say = Texts("analytics.energy", language)
    title = say(
        "exchange.withdrawn" if withdrawn else "exchange",
        name=meter.name,
        serial=exchange.serial,
        end=say.number(exchange.end, 3),
        start=say.number(exchange.start, 3),
        unit=meter.carrier.unit,
    )
    time_us = exchange.time_us
    id_ = f"exchange:{meter.id}:{time_us}"
    return Event(id_, time_us, time_us, "exchange", Severity.INFO, meter.id, meter.building, title)
