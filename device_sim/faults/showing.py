"""Faults of what a device shows: a wrapper around any `SimDevice`."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from device_sim.device import ModbusLink, MqttLink, SimDevice
from device_sim.faults.fault import Fault
from metering.instant import Window
from metering.quantities import QUANTITIES, Kind
from metering.samples import Floats, Int64s

_RATES = ("W", "m³/h")
_RATES_AND_AMOUNTS = (*_RATES, "kWh", "m³")


class ShowingFault(Fault):
    """Hits devices, to the microsecond."""

    devices: tuple[str, ...] = Field(min_length=1)

    @abstractmethod
    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:
        """What the device shows in the window instead of ``values`` (all of whose instants lie in it)."""


class Stuck(ShowingFault):
    """Every value stays as it was when the fault began."""

    kind: Literal["stuck"]

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:
        frozen = device.at(np.array([window.start_us], np.int64))
        return {quantity: np.full_like(series, frozen[quantity][0]) for quantity, series in values.items()}


class Silent(ShowingFault):
    """No values: a gap in the data, or a device that has died."""

    kind: Literal["gap", "silent"]

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:  # noqa: ARG002
        return {quantity: np.full_like(series, np.nan) for quantity, series in values.items()}


class Spike(ShowingFault):
    """A reading far off, as after a disturbance on the bus."""

    kind: Literal["spike"]
    factor: float = 25.0
    quantity: str | None = None
    """Left out: all rates (powers and flows)."""

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:  # noqa: ARG002
        return _times(values, self.factor, _with_unit(values, _RATES) if self.quantity is None else {self.quantity})


class UnitError(ShowingFault):
    """Somebody configured Wh for kWh: amounts and rates are off by a factor."""

    kind: Literal["unit_error"]
    factor: float = 1000.0

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:  # noqa: ARG002
        return _times(values, self.factor, _with_unit(values, _RATES_AND_AMOUNTS))


class RegisterBackwards(ShowingFault):
    """The registers lose what they had counted last, as after a power cut, and count on from there."""

    kind: Literal["register_backwards"]
    by: float = Field(gt=0)
    """kWh or m³."""

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:  # noqa: ARG002
        return {
            quantity: np.maximum(series - self.by, 0) if _is_register(quantity) else series
            for quantity, series in values.items()
        }


class RegisterReset(ShowingFault):
    """The registers begin again, as after the meter was exchanged or its firmware renewed."""

    kind: Literal["register_reset"]
    to: float = Field(default=0.0, ge=0)
    """kWh or m³ at which they begin."""

    def shown(self, device: SimDevice, values: Mapping[str, Floats], window: Window) -> dict[str, Floats]:
        before = device.at(np.array([window.start_us], np.int64))
        return {
            quantity: series - before[quantity][0] + self.to if _is_register(quantity) else series
            for quantity, series in values.items()
        }


class Spoiled:
    """A device (a `SimDevice`) with a fault; wrap it again for the next one."""

    def __init__(self, device: SimDevice, fault: ShowingFault, window: Window) -> None:
        self.id = device.id
        self.quantities = device.quantities
        self.link: ModbusLink | MqttLink = device.link
        self._device = device
        self._fault = fault
        self._window = window

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        """See `SimDevice.at`."""
        values = self._device.at(times_us)
        hit = (times_us >= self._window.start_us) & (times_us < self._window.end_us)
        if not hit.any():
            return values
        wrong = self._fault.shown(self._device, {quantity: values[quantity][hit] for quantity in values}, self._window)
        spoiled = {quantity: values[quantity].copy() for quantity in values}
        for quantity, series in wrong.items():
            spoiled[quantity][hit] = series
        return spoiled


def _times(values: Mapping[str, Floats], factor: float, which: set[str]) -> dict[str, Floats]:
    return {quantity: series * factor if quantity in which else series for quantity, series in values.items()}


def _with_unit(values: Mapping[str, Floats], units: tuple[str, ...]) -> set[str]:
    return {quantity for quantity in values if QUANTITIES[quantity].unit in units}


def _is_register(quantity: str) -> bool:
    return QUANTITIES[quantity].kind is Kind.REGISTER
