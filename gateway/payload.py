"""What a frame of the outbox holds. Pure functions, no I/O."""

from collections.abc import Sequence

import msgspec

from collectors.protocol import Receipts
from metering.reading import Reading


class Content(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, as written."""

    appended_us: int
    receipts: Receipts | None
    readings: Sequence[Reading]


class _Readings(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, read as far as the store needs it."""

    appended_us: int
    receipts: msgspec.Raw
    readings: list[Reading]


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, read as far as recovery needs it."""

    appended_us: int
    receipts: msgspec.Raw
    readings: msgspec.Raw


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(_Readings).decode
_unpack_head = msgspec.msgpack.Decoder(_Head).decode
_unpack_receipts = msgspec.msgpack.Decoder(Receipts | None).decode


def receipts_in(payload: bytes) -> Receipts | None:
    """None also for receipts in the form of versions before 0.1.0, one by one with digests of another kind: what is
    delivered again after the upgrade is stored over itself.
    """
    receipts = _unpack_head(payload).receipts
    try:
        found: Receipts | None = _unpack_receipts(receipts)
    except msgspec.ValidationError:
        return None
    return found
