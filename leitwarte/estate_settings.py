"""The estate in the settings file: sites, buildings, meters, and how each meter counts."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from metering.estate import Carrier, Counter, Exchange, Meter, Role
from metering.formula import Formula
from metering.instant import from_datetime
from metering.strict import Name, Strict

_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class ExchangeSettings(Strict):
    """A meter exchange (Zählerwechsel), as the fitter notes it."""

    time: AwareDatetime
    """When, with UTC offset: 2026-05-04 10:30:00+02:00."""
    end: float = Field(ge=0)
    """Last index of the old meter, in kWh or m³."""
    start: float = Field(default=0.0, ge=0)
    """First index of the new meter, in kWh or m³."""
    serial: str
    """Serial number of the new meter."""
    old_serial: str = ""
    """Serial number of the old meter."""

    def exchange(self) -> Exchange:
        return Exchange(from_datetime(self.time), self.end, self.start, self.serial, self.old_serial)


def _parsed(text: str) -> str:
    Formula.parse(text)
    return text


class MeterSettings(Strict):
    """A metering point: one register of one device, a formula over others (a virtual meter), or imported files."""

    id: str = Field(pattern=_ID)
    """Unique among all meters; results are stored under it."""
    name: Name = ""
    """What people call it; the id if left out."""
    carrier: Carrier
    """What it bills: electricity, heat, gas or water."""
    role: Role | None = None
    """What its consumption means in the balance: supply, feed_in, generation or submeter; supply if left out, for a
    virtual meter submeter, so that no sum counts it beside the meters it is made of."""
    device: str | None = None
    """Id of the device that shows the register."""
    register_: str | None = Field(default=None, alias="register")
    """The quantity to bill, such as active_energy_import."""
    parent: str | None = None
    """Id of the meter whose consumption contains this one's."""
    power: str | None = None
    """The quantity of the same device that shows the register's rate, such as active_power."""
    formula: Annotated[str, AfterValidator(_parsed)] | None = None
    """Instead of device and register: other meters with + and - between spaces, such as main - kitchen - 0.5 * lift."""
    imported: bool = False
    """Instead of device and register: its load profiles are files that `leitwarte import` reads."""
    rollover: float | None = Field(default=None, gt=0)
    """What the register counts up to before it begins again at 0, in kWh or m³; known without it for Modbus devices."""
    max_rate: float | None = Field(default=None, gt=0)
    """The most that can flow through the connection, in kW or m³/h: what rises faster is no consumption."""
    gas_area: str | None = None
    """The supply area of a gas meter, where carbon.gas or carbon.gas_tables tell several apart."""
    contracted_kw: float | None = Field(default=None, gt=0)
    """The power that is contracted, in kW: whoever draws more in an interval is told."""
    charging: bool = False
    """It measures charge points of vehicles (Ladepunkte)."""
    exchanges: tuple[ExchangeSettings, ...] = ()
    """Exchanges of the meter, the earliest first."""

    @field_validator("exchanges")
    @classmethod
    def _in_order(cls, exchanges: tuple[ExchangeSettings, ...]) -> tuple[ExchangeSettings, ...]:
        Counter(exchanges=tuple(exchange.exchange() for exchange in exchanges))
        return exchanges

    @model_validator(mode="after")
    def _register_or_formula(self) -> Self:
        if self.formula is None and not self.imported and (self.device is None or self.register_ is None):
            raise ValueError(
                f"meter {self.id!r} needs device and register, or a formula over other meters, or imported: true"
            )
        if self.imported:
            needless = {"device", "register_", "power", "rollover", "max_rate", "charging", "exchanges", "formula"}
            if names := ", ".join(sorted(name.rstrip("_") for name in needless & self.model_fields_set)):
                raise ValueError(f"meter {self.id!r} is known by imported files alone; leave out {names}, or imported")
            return self
        measured = {"device", "register_", "power", "rollover", "max_rate", "contracted_kw", "charging", "exchanges"}
        needless = measured & self.model_fields_set
        if self.formula is not None and needless:
            names = ", ".join(sorted(name.rstrip("_") for name in needless))
            raise ValueError(f"meter {self.id!r} is computed by its formula; leave out {names}, or the formula")
        return self

    @property
    def balance_role(self) -> Role:
        return self.role or (Role.SUPPLY if self.formula is None else Role.SUBMETER)

    def meter(self, building: str, rollovers: Mapping[tuple[str, str], float]) -> Meter:
        """The meter in its building; ``rollovers`` are those known of devices, by device and quantity."""
        name = self.name or self.id
        if self.imported:
            return Meter.imported(
                self.id,
                name,
                building,
                carrier=self.carrier,
                role=self.balance_role,
                parent=self.parent,
                gas_area=self.gas_area,
                contracted_kw=self.contracted_kw,
            )
        if self.formula is not None:
            return Meter.virtual(
                self.id,
                name,
                building,
                carrier=self.carrier,
                role=self.balance_role,
                formula=Formula.parse(self.formula),
                parent=self.parent,
                gas_area=self.gas_area,
            )
        assert self.device is not None
        assert self.register_ is not None
        rollover = self.rollover or rollovers.get((self.device, self.register_))
        return Meter(
            id=self.id,
            name=name,
            building=building,
            carrier=self.carrier,
            role=self.balance_role,
            device=self.device,
            register=self.register_,
            parent=self.parent,
            power=self.power,
            counter=Counter(rollover, self.max_rate, tuple(exchange.exchange() for exchange in self.exchanges)),
            gas_area=self.gas_area,
            contracted_kw=self.contracted_kw,
            is_charging=self.charging,
        )


class BuildingSettings(Strict):
    """A building and its meters."""

    id: str = Field(pattern=_ID)
    """Unique among all buildings."""
    name: Name = ""
    """What people call it; the id if left out."""
    usage: str = "other"
    """What it is used for, such as school, office, pool."""
    floor_area_m2: float | None = Field(default=None, gt=0)
    """Net floor area (Nettoraumfläche), in m²."""
    meters: tuple[MeterSettings, ...] = ()
    """The metering points in it."""


class SiteSettings(Strict):
    """A place with one or more buildings."""

    id: str = Field(pattern=_ID)
    """Unique among all sites."""
    name: Name = ""
    """What people call it; the id if left out."""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    """WGS 84, degrees."""
    longitude: float | None = Field(default=None, ge=-180, le=180)
    """WGS 84, degrees."""
    buildings: tuple[BuildingSettings, ...] = ()
    """The buildings on it."""
