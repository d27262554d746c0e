"""How readings and events are laid out in InfluxDB.

Measurement ``reading`` (tag ``device``) has one float field for each quantity; ``interval`` (tag ``meter``) has those
of Kind.INTERVAL. The string field ``<quantity>_status`` is "<quality>:<reason>", and absent from measured values
without a reason. ``event`` has the tags id, kind, subject, building and the fields title, severity, end_us.
``leitwarte`` has the field ``format``: the number of this layout.
"""

from dataclasses import dataclass
from functools import lru_cache

from metering.quality import Quality
from metering.quantities import QUANTITIES, Kind

FORMAT = 1
"""Of the layout. Whoever changes it says in `kept_format.settle` what leads from each older one to the next."""
STATUS = "_status"
EVENT = "event"
EVENT_TAGS = ("building", "id", "kind", "subject")

_INTERVALS = frozenset(quantity.name for quantity in QUANTITIES.values() if quantity.kind is Kind.INTERVAL)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement of values; its tag holds what `metering.reading.Series` calls the device."""

    name: str
    tag: str


READING = Measurement("reading", "device")
INTERVAL = Measurement("interval", "meter")
MEASUREMENTS = {measurement.name: measurement for measurement in (READING, INTERVAL)}


def measurement_of(quantity: str) -> Measurement:
    """Where a quantity's values are kept."""
    return INTERVAL if quantity in _INTERVALS else READING


@lru_cache(maxsize=1024)
def parse_status(text: str) -> tuple[Quality, str]:
    """Quality and reason. Raises KeyError for a quality nobody knows."""
    name, _, reason = text.partition(":")
    return Quality[name.upper()], reason


def status(quality: Quality, reason: str) -> str:
    return f"{Quality(quality).name.lower()}:{reason}"
