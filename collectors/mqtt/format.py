"""What a payload format is: the shapes that every file in ``formats`` fills."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from collectors.mqtt.payload import as_number, pointer
from metering.quantities import QUANTITIES
from metering.strict import Strict
from metering.units import to_canonical

_UNITS = {quantity.name: quantity.unit for quantity in QUANTITIES.values()}


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as the broker delivered it. ``received_us`` is µs since the Unix epoch, UTC."""

    topic: str
    payload: bytes
    received_us: int
    retained: bool = False


class Value(msgspec.Struct, frozen=True, gc=False):
    """One decoded value.

    quantity  a name from `metering.quantities`
    value     in the canonical unit of the quantity; finite
    time_us   the instant the payload gives (µs since the Unix epoch, UTC; not yet checked), None if it fixes none
    source    JSON Pointer (RFC 6901) of the field; "" where the payload as a whole is the value; where the payload is
              not JSON, what its format calls the place
    part      which sensor, channel or phase of the device; "" for the device as such
    """

    quantity: str
    value: float
    time_us: int | None
    source: str
    part: str = ""


class Unnamed(NamedTuple):
    """A number whose quantity and unit are not in the message: they must come from the device's options.

    ``time_us`` and ``source`` as in `Value`; ``name`` is what the message calls it, "" if it doesn't.
    """

    number: float
    time_us: int | None
    source: str
    name: str = ""


class Request(NamedTuple):
    """What the device must be asked before it can be understood; the only thing that a collector ever publishes."""

    topic: str
    payload: bytes


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """What a message says.

    refused  fields that should hold a number and do not, a line each
    offline  why the device is known to be silent, if the message says so (last will, availability)
    request  published by the collector, at most once in a while however often it is given
    """

    values: Sequence[Value] = ()
    refused: Sequence[str] = ()
    offline: str | None = None
    request: Request | None = None


Table = Mapping[str, tuple[str, str]]
"""The allow-list of an object: key → quantity and unit. What isn't listed isn't read."""


class Harvest(msgspec.Struct, gc=False):
    """Collects values of one message: checks that they are numbers and converts them."""

    time_us: int | None = None
    values: list[Value] = []
    refused: list[str] = []

    def add(self, quantity: str, raw: object, unit: str, source: str, part: str = "") -> None:
        """Add a JSON value; null is no value, and anything but a finite number is refused."""
        if type(raw) is float and isfinite(raw) and unit == _UNITS[quantity]:  # nearly always
            self.values.append(Value(quantity, raw, self.time_us, source, part))
            return
        if raw is None:
            return
        number = as_number(raw)
        value = canonical(quantity, number, unit) if number is not None else None
        if value is None:
            self.refused.append(f"{source or 'the payload'} is {str(raw)[:40]!r}, not a number")
        else:
            self.values.append(Value(quantity, value, self.time_us, source, part))

    def take(self, item: Mapping[str, object], table: Table, source: str, part: str = "") -> None:
        """Add every field of ``item`` that ``table`` lists; ``source`` is the pointer of ``item``."""
        for key, raw in item.items():
            meaning = table.get(key)
            if meaning is not None:
                self.add(meaning[0], raw, meaning[1], source + pointer(key), part)

    def decoded(self) -> Decoded:
        return Decoded(self.values, self.refused)


def canonical(quantity: str, number: float, unit: str) -> float | None:
    """``number`` in the canonical unit of ``quantity``; None if no float is large enough for it."""
    wanted = _UNITS[quantity]
    if unit == wanted:
        return number
    try:
        return number / 100.0 if (unit, wanted) == ("%", "1") else to_canonical(number, unit)
    except OverflowError:
        return None


class NoOptions(Strict):
    """For formats that need nothing but the topic."""


OptionsT = TypeVar("OptionsT", bound=Strict)


class Format(ABC, Generic[OptionsT]):
    """How one kind of device speaks. An instance serves one device for one connection, so it may remember things.

    name       as written in the settings
    Options    what may stand under ``options`` of a device
    remembers  True if it takes earlier messages to understand one, so that all must be heard by the same gateway
    whole      True if a message shows all parts of the device at once, so that a quantity which occurs in only one
               part is the device's own; False where parts come in separate messages and must be named
    """

    name: ClassVar[str]
    Options: ClassVar[type[Strict]] = NoOptions
    remembers: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    def __init__(self, topic: str, options: OptionsT) -> None:
        self.topic = topic
        self.options = options

    @classmethod
    @abstractmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        """The device's topic as it would stand in the settings, if this looks like a message of the format."""

    @classmethod
    def numbers(cls, message: Message) -> Iterable[Unnamed]:  # noqa: ARG003
        """The numbers in a message of a format that can't do without options; raises DecodeError as `decode` does.

        For people who want to see what there is to be configured; nothing of it is ever stored.
        """
        return ()

    @abstractmethod
    def subscriptions(self) -> tuple[str, ...]:
        """The topic filters whose messages `decode` wants to see."""

    @abstractmethod
    def decode(self, message: Message) -> Decoded:
        """Read a message. Raises DecodeError, and nothing else, if it can't be read."""
