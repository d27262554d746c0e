"""A simulated device: what it would show at any instant, and how it is spoken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from metering.samples import Floats, Int64s


@dataclass(frozen=True, slots=True)
class ModbusLink:
    """Spoken over Modbus: as ``unit`` behind the simulated gateway ``bus``, with the registers of ``template``."""

    bus: str
    unit: int
    template: str


@dataclass(frozen=True, slots=True)
class MqttLink:
    """Spoken over MQTT: in the payload format ``format`` under ``topic``, every ``interval_s`` seconds.

    ``options`` are the format's own, the same as in the settings of `collectors.mqtt`.
    """

    format: str
    topic: str
    interval_s: float
    options: Mapping[str, object] = field(default_factory=dict)


class SimDevice(Protocol):
    """Deterministic: the same instant always shows the same values, in a history as live."""

    @property
    def id(self) -> str: ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """What it measures, as names of `metering.quantities`."""

    @property
    def link(self) -> ModbusLink | MqttLink: ...

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        """The values at the given ascending instants, one array of the same length for each quantity, canonical units.

        NaN where the device would give no value. Registers are the exact integral of their power since the start.
        """
