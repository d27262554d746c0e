"""The device template: what a device type keeps in which register, read from one YAML file of collectors/templates."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from collectors.modbus.codec import ByteOrder, DataType, Layout, WordOrder
from collectors.modbus.plan import plan
from collectors.modbus.point import Part, Point
from collectors.modbus.sunspec import Model
from metering.quantities import QUANTITIES, Kind, quantity
from metering.strict import Strict
from metering.units import conversion

_WORD = Field(ge=0, le=0xFFFF)


class Limits(Strict):
    """What the device, or the bus it sits on, can bear."""

    max_registers: int = Field(default=125, ge=1, le=125)
    """Most registers in one answer."""
    max_hole: int = Field(default=0, ge=0, le=124)
    """Unused registers the device lets one read along, to join two blocks into one request."""
    pause_s: float = Field(default=0.0, ge=0)
    """Silence before each request, in seconds."""
    unit_change_pause_s: float = Field(default=0.0, ge=0)
    """Silence before a request if the one before went to another unit, in seconds."""
    timeout_s: float | None = Field(default=None, gt=0)
    """How long an answer may take, in seconds, where the device needs more than the connection's setting."""


class Encoding(Strict):
    """How a number is written; what is left out is inherited from the template."""

    address: int = _WORD
    """0-based address as on the wire (manuals often print it with 1, 30001 or 40001 added); SunSpec: offset from the
    model's id."""
    type: DataType | None = None
    word_order: WordOrder | None = None
    byte_order: ByteOrder | None = None
    scale: float = 1.0
    """Raw number times scale gives the unit. Negative where the device counts the other direction positive."""
    not_available: tuple[int, ...] | None = None
    """Bit patterns that mean "no value", as the manual prints them, e.g. 0x8000; left out: those usual for the type."""

    @field_validator("scale")
    @classmethod
    def _not_zero(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("a scale of 0 would make every value 0")
        return scale


class Register(Encoding):
    """A quantity and the register(s) that hold it."""

    quantity: str
    """A name from metering.quantities."""
    unit: str
    """The unit of raw × scale, as metering.units spells it."""
    function: Literal[3, 4] | None = None
    """Function code: 3 reads holding registers, 4 input registers."""
    offset: float = 0.0
    """Added to raw × scale, in the unit."""
    exponent: int | None = Field(default=None, ge=0, le=0xFFFF)
    """Address of the SunSpec scale factor: the value is also multiplied by ten to its power."""
    plus: tuple[Encoding, ...] = ()
    """Further registers whose value is added: decimal places kept apart, a second tariff, export with scale -1."""
    rollover: int | None = Field(default=None, gt=0)
    """Raw count at which a counter begins again at 0, if that is not the width of its type."""

    def shifted(self, by: int) -> Self:
        """The same so many registers further on; the scale factor stays."""
        plus = tuple(part.model_copy(update={"address": part.address + by}) for part in self.plus)
        return self.model_copy(update={"address": self.address + by, "plus": plus})

    @field_validator("quantity")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            found = quantity(name)
        except LookupError as unknown:
            raise ValueError(str(unknown)) from None
        if found.kind is Kind.INTERVAL:
            raise ValueError(f"{name!r} is a result of analytics; no device measures it")
        return name

    @model_validator(mode="after")
    def _unit_fits(self) -> Self:
        _check_unit(self.quantity, self.unit)
        return self


class SunSpecModel(Strict):
    """Registers of a SunSpec model; ``models`` are the ids that share them."""

    models: tuple[int, ...] = Field(min_length=1)
    length: int = Field(gt=0)
    """Length of the model, without id and length (the simulator serves this many registers)."""
    registers: tuple[Register, ...] = Field(min_length=1)


class Channels(Strict):
    """Several alike in one device: counters, strings. The registers of the template are those of the first."""

    count: int = Field(ge=2)
    """How many there can be."""
    step: int = Field(ge=1)
    """From the registers of one to those of the next; scale factors are common to all."""


class Pulses(Strict):
    """What the pulses of a meter stand for."""

    quantity: str
    """The counter that is meant, e.g. water_volume."""
    unit: str
    """Of ``per_pulse`` and ``start``, as metering.units spells it."""
    per_pulse: float = Field(gt=0)
    """The pulse weight: 0.0005 (kWh) for a meter with 2000 pulses per kWh."""
    start: float = 0.0
    """What the meter itself showed when the count was 0."""

    @model_validator(mode="after")
    def _is_a_counter(self) -> Self:
        _check_unit(self.quantity, self.unit)
        if QUANTITIES[self.quantity].kind is not Kind.REGISTER:
            raise ValueError(f"pulses cannot be counted into {self.quantity!r}: it is no counter")
        return self


class Identity(Strict):
    """Registers in which the device says what it is."""

    address: int = _WORD
    """0-based address as on the wire."""
    function: Literal[3, 4] = 3
    """Function code: 3 reads holding registers, 4 input registers."""
    words: tuple[tuple[int, ...], ...] = Field(min_length=1)
    """What they hold in a device of this type: any of these, all of the same length."""

    @field_validator("words")
    @classmethod
    def _of_one_length(cls, words: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        if len({len(some) for some in words}) > 1 or not words[0]:
            raise ValueError("the alternatives must be of the same length")
        return words

    @property
    def count(self) -> int:
        """How many registers they are."""
        return len(self.words[0])


class Example(Strict):
    """Words of a real device, or from its manual, and what they mean. Each runs as a test."""

    source: str
    """Who printed the words, or "constructed"."""
    words: dict[int, tuple[int, ...]]
    """First address → words from there on."""
    readings: dict[str, float]
    """Quantity → value in its canonical unit: all that follows from the words, and nothing else."""


class Template(Strict):
    """A device type."""

    id: str
    """``<maker>/<model>``, from the name of the file."""
    name: str
    """What people call it."""
    also: tuple[str, ...] = ()
    """Other ids under which it is found: device types with the same registers."""
    sources: tuple[str, ...] = Field(min_length=1)
    """Where the registers come from: the manual, first of all."""
    notes: str = ""
    """What the one who installs it must know."""
    function: Literal[3, 4] = 3
    type: DataType | None = None
    word_order: WordOrder = WordOrder.MSW_FIRST
    byte_order: ByteOrder = ByteOrder.BIG
    not_available: dict[DataType, tuple[int, ...]] = Field(default_factory=dict)
    limits: Limits = Limits()
    channels: Channels | None = None
    fingerprint: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Quantity → lowest and highest value, in its canonical unit, that a device of this type shows wherever it works.
    Registers of another type read as if they were of this one break it: they are often readable, but mean nonsense."""
    identity: Identity | None = None
    """Where a device of this type can be told by name. Other makes of the same registers may show something else."""
    registers: tuple[Register, ...] = ()
    sunspec: tuple[SunSpecModel, ...] = ()
    """Instead of registers: the models to look for; where several have a quantity, the first found gives it."""
    examples: tuple[Example, ...] = ()

    @property
    def is_sunspec(self) -> bool:
        return bool(self.sunspec)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points of a device without SunSpec models."""
        return tuple(self._point(register) for register in self.registers)

    def of_channel(self, channel: int) -> "Template":
        """The template of one of several channels, counted from 1. Raises ValueError if there is no such channel."""
        count, step = (self.channels.count, self.channels.step) if self.channels else (1, 0)
        if not 1 <= channel <= count:
            raise ValueError(f"{self.id} has no channel {channel}: there {'are' if count > 1 else 'is'} 1 to {count}")
        return self._with_registers(lambda register: register.shifted((channel - 1) * step))

    def counting(self, pulses: Pulses) -> "Template":
        """The template whose pulse count is what the pulses stand for. Raises ValueError if it counts none."""
        if not any(register.quantity == "pulse_count" for register in self.registers):
            raise ValueError(f"{self.id} counts no pulses")
        meant = {"quantity": pulses.quantity, "unit": pulses.unit, "scale": pulses.per_pulse, "offset": pulses.start}

        def meaning(register: Register) -> Register:
            if register.quantity != "pulse_count":
                return register
            return Register.model_validate({**register.model_dump(exclude_unset=True), **meant})

        return self._with_registers(meaning)

    def fits(self, values: Mapping[str, float]) -> bool:
        """Whether values that were read as this type's look like it: each of the fingerprint is there, and in range."""
        return all(low <= values.get(name, math.nan) <= high for name, (low, high) in self.fingerprint.items())

    @property
    def wraps(self) -> dict[str, float]:
        """Counter → the value at which it begins again at 0, in its canonical unit, where that is fixed."""
        return {point.quantity: point.wrap for point in self.points if point.wrap is not None}

    def points_in(self, models: Iterable[Model]) -> tuple[Point, ...]:
        """The points of a SunSpec device with these models; () if none of them is known here."""
        found: dict[str, Point] = {}
        present = {model.id: model for model in reversed(tuple(models))}
        for wanted in self.sunspec:
            for model in [present[id_] for id_ in wanted.models if id_ in present][:1]:
                for register in wanted.registers:
                    point = self._point(register, model.address)
                    if point.stop <= model.address + 2 + model.length:
                        found.setdefault(register.quantity, point)
        return tuple(found.values())

    def _with_registers(self, change: Callable[[Register], Register]) -> "Template":
        sunspec = [
            model.model_copy(update={"registers": tuple(map(change, model.registers))}) for model in self.sunspec
        ]
        return self.model_copy(update={"registers": tuple(map(change, self.registers)), "sunspec": tuple(sunspec)})

    def _point(self, register: Register, base: int = 0) -> Point:
        parts = tuple(self._part(encoding, register, base) for encoding in (register, *register.plus))
        return Point(
            quantity=register.quantity,
            unit=register.unit,
            function=register.function or self.function,
            parts=parts,
            offset=_exactly(register.offset),
            exponent=None if register.exponent is None else base + register.exponent,
            rollover=register.rollover or _rollover(register, parts[0].layout.type),
        )

    def _part(self, encoding: Encoding, register: Register, base: int) -> Part:
        kind = encoding.type or register.type or self.type
        if kind is None:
            raise ValueError(f"{register.quantity} has no type, and the template names none for all registers")
        layout = Layout(
            kind,
            encoding.word_order or register.word_order or self.word_order,
            encoding.byte_order or register.byte_order or self.byte_order,
        )
        sentinels = encoding.not_available
        if sentinels is None:
            sentinels = self.not_available.get(kind, kind.usual_sentinels)
        return Part(base + encoding.address, layout, _exactly(encoding.scale), sentinels)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.registers) == bool(self.sunspec):
            raise ValueError("a template has either registers or sunspec models")
        last = self.of_channel(self.channels.count) if self.channels else self
        for template in (self, last):
            _check(template.points, self.limits)
            for model in template.sunspec:
                _check(tuple(self._point(register) for register in model.registers), self.limits)
        strangers = self.fingerprint.keys() - {register.quantity for register in self.registers}
        if strangers:
            raise ValueError(f"the fingerprint names {', '.join(sorted(strangers))}, which no register holds")
        return self


def _check_unit(name: str, unit: str) -> None:
    try:
        conversion(unit, quantity(name).unit)
    except LookupError as unknown:
        raise ValueError(str(unknown)) from None


def _check(points: Sequence[Point], limits: Limits) -> None:
    plan(points, max_registers=limits.max_registers, max_hole=limits.max_hole)
    names = [point.quantity for point in points]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is read twice; a quantity has one register in a template")
    parts = sorted(
        ((point.function, part, point.quantity) for point in points for part in point.parts),
        key=lambda entry: (entry[0], entry[1].address),
    )
    for (function, part, name), (next_function, next_part, next_name) in pairwise(parts):
        if function == next_function and part.address < next_part.address < part.stop:
            raise ValueError(
                f"{next_name} at {next_part.address} begins inside {name}, which is {part.layout.type} "
                f"at {part.address}: check address and type of both"
            )


def _rollover(register: Register, kind: DataType) -> int | None:
    if kind.is_float or QUANTITIES[register.quantity].kind is not Kind.REGISTER:
        return None
    return kind.limits[1] + 1


def _exactly(number: float) -> Fraction:
    return Fraction(repr(number))
