"""Misspeaking: a device's values are right, but not how it tells them. Names in lower case are those of scenarios."""

from collections.abc import Iterable
from enum import StrEnum, auto
from typing import NamedTuple, TypeVar

from metering.instant import Window


class ModbusFault(StrEnum):
    """How a unit, or the gateway on its behalf, misbehaves."""

    # it does not answer as it should
    SILENT = auto()  # no answer; the gateway stays
    HALF_OPEN = auto()  # from its request on the connection gives no answer to anything, and stays open
    LATE = auto()  # the right answer, after ``ModbusTown.late_s``
    BUSY = auto()  # exception 6
    FAILURE = auto()  # exception 4
    NO_REGISTERS = auto()  # exception 2 for everything
    NO_TARGET = auto()  # exception 11, as a gateway says for a unit that is off
    NO_HOLES = auto()  # exception 2 for every block with a register it does not have

    # its answer is not one to the question
    WRONG_UNIT = auto()  # the answer bears the next unit's id
    WRONG_TRANSACTION = auto()  # the answer bears the next transaction's id; RTU has none, and answers as ever
    WRONG_FUNCTION = auto()  # the answer bears the other function code that reads registers
    WRONG_CHECKSUM = auto()  # a bit has flipped on the line; TCP has its own checksums, and answers as ever
    GARBAGE = auto()  # bytes that are no frame
    CUT_ANSWER = auto()  # an answer cut short, in a sound frame
    SHORT_FRAME = auto()  # the frame ends before its time

    # its answer is sound, its registers are not
    STUCK = auto()  # they stay as they were last
    RESTARTED = auto()  # counters have begun again at 0
    SWAPPED_WORDS = auto()  # the words of longer values come in the other order
    NO_VALUES = auto()  # each holds "no value", which is NaN in a float


class MqttFault(StrEnum):
    """What becomes of a message; see `device_sim.mqtt.faults`."""

    # it does not come as it should
    SILENT = auto()  # not at all
    DUPLICATE = auto()  # twice: the device did not see the acknowledgement, and delivers it again
    OUT_OF_ORDER = auto()  # after the next one
    RETAINED = auto()  # kept by the broker, so that whoever subscribes years later is told it as news

    # its payload is not one
    EMPTY = auto()
    TRUNCATED = auto()  # cut off in the middle
    INVALID_UTF8 = auto()
    HUGE = auto()  # 1 MB
    DEEP = auto()  # JSON of 10,000 levels

    # its numbers are none
    NAN = auto()
    INFINITY = auto()
    UNDERSCORE = auto()  # 1_000
    COMMA = auto()  # 23,5


class Spell(NamedTuple):
    """A time in which a device misspeaks."""

    window: Window
    fault: ModbusFault | MqttFault


FaultT = TypeVar("FaultT", ModbusFault, MqttFault)


def misspeaking(spells: Iterable[Spell], kind: type[FaultT], instant_us: int) -> FaultT | None:
    """The first fault of that kind that there is at the instant (µs since the Unix epoch, UTC)."""
    return next((it.fault for it in spells if isinstance(it.fault, kind) and instant_us in it.window), None)
