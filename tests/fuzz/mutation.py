"""Bytes as they come from a broken device: real ones, spoiled a little or much. Reproducible by the seed."""

from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[Random, bytes], bytes]

_INTERESTING = (
    b"NaN", b"Infinity", b"-1e999", b"1e308", b"1_000", b"23,5", b"0x1F", b"null", b"true", b'""', b"[]", b"{}",
    b"18446744073709551616", b"-9223372036854775809", b"1e400", b"9" * 400, b"\xff\xfe", b"\x00", b"\xc3\x28",
    b"\xed\xa0\x80", b"\\ud800", b"2038-01-19T03:14:08Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59+00:01",
    b"[" * 2000, b'{"a":' * 2000, b'"', b"\\", b",", b":", b"=", b"\n", b"\x80" * 11, b"\xff" * 10,
)  # fmt: skip


def mutated(random: Random, data: bytes) -> bytes:
    """``data`` after one to four mutations; now and then it is left as it is, or made up."""
    if random.random() < 0.02:
        return random.randbytes(random.randrange(64))
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        data = random.choice(_MUTATIONS)(random, data)
    return data


def mutated_text(random: Random, text: str) -> str:
    """As `mutated`, for topics, which MQTT lets be UTF-8 only."""
    return mutated(random, text.encode()).decode(errors="replace")


def _flip(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes(byte ^ (1 << random.randrange(8)) for byte in data[at : at + 1]) + data[at + 1 :]


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(random: Random, data: bytes) -> bytes:
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def _repeat(random: Random, data: bytes) -> bytes:
    begin, end = _span(random, data)
    return data[:end] + data[begin:end] * random.choice((1, 1, 2, 50)) + data[end:]


def _swap(random: Random, data: bytes) -> bytes:
    begin, end = _span(random, data)
    return data[end:] + data[begin:end] + data[:begin]


def _insert(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice((random.choice(_INTERESTING), random.randbytes(4))) + data[at:]


def _digits(random: Random, data: bytes) -> bytes:
    """Another number where there is one: values, lengths and times are what decoders calculate with."""
    places = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if not places:
        return _flip(random, data)
    begin = end = random.choice(places)
    while end < len(data) and data[end : end + 1].isdigit():
        end += 1
    return data[:begin] + random.choice(_INTERESTING[:19]) + data[end:]


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin, end = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
    return begin, end


_MUTATIONS: Sequence[Mutation] = (_flip, _cut, _remove, _repeat, _swap, _insert, _digits, _digits)
