"""The estate (Liegenschaften): sites, their buildings, and the meters in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from metering.reading import Series


class Carrier(StrEnum):
    """What a meter bills (Energieträger; water for completeness' sake)."""

    ELECTRICITY = "electricity"
    HEAT = "heat"  # district or local heat
    GAS = "gas"
    WATER = "water"

    @property
    def unit(self) -> str:
        """Billing unit of consumption: kWh, or m³ for gas (operating volume) and water."""
        return "m³" if self in (Carrier.GAS, Carrier.WATER) else "kWh"


class Role(StrEnum):
    """What a meter's consumption means in a balance."""

    SUPPLY = "supply"  # taken from the network (Bezug): what is billed, and what causes emissions
    FEED_IN = "feed_in"  # given to the network (Einspeisung)
    GENERATION = "generation"  # made on site (PV, CHP)
    SUBMETER = "submeter"  # part of another meter's consumption: never added to it


@dataclass(frozen=True, slots=True)
class Device:
    """A thing that speaks: meter, inverter, sensor; expected to be heard every ``interval_s`` seconds."""

    id: str
    name: str
    interval_s: float
    building: str | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """A metering point: one register of one device, in a building, for a carrier. Results are stored under its id."""

    id: str
    name: str
    building: str
    carrier: Carrier
    role: Role
    device: str
    register: str  # quantity of kind REGISTER
    parent: str | None = None  # the meter whose consumption contains this one's
    power: str | None = None  # quantity of the same device that shows the register's rate, if any

    @property
    def series(self) -> Series:
        """The series of register readings."""
        return Series(self.device, self.register)


@dataclass(frozen=True, slots=True)
class Building:
    """A building; ``usage`` is a key such as school or pool; ``floor_area_m2`` is the net floor area (NRF)."""

    id: str
    name: str
    site: str
    usage: str
    floor_area_m2: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place with one or more buildings; coordinates are WGS 84 degrees."""

    id: str
    name: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class Estate:
    """All of it, with look-ups. Raises ValueError for doubled ids and for references that lead nowhere."""

    sites: dict[str, Site] = field(default_factory=dict)
    buildings: dict[str, Building] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sites: Iterable[Site] = (),
        buildings: Iterable[Building] = (),
        devices: Iterable[Device] = (),
        meters: Iterable[Meter] = (),
    ) -> "Estate":
        estate = cls(
            _by_id("site", sites), _by_id("building", buildings), _by_id("device", devices), _by_id("meter", meters)
        )
        for building in estate.buildings.values():
            _refers(f"building {building.id!r}", "site", building.site, estate.sites)
        for device in estate.devices.values():
            if device.building is not None:
                _refers(f"device {device.id!r}", "building", device.building, estate.buildings)
        for meter in estate.meters.values():
            _refers(f"meter {meter.id!r}", "building", meter.building, estate.buildings)
            _refers(f"meter {meter.id!r}", "device", meter.device, estate.devices)
            if meter.parent is not None:
                _refers(f"meter {meter.id!r}", "parent meter", meter.parent, estate.meters)
        return estate

    def meters_in(self, building: str) -> Iterator[Meter]:
        return (meter for meter in self.meters.values() if meter.building == building)

    def buildings_at(self, site: str) -> Iterator[Building]:
        return (building for building in self.buildings.values() if building.site == site)


_Item = TypeVar("_Item", Site, Building, Device, Meter)


def _by_id(what: str, items: Iterable[_Item]) -> dict[str, _Item]:
    found: dict[str, _Item] = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"{what} id {item.id!r} is used twice; ids must be unique")
        found[item.id] = item
    return found


def _refers(who: str, what: str, target: str, known: Mapping[str, object]) -> None:
    if target not in known:
        raise ValueError(f"{who} names {what} {target!r}, which is not defined; known: {', '.join(known) or 'none'}")
