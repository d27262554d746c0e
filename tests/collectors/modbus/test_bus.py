"""The bus against a peer that answers anything but what was asked."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from collectors.modbus.bus import Bus, BusError, NoAnswer, Refused, Unreachable
from collectors.modbus.frame import read_question
from collectors.modbus.settings import ModbusSettings
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from metering.clock import Clock
from tests.patience import PATIENCE_S

Answer = Callable[[int, int, bytes], bytes | None]
"""(transaction, unit, question) → bytes to send, or None to hang up."""

SILENCE_S = 0.15
"""For how long silence is borne where it is expected; everything else has all the time that a busy machine takes."""
PATIENT = Limits(timeout_s=PATIENCE_S)


@asynccontextmanager
async def peer(*answers: Answer, hang_up_after_s: float | None = None) -> AsyncIterator[tuple[Bus, list[bytes]]]:
    """A bus to a server that gives the n-th answer to the n-th request, and the requests it got."""
    asked: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                header = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", header)
                question = await reader.readexactly(length - 1)
                asked.append(header + question)
                answer = answers[len(asked) - 1](transaction, unit, question)
                if answer is None:
                    break
                writer.write(answer)
                if hang_up_after_s is not None:
                    await asyncio.sleep(hang_up_after_s)
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    device = {"id": "d", "template": "dynaflox/ultrad"}
    where = {"id": "b", "host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "devices": [device]}
    bus = Bus(Transport(ModbusSettings.model_validate(where)), PATIENCE_S, Clock())
    bus.timeout_s = SILENCE_S
    try:
        yield bus, asked
    finally:
        bus.close()
        server.close()
        await server.wait_closed()


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def words(function: int, *registers: int) -> bytes:
    return struct.pack(f">BB{len(registers)}H", function, 2 * len(registers), *registers)


def right(transaction: int, unit: int, _: bytes) -> bytes:
    return frame(transaction, unit, words(3, 12, 34))


async def read(bus: Bus, limits: Limits = PATIENT) -> list[int]:
    return await bus.read(1, 3, 100, 2, limits)


async def test_the_request_on_the_wire() -> None:
    async with peer(right) as (bus, asked):
        assert await read(bus) == [12, 34]
    assert asked == [bytes.fromhex("0001 0000 0006 01 03 0064 0002")]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda t, u, _: frame(t, u, words(3, 12)), "1 registers came instead of 2"),
        (lambda t, u, _: frame(t, u, words(3, 1, 2, 3)), "3 registers came instead of 2"),
        (lambda t, u, _: frame(t, u, words(4, 12, 34)), "reply to function 4 instead of 3"),
        (lambda t, u, _: frame(t, u, b"\x84\x02"), "reply to function 132 instead of 3"),
        (lambda t, u, _: frame(t, u, b"\x64\x02\0\0"), "reply to function 100 instead of 3"),
        (lambda t, u, _: frame(t, u, words(3, 12, 34)[:-2]), "1 registers came instead of 2"),
        (lambda _, u, _q: frame(0, u, words(3, 12, 34)), "no answer within 0.15 s"),
        (lambda t, u, _: frame(t + 1, u, words(3, 12, 34)), "no answer within 0.15 s"),
        (lambda t, u, _: frame(t, u + 1, words(3, 12, 34)), "reply of unit 2 instead of 1"),
        (lambda t, u, _: frame(t, u, words(3, 12, 34))[:-1], "no answer within 0.15 s"),
        (lambda _t, _u, _q: b"\xff" * 40, "what came from .* is no Modbus TCP"),
        (lambda _t, _u, _q: None, "connection to .* broke: the other end hung up"),
    ],
)
async def test_a_wrong_reply_is_no_answer_and_the_next_read_begins_afresh(wrong: Answer, reason: str) -> None:
    async with peer(wrong, right) as (bus, asked):
        with pytest.raises(NoAnswer, match=f"^{reason}$"):
            await read(bus, Limits() if "no answer" in reason else PATIENT)
        assert await read(bus) == [12, 34]
    assert asked[0][:2] == asked[1][:2] == b"\0\1"  # the first transaction of a new connection


async def test_unit_0_is_a_unit_like_any_other() -> None:
    async with peer(lambda t, _u, _q: frame(t, 5, words(3, 12, 34)), right) as (bus, _):
        with pytest.raises(NoAnswer, match=r"^reply of unit 5 instead of 0$"):
            await bus.read(0, 3, 100, 2, PATIENT)
        assert await bus.read(0, 3, 100, 2, PATIENT) == [12, 34]


async def test_a_broken_reply_is_no_affair_of_the_event_loop() -> None:
    loop, complaints = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    async with peer(lambda t, u, _: frame(t, u, b"\x64\x02\0\0"), right) as (bus, _):
        with pytest.raises(NoAnswer):
            await read(bus)
        assert await read(bus) == [12, 34]
    assert complaints == []


async def test_an_exception_keeps_the_connection() -> None:
    async with peer(lambda t, u, _: frame(t, u, b"\x83\x02"), right) as (bus, asked):
        with pytest.raises(Refused, match=r"Modbus exception 2 \(illegal data address\)") as caught:
            await read(bus)
        assert caught.value.code == 2
        assert await read(bus) == [12, 34]
    assert [request[:2] for request in asked] == [b"\0\1", b"\0\2"]


async def test_a_reply_that_comes_before_the_right_one_is_skipped() -> None:
    def stale_first(transaction: int, unit: int, _: bytes) -> bytes:
        return frame(transaction - 1 & 0xFFFF or 9, unit, words(3, 0, 0)) + frame(transaction, unit, words(3, 12, 34))

    async with peer(stale_first) as (bus, _):
        assert await read(bus) == [12, 34]


async def test_after_a_failed_attempt_the_next_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.modbus.bus._BACKOFF_S", (PATIENCE_S, PATIENCE_S))
    async with peer() as (bus, _):
        pass
    with pytest.raises(Unreachable, match=r"cannot connect to 127\.0\.0\.1:") as first:
        await read(bus)
    with pytest.raises(Unreachable) as second:
        await read(bus)
    assert second.value.retry_us == first.value.retry_us > Clock().steady_us(), "it was not tried again"


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        (lambda t, u, _: frame(t, u, b"\x83\x06"), Refused),
        (lambda t, u, _: frame(t, u, words(3, 12)), NoAnswer),
        (lambda t, u, _: frame(t, u + 1, words(3, 12, 34)), NoAnswer),
        (lambda *_: b"", NoAnswer),
        (lambda *_: None, NoAnswer),
    ],
)
async def test_of_several_questions_the_answers_before_a_failure_are_kept(odd: Answer, problem: type[BusError]) -> None:
    questions = [read_question(3, start, 2) for start in (100, 200, 300)]
    answers: list[bytes] = []
    async with peer(right, odd, right, right) as (bus, asked):
        bus.timeout_s = 1.0
        with pytest.raises(problem):
            await bus.read_each(1, questions, Limits(), answers)
        assert answers == [b"\0\x0c\0\x22"]
        await bus.read_each(1, questions, PATIENT, answers)
        assert answers == [b"\0\x0c\0\x22"] * 3
    assert [int.from_bytes(request[8:10], "big") for request in asked] == [100, 200, 200, 300]


async def test_pauses_are_kept_between_questions() -> None:
    loop = asyncio.get_running_loop()
    async with peer(*[right] * 3) as (bus, _):
        begun = loop.time()
        limits = Limits(timeout_s=PATIENCE_S, pause_s=0.05, unit_change_pause_s=PATIENCE_S)
        await bus.read_each(1, [read_question(3, 0, 2)] * 3, limits, [])
        assert 0.09 < loop.time() - begun < PATIENCE_S / 2


async def test_pauses_are_kept() -> None:
    same = Limits(timeout_s=PATIENCE_S, pause_s=0.05, unit_change_pause_s=PATIENCE_S)
    other = Limits(timeout_s=PATIENCE_S, pause_s=0.05, unit_change_pause_s=0.15)
    loop = asyncio.get_running_loop()
    async with peer(*[right] * 3) as (bus, _):
        times = []
        for unit, limits in ((1, same), (1, same), (2, other)):
            await bus.read(unit, 3, 0, 2, limits)
            times.append(loop.time())
    assert 0.04 < times[1] - times[0] < PATIENCE_S / 2
    assert times[2] - times[1] > 0.14


async def test_a_device_that_hangs_up_while_the_bus_pauses_is_called_again() -> None:
    async with peer(right, right, hang_up_after_s=0.05) as (bus, asked):
        assert await read(bus) == [12, 34]
        assert await bus.read(1, 3, 100, 2, Limits(timeout_s=PATIENCE_S, pause_s=1.0)) == [12, 34]
    assert [request[:2] for request in asked] == [b"\0\1", b"\0\1"]  # the second on a connection of its own


async def test_each_request_has_its_own_patience() -> None:
    loop = asyncio.get_running_loop()
    async with peer(right, lambda *_: b"", right, lambda *_: b"") as (bus, _):
        bus.timeout_s = 1.0
        for before in (PATIENT, Limits()):  # after a longer one, and after one of the same
            assert await read(bus, before) == [12, 34]
            begun = loop.time()
            with pytest.raises(NoAnswer, match=r"^no answer within 1 s$"):
                await read(bus, Limits())
            assert 0.99 < loop.time() - begun < PATIENCE_S / 2
