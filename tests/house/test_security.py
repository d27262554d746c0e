"""What docs/security.md claims, tried."""

import ast
import asyncio
import contextlib
import io
import json
import re
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.modbus.discovery import Discovery
from collectors.modbus.frame import Question, TcpFraming, read_question
from collectors.modbus.link import Link
from collectors.modbus.settings import ModbusConnection, ModbusSettings
from collectors.modbus.shelf import TemplateError, load_template
from collectors.mqtt.formats import format_named
from collectors.mqtt.payload import MAX_PAYLOAD, DecodeError, read_json
from collectors.mqtt.settings import MqttDevice, MqttSettings
from collectors.settings import DeviceSettings
from device_sim.device import ModbusLink
from device_sim.modbus import ModbusTown
from device_sim.town import Town
from leitwarte.backup import MANIFEST, BackupError, restore
from leitwarte.doctor import servers as looks
from leitwarte.estate_settings import BuildingSettings, SiteSettings
from metering.clock import Clock
from metering.instant import DAY
from metering.quality import Quality
from metering.reading import Reading
from metering.strict import Strict
from storage.influxdb.line_protocol import encode_readings
from storage.protocol import StoreRefused
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("metering", "storage", "collectors", "gateway", "analytics", "dashboards", "leitwarte")
READING = {1, 2, 3, 4, 43}
"""Modbus function codes that only read: coils, inputs, registers, device identification."""
SENDING = {"write", "writelines", "sendall", "sendto", "sock_sendall"}


# --- towards devices: reading only ---


@pytest.mark.parametrize("function", [code for code in range(256) if code not in READING])
async def test_a_link_takes_no_question_that_does_more_than_read(function: int) -> None:
    with pytest.raises(ValueError, match=f"function {function} does more than read"):
        await Link(TcpFraming()).ask(1, [read_question(3, 0, 1), read_question(function, 0, 1)], 1.0, [])


async def test_a_link_takes_no_canopen_request() -> None:
    with pytest.raises(ValueError, match="function 43 does more than read"):
        await Link(TcpFraming()).ask(1, [Question(bytes([43, 13, 0, 0]), 1)], 1.0, [])


def test_nothing_but_the_link_writes_to_a_bus() -> None:
    """No other place that sends bytes, and nothing of pymodbus but the way to a serial port; the simulator apart."""
    found: set[tuple[str, str]] = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pymodbus"):
                found.add((name, str(node.module)))
            elif isinstance(node, ast.Import):
                found |= {(name, alias.name) for alias in node.names if alias.name.startswith("pymodbus")}
            elif isinstance(node, ast.Attribute) and name.startswith("collectors/modbus/") and node.attr in SENDING:
                found.add((name, node.attr))
    assert found == {
        ("collectors/modbus/transport.py", "pymodbus.transport.serialtransport"),
        ("collectors/modbus/link.py", "write"),
    }


async def test_what_goes_over_the_wire_to_devices_only_reads() -> None:
    """A proxy listens in while devices are searched, identified and polled."""
    clock = Clock()
    town = Town(1, clock.now_us() - DAY)
    link = next(device.link for device in town.devices if isinstance(device.link, ModbusLink))
    devices = [device for device in town.devices if isinstance(device.link, ModbusLink) and device.link.bus == link.bus]
    served = ModbusTown(devices, clock)
    await served.start()
    try:
        async with listening_in(served.ports[link.bus]) as (port, functions):
            connection = ModbusConnection(id="bus", host="127.0.0.1", port=port, timeout_s=PATIENCE_S)
            units = [device.link.unit for device in devices if isinstance(device.link, ModbusLink)]
            found = [unit async for unit in Discovery(connection, clock).run([*units, 99], lambda _: None)]
            assert len(found) == len(units)
            entries = [
                {"id": device.id, "unit": device.link.unit, "template": device.link.template}
                for device in devices
                if isinstance(device.link, ModbusLink)
            ]
            settings = ModbusSettings.model_validate({**connection.model_dump(exclude_unset=True), "devices": entries})
            polled = [finding async for finding in looks.modbus(settings)]
            assert all(finding.verdict == "OK" for finding in polled), polled
    finally:
        await served.stop()
    assert {3, 4, 43} <= functions  # it has listened
    assert functions <= READING


