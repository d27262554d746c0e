"""A simulated device: what it would show at any instant, and how it is spoken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from device_sim.misspeaking import Spell
from metering.samples import Floats, Int64s


@dataclass(frozen=True, slots=True)
class ModbusLink:
    """Spoken over Modbus: as ``unit`` behind the simulated gateway ``bus``, with the registers of ``template``.

    channel  which of several counters or strings it is; they, and SunSpec devices, may share their unit with others
    models   the SunSpec models that say it; left out, the first of each kind that the template knows
    spells   when it misspeaks
    """

    bus: str
    unit: int
    template: str
    channel: int = 1
    models: tuple[int, ...] = ()
    spells: tuple[Spell, ...] = ()


@dataclass(frozen=True, slots=True)
class MqttLink:
    """Spoken over MQTT: in the payload format ``format`` under ``topic``, every ``interval_s`` seconds.

    ``options`` are the format's own, the same as in the settings of `collectors.mqtt`; ``spells`` when it misspeaks.
    """

    format: str
    topic: str
    interval_s: float
    options: Mapping[str, object] = field(default_factory=dict)
    spells: tuple[Spell, ...] = ()


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
