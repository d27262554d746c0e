"""Dead letters can be looked at, whatever is in them."""

import pytest

from collectors.protocol import DeadLetter


@pytest.mark.parametrize(
    ("payload", "longest", "shown"),
    [
        (b"23.5\n\tkWh", None, "23.5\n\tkWh"),
        ("Zähler".encode(), 2, "Zä"),
        (b"\xff\x00\x01", 2, "ff 00"),
        (b"a\x00", None, "61 00"),
        (b"", None, ""),
    ],
)
def test_a_payload_is_shown_as_text_or_as_bytes(payload: bytes, longest: int | None, shown: str) -> None:
    assert DeadLetter("broker", "topic", payload, 0, "why").readable(longest) == shown
