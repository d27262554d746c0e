"""The town's definition as records, read from town.yaml."""

from functools import cache
from importlib.resources import files
from typing import Self

import yaml
from pydantic import Field, model_validator

from device_sim.device import ModbusLink, MqttLink
from device_sim.instruments.air import Room
from device_sim.loads import AnyLoad
from device_sim.models import Model, model
from metering.estate import Role
from metering.strict import Strict


class DevicePlan(Strict):
    """A device: what it is, how it is reached, what it measures."""

    id: str
    name: str
    model: str
    """An id of models.yaml."""
    bus: str | None = None
    """Modbus: the gateway behind which it sits."""
    unit: int | None = None
    """Modbus: its unit id there."""
    topic: str | None = None
    """MQTT: its topic, as its payload format wants it."""
    interval_s: float = 10.0
    parent: str | None = None
    """The device whose measurement contains this one's."""
    roles: tuple[Role, ...] = ()
    """Its metering points."""
    reading: float = 0.0
    """Of the register when the town begins, in kWh or m³."""
    export_reading: float = 0.0
    """Of the export register, in kWh."""
    loads: dict[str, AnyLoad] = Field(default_factory=dict)
    room: Room | None = None
    """For climate sensors: where it hangs."""

    @property
    def kind(self) -> Model:
        return model(self.model)

    @property
    def link(self) -> ModbusLink | MqttLink:
        kind = self.kind
        if kind.format is None:
            assert self.bus is not None
            assert self.unit is not None
            return ModbusLink(self.bus, self.unit, kind.id)
        assert self.topic is not None
        return MqttLink(kind.format, self.topic, self.interval_s, kind.options)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        wanted = ("bus", "unit") if self.kind.format is None else ("topic",)
        missing = [name for name in wanted if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.id}: a {self.model} needs {' and '.join(missing)}")
        if self.kind.shows is None:
            raise ValueError(f"{self.id}: models.yaml does not say what a {self.model} shows")
        if self.kind.shows == "climate" and self.room is None:
            raise ValueError(f"{self.id}: a climate sensor needs a room")
        return self


class BuildingPlan(Strict):
    """A building and what is in it."""

    id: str
    name: str
    usage: str
    floor_area_m2: float | None = None
    devices: tuple[DevicePlan, ...]


class SitePlan(Strict):
    """A place with its buildings; coordinates are WGS 84 degrees."""

    id: str
    name: str
    latitude: float
    longitude: float
    buildings: tuple[BuildingPlan, ...]


class TownPlan(Strict):
    """All of the town."""

    sites: tuple[SitePlan, ...]

    @property
    def buildings(self) -> list[BuildingPlan]:
        return [building for site in self.sites for building in site.buildings]

    @property
    def devices(self) -> list[DevicePlan]:
        return [device for building in self.buildings for device in building.devices]

    @model_validator(mode="after")
    def _parents_exist(self) -> Self:
        """A parent stands before its children, which also rules out circles."""
        known: set[str] = set()
        for device in self.devices:
            if device.parent is not None and device.parent not in known:
                raise ValueError(f"{device.id}: parent {device.parent!r} is not among the devices before it")
            known.add(device.id)
        return self


@cache
def town_plan() -> TownPlan:
    """The plan in town.yaml. Raises pydantic.ValidationError naming the field that is wrong."""
    return TownPlan.model_validate(yaml.safe_load(files("device_sim").joinpath("town.yaml").read_text("utf-8")))
