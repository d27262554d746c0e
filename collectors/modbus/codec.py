"""Words ↔ numbers. A word is one 16-bit register, an int 0..65535 as it came over the wire; everything here is pure."""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import orjson

Raw = int | float
"""A number as the register holds it, before scale and unit; integers are exact at any width."""


class DataType(StrEnum):
    """How the bits of one value are meant; the number is their count."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"  # IEEE 754
    F64 = "f64"
    BCD16 = "bcd16"  # a decimal digit in every four bits
    BCD32 = "bcd32"
    BCD64 = "bcd64"

    @property
    def bits(self) -> int:
        return int(self.value.lstrip("uifbcd"))

    @property
    def words(self) -> int:
        return self.bits // 16

    @property
    def is_float(self) -> bool:
        return self in (DataType.F32, DataType.F64)

    @property
    def is_bcd(self) -> bool:
        return self.value.startswith("bcd")

    @property
    def is_signed(self) -> bool:
        return self.value.startswith("i")

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest raw number of an integer type. Raises ValueError for a float type."""
        if self.is_float:
            raise ValueError(f"{self} is no integer type")
        if self.is_bcd:
            return 0, 10 ** (self.bits // 4) - 1
        half = 1 << (self.bits - 1)
        return (-half, half - 1) if self.is_signed else (0, 2 * half - 1)

    @property
    def usual_sentinels(self) -> tuple[int, ...]:
        """Bit patterns that nearly all makers send for "no value", the one most often used first.

        Unsigned: all ones. Signed: the lowest (SunSpec, SMA), or the highest number (ABB, Huawei). Floats need none,
        since NaN is never a value.
        """
        if self.is_float:
            return ()
        ones = (1 << self.bits) - 1
        return (1 << (self.bits - 1), ones >> 1) if self.is_signed else (ones,)


class WordOrder(StrEnum):
    """Which word of a longer value comes first."""

    MSW_FIRST = "msw_first"  # ABCD, the custom
    LSW_FIRST = "lsw_first"  # CDAB


class ByteOrder(StrEnum):
    """Which byte of a word comes first."""

    BIG = "big"  # as the Modbus specification says
    LITTLE = "little"  # BADC; with LSW_FIRST this is DCBA


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything needed to turn words into a raw number and back."""

    type: DataType
    word_order: WordOrder = WordOrder.MSW_FIRST
    byte_order: ByteOrder = ByteOrder.BIG

    @property
    def words(self) -> int:
        return self.type.words

    @property
    def places(self) -> tuple[int, ...]:
        """Where the bytes of the number, the most significant first, are among those of its words."""
        words = range(self.words) if self.word_order is WordOrder.MSW_FIRST else reversed(range(self.words))
        first, second = (0, 1) if self.byte_order is ByteOrder.BIG else (1, 0)
        return tuple(2 * word + byte for word in words for byte in (first, second))


CODES = {
    DataType.U16: "H",
    DataType.I16: "h",
    DataType.U32: "I",
    DataType.I32: "i",
    DataType.U64: "Q",
    DataType.I64: "q",
    DataType.F32: "f",
    DataType.F64: "d",
    DataType.BCD16: "H",
    DataType.BCD32: "I",
    DataType.BCD64: "Q",
}
"""How `struct` unpacks the bytes of a type."""


def decode(words: Sequence[int], layout: Layout, sentinels: Sequence[int] = ()) -> Raw | None:
    """The raw number in ``words``, or None where they hold none.

    None stands for a bit pattern among ``sentinels`` (as the manual prints it: most significant bit first, unsigned),
    NaN, infinity, and BCD with a digit over nine. A float32 becomes the shortest decimal that stands for it, so that
    15.1 stays 15.1. Raises ValueError if there are too few or too many words.
    """
    if len(words) != layout.words:
        raise ValueError(f"{layout.type} takes {layout.words} words, not {len(words)}")
    data = _bytes(words, layout.word_order, layout.byte_order)
    return meaning(layout.type, tuple(sentinels))(_unpacked(data, layout.type))


@cache
def meaning(kind: DataType, sentinels: tuple[int, ...] = ()) -> Callable[[Raw | None], Raw | None]:
    """What a number means that was unpacked by the type's code, see `decode`; of float32 `shortest` makes it first.

    `itself` for one that needs no look.
    """
    understood = _MEANINGS.get(kind, itself)
    if not sentinels:
        return understood
    missing = frozenset(_unpacked(pattern.to_bytes(kind.bits // 8, "big"), kind) for pattern in sentinels)
    return lambda number: None if number in missing else understood(number)


def shortest(numbers: Sequence[float]) -> list[float | None]:
    """For each float32 the shortest decimal that stands for it; None for NaN and infinity.

    Just so orjson writes them (its null for no number included), five times as fast as numpy.
    """
    decimals = orjson.dumps(np.array(numbers, np.float32), option=orjson.OPT_SERIALIZE_NUMPY)
    found: list[float | None] = orjson.loads(decimals)
    return found


def itself(number: Raw | None) -> Raw | None:
    return number


def _unpacked(data: bytes, kind: DataType) -> Raw | None:
    numbers = struct.unpack(f">{CODES[kind]}", data)
    number: Raw | None = (shortest(numbers) if kind is DataType.F32 else numbers)[0]
    return number


def _finite(number: Raw) -> Raw | None:
    return number if math.isfinite(number) else None


def _decimal(number: Raw) -> Raw | None:
    digits = f"{number:x}"
    return int(digits) if digits.isdecimal() else None


_MEANINGS: dict[DataType, Callable[[Any], Raw | None]] = {
    DataType.F64: _finite,
    DataType.BCD16: _decimal,
    DataType.BCD32: _decimal,
    DataType.BCD64: _decimal,
}


def encode(raw: Raw | None, layout: Layout, sentinels: Sequence[int] = ()) -> tuple[int, ...]:
    """The words of a raw number; of the first sentinel, or NaN, for None. `decode` gives it back.

    Integers are rounded and kept within the type's limits, as a meter's display would; a float beyond float32 becomes
    infinite. None without a sentinel becomes the type's usual one.
    """
    kind = layout.type
    size = kind.bits // 8
    if kind.is_float:
        number = math.nan if raw is None else float(raw)
        data = struct.pack(">d", number) if kind is DataType.F64 else _float32(number)
    elif raw is None:
        data = (sentinels or kind.usual_sentinels)[0].to_bytes(size, "big")
    else:
        low, high = kind.limits
        number = min(max(round(raw), low), high)
        data = bytes.fromhex(f"{number:0{size * 2}}") if kind.is_bcd else number.to_bytes(size, "big", signed=low < 0)
    return _words(data, layout.word_order, layout.byte_order)


def decode_text(
    words: Sequence[int], word_order: WordOrder = WordOrder.MSW_FIRST, byte_order: ByteOrder = ByteOrder.BIG
) -> str | None:
    """Characters, two (or, after a NUL, one) a word, without padding; None if nothing but NULs and blanks is there."""
    return _bytes(words, word_order, byte_order).replace(b"\0", b"").decode("utf-8", "replace").strip() or None


def encode_text(
    text: str, words: int, word_order: WordOrder = WordOrder.MSW_FIRST, byte_order: ByteOrder = ByteOrder.BIG
) -> tuple[int, ...]:
    """The text in so many words, padded with NULs; what has no room is cut off. `decode_text` gives it back."""
    size = 2 * words
    data = text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")  # never half a character
    return _words(data, word_order, byte_order)


def _bytes(words: Sequence[int], word_order: WordOrder, byte_order: ByteOrder) -> bytes:
    ordered = words if word_order is WordOrder.MSW_FIRST else reversed(words)
    return b"".join(word.to_bytes(2, byte_order.value) for word in ordered)


def _words(data: bytes, word_order: WordOrder, byte_order: ByteOrder) -> tuple[int, ...]:
    words = [int.from_bytes(data[at : at + 2], byte_order.value) for at in range(0, len(data), 2)]
    return tuple(words if word_order is WordOrder.MSW_FIRST else reversed(words))


def _float32(number: float) -> bytes:
    try:
        return struct.pack(">f", number)
    except OverflowError:
        return struct.pack(">f", math.copysign(math.inf, number))
