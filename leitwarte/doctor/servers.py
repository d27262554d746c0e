"""What the settings connect to: brokers, InfluxDB, Modbus devices, Grafana. Each is asked for something small."""

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiomqtt
import httpx

from collectors.modbus.bus import Bus, BusError, NoAnswer, Unreachable
from collectors.modbus.settings import ModbusDevice, ModbusSettings
from collectors.modbus.station import Station
from collectors.modbus.sunspec import ChainError
from collectors.modbus.transport import Transport
from collectors.mqtt.client import Client
from collectors.mqtt.session import tls_context
from collectors.mqtt.settings import MqttSettings
from leitwarte.doctor.finding import Finding, fail, ok, warn
from metering.clock import Clock
from storage.influxdb.answers import decode
from storage.influxdb.connection import Connection
from storage.influxdb.failures import Missing, SetupWrong
from storage.protocol import StoreError
from storage.settings import InfluxSettings

_PATIENCE_S = 10.0
_CERTIFICATE_DAYS = 30
_SKEW_S = 5.0  # HTTP tells whole seconds
_HIGHEST_SKEW_S = 60.0


async def broker(settings: MqttSettings) -> AsyncIterator[Finding]:
    """Sign in under a name of one's own, so that the running session is not taken over."""
    what = f"broker {settings.id}"
    address = f"{settings.host}:{settings.port}"
    try:
        context = None if settings.tls is None else await asyncio.to_thread(tls_context, settings.tls)
    except OSError as error:
        yield fail(what, str(error), "give PEM files that exist and that this user may read")
        return
    if context is not None:
        finding = await certificate(what, settings.host, settings.port, context)
        yield finding
        if finding.remedy and finding.verdict == "FAIL":
            return
    client = Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        identifier=f"leitwarte-doctor-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        tls_context=context,
        timeout=_PATIENCE_S,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S), client:
            pass
    except (aiomqtt.MqttError, OSError) as error:
        remedy = (
            "check username and password" if "authori" in str(error).lower() else _REACH.format(service="mosquitto")
        )
        yield fail(what, f"{address}: {error or 'no answer'}", remedy)
    else:
        how = "encrypted" if context else "not encrypted"
        yield ok(what, f"{address} lets {settings.username or 'anybody'} in, {how}")


async def influxdb(settings: InfluxSettings) -> AsyncIterator[Finding]:
    """Is it there, of that version, does it know us, is its clock ours."""
    if settings.url.startswith("https://"):
        url = httpx.URL(settings.url)
        yield await certificate("store", url.host, url.port or 443, ssl.create_default_context())
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            answer = await client.get(f"{settings.url.rstrip('/')}/ping")
    except httpx.HTTPError as error:
        text = str(error) or type(error).__name__
        yield fail("store", f"{settings.url} cannot be reached: {text}", _REACH.format(service="influxdb"))
        return
    yield skew("store", answer)
    told = answer.headers.get("X-Influxdb-Version", "").removeprefix("v")
    if told[:1].isdecimal() and told[:1] != str(settings.version):
        yield fail("store", f"{settings.url} is InfluxDB {told}", f"set store: version: {told[:1]}")
        return
    connection = Connection(settings.model_copy(update={"timeout_s": _PATIENCE_S}))
    try:
        decode(await connection.query("SHOW FIELD KEYS"))
    except Missing as error:
        yield warn("store", str(error), "it is made at the first start, if the account may")
    except SetupWrong as error:
        yield fail("store", str(error), "check token or password, and what it may read and write")
    except StoreError as error:
        yield fail("store", str(error), "look into the server's log")
    else:
        yield ok("store", f"{settings.url}, InfluxDB {told or settings.version}, database {settings.database}")
    finally:
        await connection.close()


