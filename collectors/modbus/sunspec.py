"""SunSpec: a device lists its own registers as a chain of models, found by walking it, never by a fixed address.

The chain: the words "SunS" at one of three bases, then models {id, length, body of that many registers}, then the end
mark. Source: SunSpec Device Information Model Specification 1.1; scan order of the reference client pysunspec2.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

BASES = (40000, 0, 50000)
COMMON = 1
COMMON_LENGTH = 66
MARK = (0x5375, 0x6E53)  # "SunS"
END = 0xFFFF
FUNCTION = 3

_MAX_MODELS = 100  # no device has that many: a longer chain is garbage
_ADDRESSES = 65536


class Model(NamedTuple):
    """Where a model lies: ``address`` is that of its id, ``length`` counts the registers after id and length."""

    id: int
    address: int
    length: int


class ChainError(Exception):
    """No chain of models, or a broken one; the message says what was found where."""


Walk = Generator[tuple[int, int], Sequence[int] | None, tuple[Model, ...]]
"""Yields (address, count) to be read, takes the words or None for "refused", returns the models."""


def walk(bases: Sequence[int] = BASES) -> Walk:
    """Find the chain at one of ``bases`` and follow it. Does no I/O: whoever drives it reads. Raises ChainError."""
    for base in bases:
        words = yield base, 2
        if words is not None and tuple(words) == MARK:
            return (yield from follow(base + 2))
    raise ChainError(f"no SunSpec device: 'SunS' is at none of {', '.join(map(str, bases))}")


def follow(address: int) -> Walk:
    """Follow the chain from the model at ``address`` to its end. Raises ChainError."""
    models: list[Model] = []
    while len(models) < _MAX_MODELS and address + 2 <= _ADDRESSES:
        words = yield address, 2
        if words is None:
            if models:
                return tuple(models)  # some devices end without the end mark
            break
        model, length = words
        if model == END:
            return tuple(models)
        models.append(Model(model, address, length))
        address += 2 + length
    raise ChainError(f"the chain of SunSpec models breaks at register {address}")


def chain(bodies: Mapping[int, Mapping[int, int]], lengths: Mapping[int, int], base: int = BASES[0]) -> dict[int, int]:
    """The registers of a device with these models: model id → offset from its id → word. Unknown words are all ones."""
    image = dict(zip(range(base, base + 2), MARK, strict=True))
    address = base + 2
    for model, body in bodies.items():
        length = lengths[model]
        image |= {address: model, address + 1: length}
        image |= {address + offset: body.get(offset, 0xFFFF) for offset in range(2, 2 + length)}
        address += 2 + length
    return image | {address: END, address + 1: 0}
