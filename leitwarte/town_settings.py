"""The settings that read a simulated town: what an operator would write for the same devices."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from device_sim.device import ModbusLink, MqttLink, SimDevice
from metering.estate import Building, Estate, Meter

Document = dict[str, Any]


class Broker(NamedTuple):
    """An MQTT broker without sign-in; ``protocol`` is the version it speaks, or auto."""

    host: str
    port: int
    protocol: str = "auto"

    @classmethod
    def in_process(cls, host: str, port: int) -> "Broker":
        """The one of `device_sim.broker`, which does not answer a client that speaks MQTT 5."""
        return cls(host, port, "3.1.1")


def acquisition(
    estate: Estate, devices: Sequence[SimDevice], *, modbus_ports: Mapping[str, int], broker: Broker
) -> Document:
    """The ``modbus``, ``mqtt`` and ``sites`` sections for devices that are served on this machine.

    modbus_ports  bus → TCP port
    broker        the MQTT broker the town publishes to
    """
    buses: dict[str, list[Document]] = defaultdict(list)
    topics: list[Document] = []
    for device in devices:
        known = estate.devices[device.id]
        entry: Document = {"id": known.id, "name": known.name, "interval_s": known.interval_s}
        if known.building is not None:
            entry["building"] = known.building
        match device.link:
            case ModbusLink(bus=bus, unit=unit, template=template):
                buses[bus].append(entry | {"unit": unit, "template": template})
            case MqttLink(format=format_, topic=topic, options=options):
                topics.append(entry | {"format": format_, "topic": topic, "options": dict(options)})
    document: Document = {"sites": list(_sites(estate))}
    if buses:
        document["modbus"] = [
            {"id": bus, "host": "127.0.0.1", "port": modbus_ports[bus], "devices": entries}
            for bus, entries in buses.items()
        ]
    if topics:
        document["mqtt"] = [{"id": "town", **broker._asdict(), "devices": topics}]
    return document


def _sites(estate: Estate) -> Iterable[Document]:
    for site in estate.sites.values():
        buildings = [_building(building, estate.meters_in(building.id)) for building in estate.buildings_at(site.id)]
        places = {"latitude": site.latitude, "longitude": site.longitude}
        yield _given({"id": site.id, "name": site.name, **places, "buildings": buildings})


def _building(building: Building, meters: Iterable[Meter]) -> Document:
    entry = {"id": building.id, "name": building.name, "usage": building.usage}
    return _given({**entry, "floor_area_m2": building.floor_area_m2, "meters": [_meter(meter) for meter in meters]})


def _meter(meter: Meter) -> Document:
    kind = {"carrier": meter.carrier.value, "role": meter.role.value}
    source = {"device": meter.device, "register": meter.register, "parent": meter.parent, "power": meter.power}
    return _given({"id": meter.id, "name": meter.name, **kind, **source, "charging": meter.is_charging or None})


def _given(entry: Document) -> Document:
    return {key: value for key, value in entry.items() if value is not None}
