"""Frames are taken apart only when they answer the request."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.frame import FrameError, Protocol, Reply, RtuFraming, crc16, reply_words, rtu_request

REQUEST = bytes.fromhex("01040000000271cb")
REPLY = bytes.fromhex("010404436633341b38")
TCP_REQUEST = bytes.fromhex("000100000006010400000002")
TCP_REPLY = bytes.fromhex("00010000000701040443663334")


def rtu(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


def test_the_longest_frame_is_read_in_whatever_pieces_it_comes() -> None:
    body = bytes([1, 43, 14, 2, 0x83, 0, 0, 1, 0, 244]) + b"x" * 244
    frame = rtu(body)
    assert len(frame) == 256
    for size in (1, 100, 255, 256):
        reply, rest = None, b"noise"
        for begin in range(0, len(frame), size):
            reply, rest = RtuFraming().reply(rest + frame[begin : begin + size], 1, 1, 43)
        assert (reply, rest) == (Reply(1, body[1:]), b""), size


def test_the_request_of_the_manual() -> None:
    assert rtu_request(unit=1, function=4, address=0, quantity=2) == REQUEST


@pytest.mark.parametrize(
    ("protocol", "request_", "reply"),
    [
        (Protocol.RTU, REQUEST, REPLY),
        (Protocol.TCP, TCP_REQUEST, TCP_REPLY),
        (Protocol.PDU, REQUEST[1:-2], REPLY[1:-2]),
    ],
)
def test_sound_replies(protocol: Protocol, request_: bytes, reply: bytes) -> None:
    assert reply_words(protocol, request_, reply) == [0x4366, 0x3334]


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        (REPLY[:-1] + b"\x39", "crc_mismatch"),
        (REPLY[:6], "incomplete"),
        (b"", "incomplete"),
        (rtu(bytes.fromhex("02040443663334")), "unit_id_mismatch"),
        (rtu(bytes.fromhex("01030443663334")), "function_mismatch"),
        (rtu(bytes.fromhex("0104024366")), "length_mismatch"),
        (rtu(bytes.fromhex("018402")), "exception_2"),
        (rtu(bytes.fromhex("01840b")), "exception_11"),
    ],
)
def test_unsound_rtu_replies(reply: bytes, key: str) -> None:
    with pytest.raises(FrameError, match=f"^{key}$"):
        reply_words(Protocol.RTU, REQUEST, reply)


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        ("00020000000701040443663334", "transaction_id_mismatch"),
        ("00010000000702040443663334", "unit_id_mismatch"),
        ("0001000000070104044366", "incomplete"),
        ("0001000000070104044366333400", "length_mismatch"),
        ("0001000000050104044366", "incomplete"),
        ("000100000003018406", "exception_6"),
    ],
)
def test_unsound_tcp_replies(reply: str, key: str) -> None:
    with pytest.raises(FrameError, match=f"^{key}$"):
        reply_words(Protocol.TCP, TCP_REQUEST, bytes.fromhex(reply))


@given(st.binary(max_size=300), st.sampled_from(Protocol))
def test_any_bytes_give_words_or_a_frame_error(reply: bytes, protocol: Protocol) -> None:
    request = {Protocol.RTU: REQUEST, Protocol.TCP: TCP_REQUEST, Protocol.PDU: REQUEST[1:-2]}[protocol]
    with contextlib.suppress(FrameError):
        assert len(reply_words(protocol, request, reply)) == 2
