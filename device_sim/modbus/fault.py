"""Ways in which a device, or the gateway on its behalf, misbehaves."""

from enum import Enum, auto


class Fault(Enum):
    """How a unit misbehaves."""

    # it does not answer as it should
    SILENT = auto()  # no answer; the gateway stays
    HALF_OPEN = auto()  # from its request on the connection gives no answer to anything, and stays open
    LATE = auto()  # the right answer, after ``late_s``
    BUSY = auto()  # exception 6
    FAILURE = auto()  # exception 4
    NO_TARGET = auto()  # exception 11, as a gateway says for a unit that is off
    NO_HOLES = auto()  # exception 2 for every block with a register it does not have

    # its answer is not one to the question
    WRONG_UNIT = auto()  # the answer bears the next unit's id
    WRONG_TRANSACTION = auto()  # the answer bears the next transaction's id; RTU has none, and answers as ever
    WRONG_FUNCTION = auto()  # the answer bears the other function code that reads registers
    WRONG_CHECKSUM = auto()  # a bit has flipped on the line; TCP has its own checksums, and answers as ever
    GARBAGE = auto()  # an answer cut short, in a sound frame
    SHORT_FRAME = auto()  # the frame ends before its time

    # its answer is sound, its values are not
    STUCK = auto()  # registers stay as they were last
    RESTARTED = auto()  # counters have begun again at 0
    SWAPPED_WORDS = auto()  # the words of longer values come in the other order
    NO_VALUES = auto()  # every register holds "no value"
