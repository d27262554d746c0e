"""Unknown registers: what their words are in every type and order, and which of it looks like a measurement. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from collectors.modbus.codec import ByteOrder, DataType, Layout, Raw, WordOrder, decode

ORDERS = {
    "ABCD": (WordOrder.MSW_FIRST, ByteOrder.BIG),
    "CDAB": (WordOrder.LSW_FIRST, ByteOrder.BIG),
    "BADC": (WordOrder.MSW_FIRST, ByteOrder.LITTLE),
    "DCBA": (WordOrder.LSW_FIRST, ByteOrder.LITTLE),
}
"""The four orders of bytes, as people call them: A is the most significant of four."""
_SHORT_ORDERS = ("ABCD", "BADC")

_LEAST_TEXT = 4
_LEAST_FLOAT, _MOST_FLOAT = 1e-4, 1e8
_MOST_COUNT = 1e12
_MOST_RISE = 0.001
_WIDE_SCALES = {1: "", 10: " x 0.1", 100: " x 0.01", 1000: " x 0.001"}
_SHORT_SCALES = {divisor: scale for divisor, scale in _WIDE_SCALES.items() if divisor < 1000}


class _Range(NamedTuple):
    low: float
    high: float
    what: str


_FREQUENCY, _VOLTAGE = _Range(45, 65, "Hz"), _Range(180, 280, "V")
_POWER_FACTOR = _Range(0.5, 1.0, "power factor")


class _Strength(IntEnum):
    """How unlikely it is that words of another meaning look like that."""

    SHORT_INTEGER = 1
    FLOAT = 2
    LONG_INTEGER = 3
    COUNTER = 4
    NAMED_FLOAT = 5


class _Claim(NamedTuple):
    strength: _Strength
    text: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A number that stands at an address, if type and order are these.

    value       as the register holds it; None where the words are none of this type
    looks_like  what speaks for it, such as "50.02 Hz"; "" if nothing does
    """

    address: int
    type: DataType
    order: str
    value: Raw | None
    looks_like: str = ""

    @property
    def addresses(self) -> range:
        return range(self.address, self.address + self.type.words)


