"""Measured load profiles as simulated devices: a CSV file of consumption per interval becomes registers that count it.

Columns: ``timestamp`` (ISO 8601 with offset, start of the interval), ``value`` (consumption in the interval; empty:
lost) and, for several series in one file, ``series_id``; others are ignored. The grid of a series is regular. Separator
comma, or semicolon with decimal comma. ``.gz`` is read as it is.

Sums are made of whole numbers of the file's last digit, so a register's difference is the sum of the values between,
to the digit. Where a value is lost the register holds and the power is not known. Where values are negative (a counter
that was reset) the register falls; it begins high enough never to be negative.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from device_sim.device import ModbusLink, MqttLink
from device_sim.load_profile import Problems, Profile, ProfileError, read_profiles
from device_sim.models import CARRIERS, Model, model
from metering.instant import HOUR, MINUTE, Window
from metering.samples import Floats, Int64s
from metering.units import canonical_unit, conversion

_UNITS_ON_A_BUS = 247  # Modbus
_LEAST_DIGITS = 3  # of the register: 1 Wh, 1 l
_EXACT = 2**53  # whole numbers up to here are exact in a float
_MILLISECOND = 1000


@dataclass(frozen=True)
class Replay:
    """The devices of a file; ``problems`` says in one line each what of it could not be used."""

    devices: "tuple[ReplayDevice, ...]"
    problems: tuple[str, ...]

    @property
    def window(self) -> Window:
        """From the first to the last instant of any series."""
        return Window(
            min(device.window.start_us for device in self.devices), max(device.window.end_us for device in self.devices)
        )


def load_replay(path: Path, template: str, *, unit: str = "kWh", interval_s: float = 10.0) -> Replay:
    """Read a file as devices of one model: an id of models.yaml or of collectors/templates.

    unit        of the values: kWh, Wh, MWh, m³, l
    interval_s  how often devices that speak MQTT publish, in seconds

    What is wrong with one series stops no other. Raises ValueError if nothing can be used, and for a model that has no
    register for the unit; LookupError for an unknown model or unit; OSError.
    """
    kind = model(template)
    register = _register(kind, unit)
    shift = _decimal_places(unit)
    problems = Problems(path)
    devices: list[ReplayDevice] = []
    for profile in read_profiles(path, problems):
        id_ = re.sub(r"[^A-Za-z0-9._-]+", "-", profile.id).strip("-._") or "replay"
        if any(device.id == id_ for device in devices):
            problems.add(profile.line, f"series {profile.id!r} is left out: device id {id_!r} is taken by another one")
            continue
        try:
            counts = _counts(profile, shift)
        except ProfileError as error:
            problems.add(error.line, f"series {profile.id!r} is left out: {error}")
            continue
        devices.append(ReplayDevice(id_, kind, register, _link(kind, id_, len(devices), interval_s), counts))
    if not devices:
        raise ValueError("\n".join([f"{path}: no series can be replayed", *problems.lines()]))
    return Replay(tuple(devices), tuple(problems.lines()))


@dataclass(frozen=True, eq=False)
class Counts:
    """A profile in whole numbers: ``digits`` decimals of the canonical unit.

    values   consumption of each interval, 0 where lost, shape (n,)
    known    whether it is known, shape (n,)
    reading  the register at each interval's begin and at the last one's end, shape (n + 1,)
    """

    start_us: int
    step_us: int
    digits: int
    values: Int64s
    known: Floats
    reading: Int64s


class ReplayDevice:
    """A device (a `SimDevice`) that counts a measured profile. Outside the profile its register holds."""

    def __init__(self, id_: str, kind: Model, register: str, link: ModbusLink | MqttLink, counts: Counts) -> None:
        self.id = id_
        self.link = link
        self.register = register
        self._power = kind.power_of(register)
        self.quantities = (register,) if self._power is None else (self._power, register)
        self._counts = counts

    @property
    def window(self) -> Window:
        """What the file holds of it."""
        counts = self._counts
        return Window(counts.start_us, counts.start_us + counts.step_us * len(counts.values))

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        """See `SimDevice.at`. Outside the profile the power is not known."""
        counts = self._counts
        last = len(counts.values) - 1
        interval = (times_us - counts.start_us) // counts.step_us
        inside = (interval >= 0) & (interval <= last)
        index = np.clip(interval, 0, last)
        gone_ms = np.clip(times_us - counts.start_us - index * counts.step_us, 0, counts.step_us) // _MILLISECOND
        steps = counts.reading[index] + counts.values[index] * gone_ms // (counts.step_us // _MILLISECOND)
        shown = {self.register: steps / 10.0**counts.digits}
        if self._power is not None:
            per_hour = counts.values[index] / 10.0**counts.digits * (HOUR / counts.step_us)
            rate = per_hour * 1000 if self._power != "volume_flow" else per_hour
            shown[self._power] = np.where(inside, np.round(rate, 6) * counts.known[index], np.nan)
        return {quantity: shown[quantity] for quantity in self.quantities}


def _counts(profile: Profile, shift: int) -> Counts:
    """Raises ProfileError for a profile without a grid, or too long a number for exact sums."""
    step_us = profile.step_us
    if step_us < MINUTE or step_us % _MILLISECOND:
        raise ProfileError(profile.line, f"its readings are {step_us / 1e6:g} s apart; at least a minute is needed")
    digits = max(profile.decimals + shift, _LEAST_DIGITS)
    length = int((profile.times_us[-1] - profile.times_us[0]) // step_us) + 1
    numbers = [0] * length
    known = np.full(length, np.nan)
    for time_us, value in zip(profile.times_us, profile.values, strict=True):
        index, off_grid = divmod(time_us - profile.times_us[0], step_us)
        if off_grid:
            raise ProfileError(profile.line, f"not all of its readings are {step_us / 1e6:g} s apart, or a multiple")
        if value is not None:
            numbers[index] = int(value.scaleb(digits - shift))
            known[index] = 1.0
    if sum(map(abs, numbers)) >= _EXACT:
        raise ProfileError(profile.line, f"its sum to {digits} decimals is too long for exact registers; round it")
    values = np.array(numbers, np.int64)
    reading = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return Counts(profile.times_us[0], step_us, digits, values, known, reading - min(0, int(reading.min())))


def _register(kind: Model, unit: str) -> str:
    wanted = canonical_unit(unit)
    for register in kind.registers:
        if CARRIERS[register].unit == wanted and register != "active_energy_export":
            return register
    raise ValueError(f"{kind.id} has no register in {wanted}, so it cannot count {unit}; choose another model or unit")


def _decimal_places(unit: str) -> int:
    """By how many places the decimal point moves from the unit to the canonical one; negative for larger units."""
    factor, _ = conversion(unit, canonical_unit(unit))
    exact = Decimal(repr(factor)).normalize()
    if exact.as_tuple().digits != (1,):
        raise ValueError(f"values in {unit!r} give no exact registers; use kWh, Wh, MWh, m³ or l")
    return -int(exact.as_tuple().exponent)


def _link(kind: Model, id_: str, number: int, interval_s: float) -> ModbusLink | MqttLink:
    if kind.format is not None:
        return MqttLink(kind.format, f"replay/{id_}", interval_s, kind.options)
    bus, unit = divmod(number, _UNITS_ON_A_BUS)
    return ModbusLink("replay" if bus == 0 else f"replay-{bus + 1}", unit + 1, kind.id)
