"""Meter exchanges as events, so that dashboards and reports can say where one meter ends and the next begins."""

from collections.abc import Iterable, Iterator

from metering.estate import Meter
from metering.event import Event, Severity
from metering.texts import Language, Texts


def exchange_events(meters: Iterable[Meter], language: Language) -> Iterator[Event]:
    """One event for each recorded exchange, the same each time."""
    say = Texts("analytics.energy", language)
    for meter in meters:
        for exchange in meter.counter.exchanges:
            title = say(
                "exchange",
                name=meter.name,
                serial=exchange.serial,
                end=say.number(exchange.end, 3),
                start=say.number(exchange.start, 3),
                unit=meter.carrier.unit,
            )
            yield Event(
                f"exchange:{meter.id}:{exchange.time_us}",
                exchange.time_us,
                exchange.time_us,
                "exchange",
                Severity.INFO,
                meter.id,
                meter.building,
                title,
            )
