"""What a frame of the outbox holds. Pure functions, no I/O."""

from collections.abc import Sequence

import msgspec

from collectors.protocol import Receipt
from metering.reading import Reading


class Content(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, as written."""

    appended_us: int
    receipts: Sequence[Receipt]
    readings: Sequence[Reading]


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, read as far as recovery needs it."""

    appended_us: int
    receipts: list[Receipt]
    readings: msgspec.Raw


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Content).decode
_unpack_head = msgspec.msgpack.Decoder(_Head).decode


def receipts_in(payload: bytes) -> list[Receipt]:
    return _unpack_head(payload).receipts