async def modbus(settings: ModbusSettings) -> AsyncIterator[Finding]:
    """Read each device once."""
    clock = Clock()
    bus = Bus(Transport(settings), settings.timeout_s, clock)
    try:
        for device in settings.devices:
            finding = await _device(bus, device, settings, clock)
            yield finding
            if finding.remedy == _BUS_REMEDY:
                return
    finally:
        bus.close()


async def grafana(url: str) -> AsyncIterator[Finding]:
    """Is it there, and is its clock ours."""
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/api/health")
            told = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        yield fail("grafana", f"{url}: {error or type(error).__name__}", _REACH.format(service="grafana-server"))
        return
    yield skew("grafana", answer)
    if isinstance(told, dict) and told.get("database") == "ok":
        yield ok("grafana", f"{url}, version {told.get('version', 'not told')}")
    else:
        yield fail("grafana", f"{url} answers, but is not well", "look into Grafana's log")


async def certificate(what: str, host: str, port: int, context: ssl.SSLContext) -> Finding:
    """Is the server's certificate good, and for how long yet."""
    what = f"{what}: certificate"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        remedy = (
            "renew it on the server" if "expired" in error.verify_message else "check ca_file and the server's name"
        )
        return fail(what, error.verify_message, remedy)
    except OSError as error:
        return fail(what, f"{host}:{port}: {error or 'no answer'}", "check host and port, and that it speaks TLS there")
    ends = writer.get_extra_info("peercert")["notAfter"]
    writer.transport.abort()
    return lasting(what, ssl.cert_time_to_seconds(ends), time.time())


def lasting(what: str, ends_s: float, now_s: float) -> Finding:
    """What to say of a certificate that ends at that time (s since the Unix epoch)."""
    days = int((ends_s - now_s) // 86_400)
    found = f"good until {time.strftime('%Y-%m-%d', time.gmtime(ends_s))}, {days} days"
    return ok(what, found) if days >= _CERTIFICATE_DAYS else warn(what, found, "renew it on the server")


def client_certificate(what: str, path: Path) -> Finding:
    """A certificate that we show; read from its file (PEM)."""
    from cryptography import x509  # noqa: PLC0415 - only where there is one

    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError) as error:
        return fail(f"{what}: own certificate", f"{path}: {error}", "give a PEM file that this user may read")
    found = lasting(f"{what}: own certificate", ends, time.time())
    return found if ends > time.time() else fail(found.what, f"{path} has expired", "have a new one made")


def skew(what: str, answer: httpx.Response) -> Finding:
    """Their clock against ours, by the Date header, which tells whole seconds."""
    what = f"{what}: clock"
    if "Date" not in answer.headers:
        return ok(what, "not compared: it tells no time")
    away = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    found = f"{abs(away):.0f} s {'ahead of' if away > 0 else 'behind'} this machine's"
    if abs(away) < _SKEW_S:
        return ok(what, "same as here")
    remedy = "set both by NTP (timedatectl set-ntp true): times are part of every reading"
    return fail(what, found, remedy) if abs(away) > _HIGHEST_SKEW_S else warn(what, found, remedy)


async def _device(bus: Bus, device: ModbusDevice, settings: ModbusSettings, clock: Clock) -> Finding:
    what = f"device {device.id}"
    values: dict[str, float] = {}
    station = Station(device, clock)
    try:
        async with asyncio.timeout(_PATIENCE_S + settings.timeout_s):
            try:
                await station.read(bus, values)
            except NoAnswer:  # once is no sign of anything
                await station.read(bus, values)
    except Unreachable as error:
        return fail(what, str(error), _BUS_REMEDY)
    except (BusError, ChainError, TimeoutError) as error:
        remedy = f"check unit {device.unit} and its type with `leitwarte discover modbus {settings.address}`"
        return fail(what, str(error) or "no answer", remedy)
    return ok(what, f"{settings.address}, unit {device.unit}: {len(values)} values")


_REACH = "check address, port and firewall, and that it runs (systemctl status {service})"
_BUS_REMEDY = "check address, cable, VLAN and firewall; a device that allows one connection may be in use by `run`"
