"""Compares this room's decoders with collections of worked examples made elsewhere (JSON; kinds point, block, frame,
request, composite), naming every difference. Their names are mapped to ours here and nowhere else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from collectors.modbus.codec import ByteOrder, DataType, Layout, Raw, WordOrder, decode, decode_text
from collectors.modbus.frame import FrameError, Protocol, reply_words, rtu_request
from metering.units import canonical_unit, to_canonical

Vector = Mapping[str, Any]

_TYPES = {
    "acc16": DataType.U16,
    "acc32": DataType.U32,
    "acc64": DataType.U64,
    "bitfield16": DataType.U16,
    "bitfield32": DataType.U32,
    "enum16": DataType.U16,
    "enum32": DataType.U32,
    "sunssf": DataType.I16,
}
_NEVER_MISSING = ("acc16", "acc32", "acc64")  # counters may show any bit pattern
_BARE_CODEC = "generic_codec"  # fixtures of number formats, where no pattern is reserved
_NO_EXPONENT = -0x8000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vector: how many of its expectations were checked, and what differed."""

    id: str
    checks: int
    differences: tuple[str, ...]


def compare(vector: Vector) -> Outcome:
    """Compute one vector and compare. What cannot be understood counts as a difference, never as skipped."""
    results: list[str | None] = []
    try:
        results.extend(_check(vector))
    except (ArithmeticError, LookupError, TypeError, ValueError) as problem:
        results.append(f"not understood: {problem!r}")
    found = tuple(result for result in results if result is not None)
    return Outcome(str(vector.get("id")), max(len(results), 1), found)


def _check(vector: Vector) -> Iterator[str | None]:
    """One difference, or None for agreement, for each expectation."""
    match vector["kind"]:
        case "point":
            yield _differs(vector, _scaled(vector, vector["registers"], reserved=_reserves(vector)))
        case "block":
            for point in vector["points"]:
                yield _differs(point, _block_value(point, vector["registers"]))
        case "composite":
            yield _differs(vector, _sum(vector))
        case "request":
            built = rtu_request(*(vector[key] for key in ("unit_id", "function_code", "address", "quantity"))).hex()
            yield None if built == vector["frame_hex"] else f"frame {built}, expected {vector['frame_hex']}"
        case "frame":
            yield from _check_frame(vector)
        case kind:
            raise ValueError(f"unknown kind {kind!r}")


def _check_frame(vector: Vector) -> Iterator[str | None]:
    expected = vector["expected_error"]
    request = bytes.fromhex(vector["request_hex"]) if vector.get("request_hex") else None
    try:
        words = reply_words(Protocol(vector["protocol"]), request, bytes.fromhex(vector["response_hex"]))
    except FrameError as error:
        yield None if str(error) == expected else f"error {error}, expected {expected}"
        return
    if expected is not None:
        yield f"no error, expected {expected}"
    for point in vector["points"]:
        begin = int(point["register_offset"])
        yield _differs(point, _scaled(point, words[begin : begin + _layout(point).words], reserved=True))


def _block_value(point: Vector, registers: Sequence[int]) -> Raw | str | None:
    begin = int(point["offset"])
    words = registers[begin : begin + int(point["length"])]
    if point["data_type"] == "str":
        return decode_text(words)
    exponent = 0
    if point["sf_offset"] is not None:
        found = decode([registers[point["sf_offset"]]], Layout(DataType.I16))
        if found is None or found == _NO_EXPONENT:
            return None
        exponent = int(found)
    raw = _raw(point, words, reserved=True)
    return None if raw is None else _plain(_exact(raw) * Fraction(10) ** exponent)


def _scaled(vector: Vector, words: Sequence[int], *, reserved: bool) -> Raw | str | None:
    if vector["data_type"] == "str":  # the order of words is that of numbers; texts run on as they are
        return decode_text(words, byte_order=ByteOrder(vector.get("byte_order_in_word") or ByteOrder.BIG))
    raw = _raw(vector, words, reserved=reserved)
    return None if raw is None else _plain(_exact(raw) * Fraction(repr(vector.get("scale") or 1)))


def _sum(vector: Vector) -> Raw | None:
    """Integer and decimal part, each with its own scale, and its own registers or an offset into the vector's."""
    total = Fraction(0)
    for part in vector["parts"]:
        merged = {**vector, **part}
        begin = int(part.get("register_offset", part.get("offset", 0)))
        words = merged["registers"][begin : begin + _layout(merged).words]
        value = _scaled(merged, words, reserved=True)
        if value is None or isinstance(value, str):
            return None
        total += _exact(value)
    return _plain(total)


def _raw(vector: Vector, words: Sequence[int], *, reserved: bool) -> Raw | None:
    layout = _layout(vector)
    reserves = reserved and vector["data_type"] not in _NEVER_MISSING
    return decode(words, layout, layout.type.usual_sentinels if reserves else ())


def _layout(vector: Vector) -> Layout:
    name = vector["data_type"]
    return Layout(
        _TYPES.get(name) or DataType(name),
        WordOrder(vector.get("word_order") or WordOrder.MSW_FIRST),
        ByteOrder(vector.get("byte_order_in_word") or ByteOrder.BIG),
    )


def _reserves(vector: Vector) -> bool:
    return bool(vector.get("device_key") != _BARE_CODEC)


def _differs(vector: Vector, value: Raw | str | None) -> str | None:
    name = vector.get("name") or vector.get("quantity")
    expected = vector["expected"]
    tolerance = float(vector.get("tolerance") or 0)
    if not _same(value, expected, tolerance):
        return f"{name}: {value!r}, expected {expected!r}"
    canonical = vector.get("canonical")
    if canonical is None or value is None or isinstance(value, str):
        return None
    converted = value if canonical["unit"] == vector["unit"] else to_canonical(value, vector["unit"])
    if canonical["unit"] != vector["unit"] and canonical_unit(canonical["unit"]) != canonical_unit(vector["unit"]):
        return f"{name}: {vector['unit']} does not become {canonical['unit']}"
    factor = abs(converted / value) if value else 1.0
    if not _same(converted, canonical["value"], tolerance * factor):
        return f"{name}: {converted!r} {canonical['unit']}, expected {canonical['value']!r}"
    return None


def _same(value: Raw | str | None, expected: object, tolerance: float) -> bool:
    if isinstance(value, int) and isinstance(expected, str):  # integers beyond 2^53 are written as text
        return str(value) == expected
    if isinstance(value, str) or value is None or expected is None:
        return value == expected
    if not isinstance(expected, int | float):
        return False
    rounding = 4e-12 * abs(float(expected))  # the expectations have twelve digits
    return abs(_exact(value) - _exact(expected)) <= Fraction(max(tolerance, rounding))


def _exact(number: Raw) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _plain(number: Fraction) -> Raw:
    return int(number) if number.denominator == 1 else float(number)
