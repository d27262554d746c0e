"""Every way to a bus, for real: pseudo-terminals, serial servers, certificates."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from collectors.modbus.bus import Bus, NoAnswer
from collectors.modbus.frame import rtu_request
from collectors.modbus.settings import ModbusSettings
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from device_sim.modbus import ModbusFault, Wire
from metering.clock import Clock
from tests.patience import PATIENCE_S

WATER = "dynaflox/ultrad"
RTU = (Wire.SERIAL, Wire.RTU_OVER_TCP)


def transport(**where: Any) -> Transport:
    device = {"id": "d", "template": WATER}
    return Transport(ModbusSettings.model_validate({"id": "b", "devices": [device], **where}))


@pytest.mark.parametrize("wire", Wire)
async def test_units_behind_every_wire(rig: Any, shown: Any, certificates: Any, wire: Wire) -> None:
    devices = [
        shown("water", WATER, {"water_volume": 48.5, "volume_flow": 1.25}, unit=3),
        shown("power", "eastron/sdm630", {"active_power": -3450.25, "voltage_l1": 231.5}, unit=17),
    ]
    setup = rig(devices, wires={"bus": wire}, certificates=certificates)
    async with setup.running() as sink:
        await sink.until(lambda: len(sink.of("water")) >= 3 and len(sink.of("power")) >= 3)
    assert sink.of("water")[-1] == devices[0].values
    assert sink.of("power")[-1] == devices[1].values
    assert sink.failures == []


@pytest.mark.parametrize("wire", RTU)
@pytest.mark.parametrize(
    "fault", [ModbusFault.SILENT, ModbusFault.WRONG_CHECKSUM, ModbusFault.SHORT_FRAME, ModbusFault.WRONG_UNIT]
)
async def test_a_bad_unit_on_a_serial_bus_harms_nobody(
    rig: Any, shown: Any, certificates: Any, wire: Wire, fault: ModbusFault
) -> None:
    devices = [shown("bad", WATER, {"water_volume": 1.0}), shown("good", WATER, {"water_volume": 2.0}, unit=9)]
    setup = rig(devices, wires={"bus": wire}, certificates=certificates)
    setup.town.spoil("bad", fault)
    async with setup.running(timeout_s=0.4) as sink:
        await sink.until(lambda: len(sink.of("good")) >= 3 and sink.reasons("bad"))
        assert sink.of("bad") == []
        assert set(sink.reasons("bad")) == {"no answer within 0.4 s"}
        setup.town.spoil("bad", None)
        await sink.until(lambda: sink.of("bad"))
    assert sink.reasons("good") == []
    assert {poll["water_volume"] for poll in sink.of("good")} == {2.0}


@pytest.mark.parametrize("wire", RTU)
async def test_a_late_reply_is_never_taken_for_the_next(rig: Any, shown: Any, certificates: Any, wire: Wire) -> None:
    values = {"current_l1": 1.0, "current_l2": 2.0, "current_l3": 3.0, "voltage_l1": 231.0, "active_power": 4000.0}
    wallbox = shown("d", "keba/p30", values, unit=5)  # nine requests of the same length
    setup = rig([wallbox], wires={"bus": wire}, certificates=certificates, late_s=0.13)
    async with setup.running(timeout_s=0.1) as sink:
        await sink.until(lambda: sink.polls)
        setup.town.spoil("d", ModbusFault.LATE)
        await sink.until(lambda: len(sink.reasons("d")) >= 3)
        setup.town.spoil("d", None)
        seen = len(sink.polls)
        await sink.until(lambda: len(sink.polls) > seen)
    assert all(poll[name] == value for poll in sink.of("d") for name, value in values.items() if name in poll)


async def test_a_serial_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        await transport(serial={"port": tmp_path / "nowhere"}).connect()


async def test_a_serial_port_that_cannot_do_what_is_set() -> None:
    near, far = os.openpty()  # has no parity
    try:
        with pytest.raises(OSError, match="refuses its settings"):
            await transport(serial={"port": os.ttyname(far), "parity": "even"}).connect()
    finally:
        os.close(near)
        os.close(far)


async def test_a_serial_port_that_somebody_else_has(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 1.0})], wires={"bus": Wire.SERIAL})
    async with setup.running() as sink:
        await sink.until(lambda: sink.polls)
        with pytest.raises(OSError, match="lock"):
            await Transport(setup.settings("bus")).connect()


async def test_a_serial_port_that_is_unplugged_and_comes_back(rig: Any, shown: Any, tmp_path: Path) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 1.0})], wires={"bus": Wire.SERIAL})
    port = tmp_path / "port"
    async with setup.running(bus={"serial": {"port": str(port)}}) as sink:
        await sink.until(lambda: sink.reasons("d"))
        assert str(port) in sink.reasons("d")[0]
        port.symlink_to(setup.town.serial_ports["bus"])
        await sink.until(lambda: sink.polls)
        await setup.town.stop()
        seen = len(sink.failures)
        await sink.until(lambda: len(sink.failures) > seen)
        await setup.town.start()
        port.unlink()
        port.symlink_to(setup.town.serial_ports["bus"])
        polls = len(sink.polls)
        await sink.until(lambda: len(sink.polls) > polls)


@pytest.mark.parametrize("line", [{}, {"baudrate": 19200, "stop_bits": 2}])
async def test_the_request_on_a_serial_line(line: dict[str, Any]) -> None:
    near, far = os.openpty()
    bus = Bus(transport(serial={"port": os.ttyname(far), **line}), 0.1, Clock())
    try:
        with pytest.raises(NoAnswer):
            await bus.read(11, 4, 0x1234, 2, Limits())
        assert os.read(near, 64) == rtu_request(11, 4, 0x1234, 2)
    finally:
        bus.close()
        os.close(near)
        os.close(far)


def test_gap_and_transfer_follow_from_the_line() -> None:
    slow = transport(serial={"port": "/dev/null", "baudrate": 1200, "parity": "even"})
    assert slow.gap_s == pytest.approx(3.5 * 11 / 1200)
    assert slow.transfer_s(125) == pytest.approx(263 * 11 / 1200)
    assert transport(serial={"port": "/dev/null", "baudrate": 57600}).gap_s == 0.00175
    assert (transport(host="h").gap_s, transport(host="h").transfer_s(125)) == (0.0, 0.0)


@pytest.mark.parametrize(
    "case",
    [
        ("stranger", "authority.pem", "broke"),  # the device hangs up: with TLS 1.3 only after we have connected
        ("client", "stranger.pem", "CERTIFICATE_VERIFY_FAILED"),  # we do
        ("client", "nobody.pem", "No such file"),
    ],
)
async def test_certificates_are_checked_both_ways(
    rig: Any, shown: Any, certificates: Any, case: tuple[str, str, str]
) -> None:
    shows, trusts, reason = case
    certificate, key = getattr(certificates, shows)
    tls = {"certificate_file": certificate, "key_file": key, "ca_file": certificate.with_name(trusts)}
    setup = rig([shown("d", WATER, {"water_volume": 1.0})], wires={"bus": Wire.TLS}, certificates=certificates)
    async with setup.running(bus={"tls": tls}) as sink:
        await sink.until(lambda: sink.failures)
    assert sink.polls == []
    assert reason in sink.reasons("d")[0]


async def test_a_reply_in_two_pieces_over_tls(certificates: Any) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(12)
        writer.write(request[:4] + b"\0\7\1\3\4\0")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"\x0c\0\x22")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=certificates.server())
    certificate, key = certificates.client
    tls = {"certificate_file": certificate, "key_file": key, "ca_file": certificates.authority}
    where = transport(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls=tls)
    bus = Bus(where, PATIENCE_S, Clock())
    try:
        assert await bus.read(1, 3, 0, 2, Limits()) == [12, 34]
    finally:
        bus.close()
        server.close()
        await server.wait_closed()