@asynccontextmanager
async def listening_in(target: int) -> AsyncIterator[tuple[int, set[int]]]:
    """A port that passes everything on, and the Modbus function codes that clients have sent through it."""
    functions: set[int] = set()

    async def requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(6)  # transaction, protocol, length
            body = await reader.readexactly(int.from_bytes(head[4:6], "big"))
            functions.add(body[1])
            writer.write(head + body)

    async def replies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        device_reader, device_writer = await asyncio.open_connection("127.0.0.1", target)
        answering = asyncio.create_task(replies(device_reader, writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await requests(reader, device_writer)
        answering.cancel()
        device_writer.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], functions
    finally:
        server.close()


# --- injection ---


@pytest.mark.parametrize("name", ["a\r\nBcc: x@example.org", "a\x00b", "a\x1b[2J", "a\u2028b", "n" * 201])
@pytest.mark.parametrize("kind", [DeviceSettings, SiteSettings, BuildingSettings])
def test_a_name_is_one_line(kind: type[Strict], name: str) -> None:
    with pytest.raises(ValidationError, match="a name is one line"):
        kind.model_validate({"id": "a", "name": name})
    assert kind.model_validate({"id": "a", "name": "=1+1 <b> ${x} Straße\u00a0»1«"})


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_or_reason_makes_another_line_of_line_protocol(device: str, reason: str) -> None:
    reading = Reading(device, "active_power", 1.0, 1_700_000_000_000_000, Quality.SUSPECT, reason)
    try:
        (line,) = encode_readings([reading])
    except StoreRefused:
        return
    assert line.startswith("reading,device=")
    assert line.endswith(" 1700000000000000")
    assert "\n" not in line.split(" active_power=")[0]
    tags, fields = re.split(r"(?<!\\) ", line, maxsplit=1)  # as the server does: before the fields quotes mean nothing
    assert re.findall(r"(?<!\\)[,=]", tags) == [",", "="]
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", fields, flags=re.DOTALL)
    assert outside == "active_power=1.0,active_power_status= 1700000000000000"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "eastron/../../x", "eastron/sdm630\x00", "..", ""])
def test_no_name_leads_out_of_the_shelves(name: str) -> None:
    with pytest.raises(TemplateError):
        load_template(name)
    with pytest.raises(ValueError, match="unknown payload format"):
        format_named(name)


@pytest.mark.parametrize("topic", ["#", "+/power", "a/#", "$SYS/x", "a\x00b", ""])
def test_a_device_hears_its_own_topic_only(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        MqttDevice.model_validate({"id": "d", "format": "tasmota", "topic": topic})


def test_the_status_topic_has_three_levels_whatever_the_session_is_called() -> None:
    settings = MqttSettings.model_validate({"id": "b", "host": "h", "client_id": "x/../#/+"})
    assert settings.status_topic.count("/") == 2
    assert not set(settings.status_topic) & {"+", "#"}


@pytest.mark.parametrize("name", ["../outside", "/tmp/leitwarte-outside", "link"])
def test_a_backup_cannot_write_outside_its_folder(name: str, tmp_path: Path) -> None:
    source = tmp_path / "evil.tar"
    with tarfile.open(source, "w") as archive:
        content = json.dumps({"format": 1, "sha256": {}}).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo(name)
        if name == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(BackupError):
        restore(source, tmp_path / "new" / "leitwarte.yaml", lambda *_: None)
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/leitwarte-outside").exists()


# --- limits ---


def test_long_and_deep_payloads_are_refused() -> None:
    with pytest.raises(DecodeError):
        read_json(b" " * MAX_PAYLOAD + b"1")
    with pytest.raises(DecodeError, match="deep"):
        read_json(b"[" * 100_000 + b"]" * 100_000)
