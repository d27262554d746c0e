"""The estate (Liegenschaften): sites, their buildings, and the meters in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from metering.formula import Formula, in_order
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
class Exchange:
    """A meter exchange (Zählerwechsel): from ``time_us`` on the register is another meter's.

    end, start  last index of the old meter and first index of the new one, in the register's unit
    serial      serial number of the new meter, old_serial that of the old one
    """

    time_us: int
    end: float
    start: float
    serial: str
    old_serial: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """How a register counts (Zählwerk).

    rollover   what it counts up to before it begins again at 0, in its unit; None if it never does
    max_rate   the fastest it can rise, in its unit per hour (the connection's size); None if unknown
    exchanges  of the meter, in ascending time

    Raises ValueError for a rollover or rate of 0 or less, and for exchanges that are out of order.
    """

    rollover: float | None = None
    max_rate: float | None = None
    exchanges: tuple[Exchange, ...] = ()

    def __post_init__(self) -> None:
        for what, value in (("rollover", self.rollover), ("max_rate", self.max_rate)):
            if value is not None and not value > 0:
                raise ValueError(f"{what} must be over 0, not {value}")
        if any(after.time_us <= before.time_us for before, after in pairwise(self.exchanges)):
            raise ValueError("meter exchanges must be in the order of their time, each at its own")


@dataclass(frozen=True, slots=True)
class Meter:
    """A metering point: one register of one device, in a building, for a carrier. Results are stored under its id.

    A virtual meter has a ``formula`` over other meters instead; make it by `Meter.virtual`. One that is known by its
    imported load profiles alone has an empty one; make it by `Meter.imported`.
    """

    id: str
    name: str
    building: str
    carrier: Carrier
    role: Role
    device: str
    register: str  # quantity of kind REGISTER
    parent: str | None = None  # the meter whose consumption contains this one's
    power: str | None = None  # quantity of the same device that shows the register's rate, if any
    counter: Counter = Counter()
    formula: Formula | None = None
    gas_area: str | None = None  # the supply area its gas comes from, if there are several
    contracted_kw: float | None = None  # the power that the contract with the network operator allows
    is_charging: bool = False  # whether it measures charge points of vehicles

    @classmethod
    def virtual(  # noqa: PLR0913
        cls,
        id_: str,
        name: str,
        building: str,
        *,
        carrier: Carrier,
        role: Role,
        formula: Formula,
        parent: str | None = None,
        gas_area: str | None = None,
    ) -> "Meter":
        """A meter whose consumption is computed; its ``series`` is that of its own results."""
        return cls(id_, name, building, carrier, role, id_, "consumption", parent, formula=formula, gas_area=gas_area)

    @classmethod
    def imported(  # noqa: PLR0913
        cls,
        id_: str,
        name: str,
        building: str,
        *,
        carrier: Carrier,
        role: Role,
        parent: str | None = None,
        gas_area: str | None = None,
        contracted_kw: float | None = None,
    ) -> "Meter":
        """A meter without device, whose consumption is imported; its ``series`` is that of the imported profile."""
        return cls(
            id_,
            name,
            building,
            carrier,
            role,
            id_,
            "consumption",
            parent,
            formula=Formula(()),
            gas_area=gas_area,
            contracted_kw=contracted_kw,
        )

    @property
    def is_imported(self) -> bool:
        """Whether all that is known of it are load profiles that were imported."""
        return self.formula is not None and not self.formula.terms

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
            if meter.formula is None:
                _refers(f"meter {meter.id!r}", "device", meter.device, estate.devices)
            else:
                for source in meter.formula.meters:
                    _refers(f"meter {meter.id!r}", "meter", source, estate.meters)
            if meter.parent is not None:
                _refers(f"meter {meter.id!r}", "parent meter", meter.parent, estate.meters)
        estate.computed_after()
        return estate

    def computed_after(self) -> list[list[Meter]]:
        """The meters in groups: what a virtual meter is computed from stands in a group before its own.

        Raises ValueError, naming the circle, for virtual meters that are computed from each other.
        """
        formulas = {meter.id: () if meter.formula is None else meter.formula.meters for meter in self.meters.values()}
        return [[meter for meter in self.meters.values() if meter.id in ids] for ids in in_order(formulas)]

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
