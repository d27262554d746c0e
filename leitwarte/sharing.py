"""What of the settings several gateways divide among themselves, and what of it cannot be divided."""

from collections.abc import Iterator

from collectors.modbus.settings import ModbusSettings
from collectors.mqtt.formats import format_named
from collectors.mqtt.settings import MqttSettings
from gateway.sharing import Portion
from leitwarte.settings import Settings
from metering.yaml_lines import Path


def portion(connection: ModbusSettings | MqttSettings) -> Portion:
    """A connection as it is divided."""
    devices = frozenset(device.id for device in connection.devices)
    if isinstance(connection, ModbusSettings):
        return Portion(devices, connection.replica)
    return Portion(devices, group=connection if connection.share else None)


def indivisible(settings: Settings) -> Iterator[tuple[Path, str, str]]:
    """Where what is to be shared cannot be, why, and what to do."""
    sharing = settings.gateway.sharing
    for b, bus in enumerate(settings.modbus):
        if sharing is None and bus.replica:
            yield ("modbus", b, "replica"), "there are no replicas", "add gateway: sharing:, or take this line out"
        if sharing is not None and bus.serial is not None and not bus.replica:
            message = f"the serial port {bus.serial.port} is on one machine and cannot be shared"
            yield ("modbus", b), message, "name the replica it is plugged into: replica: NAME"
    for m, broker in enumerate(settings.mqtt):
        if broker.share:
            yield from _unshareable(broker, ("mqtt", m), alone=sharing is None)
    if sharing is not None and settings.store.kind == "embedded":
        message = "replicas cannot share an embedded store"
        yield ("gateway", "sharing"), message, "use store: kind: influxdb"


def _unshareable(broker: MqttSettings, where: Path, *, alone: bool) -> Iterator[tuple[Path, str, str]]:
    if alone:
        message = "messages are to be shared out, but gateway.sharing is missing"
        yield (*where, "share"), message, "say who shares: gateway: { sharing: { replica: …, broker: … } }"
    if broker.protocol == "3.1.1":
        yield (*where, "protocol"), "MQTT 3.1.1 has no shared subscriptions", "take this line out, or share"
    for d, device in enumerate(broker.devices):
        if format_named(device.format).remembers:
            message = f"device {device.id!r}: a message of {device.format} is understood by those before it only"
            remedy = "move it to a connection of its own without share: one replica at a time has that"
            yield (*where, "devices", d, "format"), message, remedy
