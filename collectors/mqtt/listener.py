"""One configured device: a message in, readings out."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from collectors.mqtt.format import Message, Request, Value
from collectors.mqtt.payload import DecodeError
from collectors.mqtt.settings import MqttDevice
from metering.instant import DAY, MINUTE
from metering.reading import Reading

_EARLIEST_US = 10_957 * DAY  # 2000-01-01: device clocks that were never set show 1970 or their firmware's year
_TOLERANCE_US = 10 * MINUTE  # a clock may go ahead by as much; a wrong zone or summer time is more

_log = structlog.get_logger(__name__)


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What one device makes of one message.

    stale    values left out because they are retained by the broker and say nothing about their age
    request  as in `collectors.mqtt.format.Decoded`
    more     whether it says anything but readings
    """

    readings: Sequence[Reading] = ()
    refused: Sequence[str] = ()
    offline: str | None = None
    stale: int = 0
    request: Request | None = None
    more: bool = False


def believable(time_us: int, received_us: int) -> bool:
    """Whether a device's time can be true: from the year 2000 to ten minutes after the moment of receipt."""
    return _EARLIEST_US <= time_us <= received_us + _TOLERANCE_US


class Listener:
    """Decodes for one device; lives as long as a connection."""

    __slots__ = ("_decode", "_format", "_id", "_part", "_whole", "device")

    def __init__(self, device: MqttDevice) -> None:
        self.device = device
        self._format = device.decoder()
        self._id, self._part = device.id, device.part  # asked with each message, and settings answer slowly
        self._decode, self._whole = self._format.decode, self._format.whole

    def subscriptions(self) -> tuple[str, ...]:
        return self._format.subscriptions()

    def hear(self, message: Message) -> Heard:
        """Raises DecodeError if the message can't be read."""
        try:
            decoded = self._decode(message)
        except DecodeError:
            raise
        except Exception as defect:
            # A decoder's defect must cost a message, never the connection.
            _log.exception("payload format failed", format=self.device.format, topic=message.topic)
            raise DecodeError(f"the decoder of {self.device.format} failed: {defect!r}") from defect
        values, refused, part = decoded.values, decoded.refused, self._part
        for value in values:
            if value.part != part:
                values, ambiguous = select(values, part, whole=self._whole)
                refused = (*refused, *ambiguous)
                break
        # With the payload's time if it is believable, else the moment of receipt; never that of a retained message.
        device, received_us, retained = self._id, message.received_us, message.retained
        readings: list[Reading] = []
        for value in values:
            time_us = value.time_us
            if time_us is not None and believable(time_us, received_us):
                readings.append(Reading(device, value.quantity, value.value, time_us, device_time=True))
            elif not retained:
                readings.append(Reading(device, value.quantity, value.value, received_us))
        stale = len(values) - len(readings)
        if refused or stale or decoded.offline is not None or decoded.request is not None:
            return Heard(readings, tuple(refused), decoded.offline, stale, decoded.request, more=True)
        return Heard(readings)


def select(values: Sequence[Value], part: str, *, whole: bool) -> tuple[Sequence[Value], list[str]]:
    """The values of one part, and what is wrong with the rest.

    Without a ``part`` those of the device as such; and if messages are ``whole``, also those that only one part has.
    """
    if part:
        return [value for value in values if value.part == part], []
    if not any([value.part for value in values]):  # noqa: C419 - a generator takes twice as long
        return values, []
    times = Counter(value.quantity for value in values)
    own, ambiguous = [], set()
    for value in values:
        if not value.part or (whole and times[value.quantity] == 1):
            own.append(value)
        elif whole:
            ambiguous.add(value.quantity)
    return own, [_ambiguity(name, values) for name in sorted(ambiguous)]


def _ambiguity(quantity: str, values: Iterable[Value]) -> str:
    parts = ", ".join(value.part or "the device itself" for value in values if value.quantity == quantity)
    return f"{quantity} comes from several parts ({parts}): name one as the device's `part`, and add a device for each"