class Text(NamedTuple):
    """Characters that begin at an address."""

    address: int
    text: str

    @property
    def addresses(self) -> range:
        return range(self.address, self.address + (len(self.text) + 1) // 2)


def sightings(start: int, words: Sequence[int], later: Sequence[int] | None = None) -> list[Sighting]:
    """Every type in every order at every address from which its words are there.

    ``later`` are the same registers, read again some seconds later. A number looks like something

    - as a float between 45 and 65: a frequency, in Hz; between 180 and 280: a voltage, in V
    - if it rose from the first read to the second, by a thousandth at most: a counter
    - as a long integer, in the same ranges, also as tenths, hundredths, thousandths, but as Hz never without decimals
    - as a float between 0.5 and 1, either sign: a power factor; as any other float from 0.0001 to 100 million: an
      ordinary one, such as other words seldom make
    - as a short integer, in the same ranges, thousandths only as a power factor

    What comes first here is the less likely to be chance, and takes its words: nothing after it is seen in them.
    With swapped bytes only floats are marked, and only by the first two rules: else they look like anything.
    """
    seen: list[Sighting] = []
    claims: list[tuple[_Claim, Sighting]] = []
    for offset in range(len(words)):
        for kind in DataType:
            stop = offset + kind.words
            for order in ORDERS if kind.words > 1 else _SHORT_ORDERS:
                if stop > len(words):
                    break
                layout = Layout(kind, *ORDERS[order])
                sighting = Sighting(start + offset, kind, order, decode(words[offset:stop], layout))
                after = None if later is None else decode(later[offset:stop], layout)
                seen.append(sighting)
                claim = _claim(kind, sighting.value, after)
                is_usual = ORDERS[order][1] is ByteOrder.BIG
                if claim is not None and (is_usual or (kind.is_float and claim.strength > _Strength.FLOAT)):
                    claims.append((claim, sighting))
    granted = _granted(claims, texts(start, words))
    return [replace(one, looks_like=granted[one]) if one in granted else one for one in seen]


def _granted(claims: Iterable[tuple[_Claim, Sighting]], found: Iterable[Text]) -> dict[Sighting, str]:
    """The strongest claims that do not share a word; among equals those that most others agree with in type and order.

    Floats in one order look like floats in another a word further on, where only their decimals differ. Last come the
    customary order and the lower address.
    Text comes after what has a name, since voltages as floats look like letters, but before the rest.
    """
    claims = list(claims)
    orders = list(ORDERS)
    agreeing = Counter((claim.strength, *_row(sighting)) for claim, sighting in claims)

    def rank(entry: tuple[_Claim, Sighting]) -> tuple[int, ...]:
        (strength, _), sighting = entry
        agreement = agreeing[strength, *_row(sighting)]
        return -strength, -agreement, orders.index(sighting.order), sighting.address

    taken: set[int] = set()
    granted: dict[Sighting, str] = {}
    waiting = list(found)
    for claim, sighting in sorted(claims, key=rank):
        if claim.strength < _Strength.NAMED_FLOAT:
            for text in waiting:
                taken.update(text.addresses if taken.isdisjoint(text.addresses) else ())
            waiting.clear()
        if taken.isdisjoint(sighting.addresses):
            taken.update(sighting.addresses)
            granted[sighting] = claim.text
    return granted


def _row(sighting: Sighting) -> tuple[DataType, str, int]:
    """Type, order and alignment: what the values of one table have in common."""
    return sighting.type, sighting.order, sighting.address % sighting.type.words


def texts(start: int, words: Sequence[int]) -> Iterator[Text]:
    """Runs of printable characters, two a word, of four or more."""
    begin, run = 0, ""
    for index in range(len(words) + 1):
        data = words[index].to_bytes(2, "big") if index < len(words) else b"\xff"
        piece = data.rstrip(b"\0").decode("latin-1")
        if piece and piece.isascii() and piece.isprintable():
            begin, run = (begin, run + piece) if run else (index, piece)
            continue
        if len(run.strip()) >= _LEAST_TEXT and any(map(str.isalpha, run)):
            yield Text(start + begin, run.strip())
        run = ""


def _claim(kind: DataType, value: Raw | None, after: Raw | None) -> _Claim | None:
    if value is None or value == 0 or kind.is_bcd:
        return None
    claims = (
        (_Strength.NAMED_FLOAT, _named(value) if kind.is_float else ""),
        (_Strength.COUNTER, _rise(value, after) if kind.words > 1 else ""),
        (_Strength.LONG_INTEGER, _integer(value, _WIDE_SCALES) if kind.words > 1 and not kind.is_float else ""),
        (_Strength.FLOAT, _ordinary(value) if kind.is_float else ""),
        (_Strength.SHORT_INTEGER, _integer(value, _SHORT_SCALES) or _thousandths(value) if kind.words == 1 else ""),
    )
    return next((_Claim(strength, text) for strength, text in claims if text), None)


def _rise(value: Raw, after: Raw | None) -> str:
    if after is None or not 1 <= value < after < _MOST_COUNT or after - value > max(value * _MOST_RISE, 1):
        return ""
    return f"{_short(value)}, a counter: rose by {_short(after - value)}"


def _ordinary(value: float) -> str:
    if not _LEAST_FLOAT <= abs(value) < _MOST_FLOAT:
        return ""
    is_factor = _POWER_FACTOR.low <= abs(value) <= _POWER_FACTOR.high
    return f"{_short(value)}{f' {_POWER_FACTOR.what}' if is_factor else ''}"


def _named(value: float) -> str:
    ranges = (_FREQUENCY, _VOLTAGE)
    return next((f"{_short(value)} {known.what}" for known in ranges if known.low <= value <= known.high), "")


def _integer(value: float, scales: Mapping[int, str]) -> str:
    for divisor, scale in scales.items():
        text = _named(value / divisor)
        if text and (divisor > 1 or not text.endswith(_FREQUENCY.what)):
            return text + scale
    return ""


def _thousandths(value: float) -> str:
    is_factor = _POWER_FACTOR.low <= abs(value) / 1000 <= _POWER_FACTOR.high
    return f"{_short(value / 1000)} {_POWER_FACTOR.what} x 0.001" if is_factor else ""


def _short(number: float) -> str:
    return f"{number:.7g}"
