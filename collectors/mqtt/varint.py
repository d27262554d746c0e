"""Integers of variable length (LEB128): seven bits a byte, the lowest first; the eighth says that more follow.

MQTT writes its lengths so (5.0: 1.5.5, 3.1.1: 2.2.3), Protocol Buffers nearly everything.
"""


def varint(number: int) -> bytes:
    """A number of 0 or more."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
