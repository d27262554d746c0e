"""The town: a small city whose devices, registers and balances follow from its plan, a seed and a beginning."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from device_sim.device import ModbusLink, MqttLink, SimDevice
from device_sim.faults.fault import Placed
from device_sim.faults.load import LoadFault
from device_sim.faults.metering import MeteringFault, PhaseLoss
from device_sim.faults.scenario import Truth, check_targets, truth
from device_sim.faults.showing import ShowingFault, Spoiled
from device_sim.faults.telling import ModbusTelling, TellingFault
from device_sim.flow import BLOCK, KEPT_BLOCKS, Flow, Rates, Register, consumption, minutes_of
from device_sim.instruments.air import Climate, WeatherStation
from device_sim.instruments.electricity import Electricity, Phases
from device_sim.instruments.instrument import Instrument
from device_sim.instruments.inverter import Inverter
from device_sim.instruments.mains import Mains
from device_sim.instruments.pipes import Heat, Volume
from device_sim.loads import Load
from device_sim.misspeaking import Spell
from device_sim.models import CARRIERS
from device_sim.moments import Flags, Moments
from device_sim.noise import Noise
from device_sim.plan import BuildingPlan, DevicePlan, TownPlan, town_plan
from device_sim.weather import Weather
from metering.estate import Building, Device, Estate, Meter, Role, Site
from metering.instant import MINUTE, Window
from metering.samples import Floats, Int64s

_GIVEN = {"active_energy_export", "active_energy_generation"}
_REGISTER_OF = {
    Role.FEED_IN: "active_energy_export",
    Role.GENERATION: "active_energy_generation",
}


class Town:
    """The town of ``seed``, whose history begins at ``start_us`` (cut to the minute); it has no end.

    Two towns of the same seed, start and faults show the same values, whatever they were asked before. Raises
    ValueError for a fault that hits what the town does not have.
    """

    def __init__(self, seed: int, start_us: int, faults: Sequence[Placed] = ()) -> None:
        self.seed = seed
        self.faults = tuple(faults)
        self.start_us = start_us - start_us % MINUTE
        self.weather = Weather(seed)
        plan = town_plan()
        self._moments = lru_cache(KEPT_BLOCKS)(lambda block: Moments.of(minutes_of(block), self.weather))
        self._loads: dict[str, Rates] = {}
        self._net: dict[str, Rates] = {}
        self._parents = {device.id: device.parent for device in plan.devices}
        self._connect(plan.devices)
        check_targets(faults, self._loads, {device.id: device for device in plan.devices})
        self.estate = _estate(plan)
        self.devices: tuple[SimDevice, ...] = tuple(
            self._device(device, building) for building in plan.buildings for device in building.devices
        )

    @property
    def loads(self) -> tuple[str, ...]:
        """The names of all loads, ``<device>/<load>``."""
        return tuple(self._loads)

    def load_consumption(self, load: str, window: Window) -> float:
        """The exact consumption of one load in kWh or m³; negative for photovoltaics."""
        return consumption(self._loads[load], window)

    def consumption(self, meter_id: str, window: Window) -> float:
        """What went through the metering point in the window, in its billing unit: from the loads, not from registers.

        Faults of a meter do not change it, faults of a load do. Raises KeyError for an unknown meter.
        """
        meter = self.estate.meters[meter_id]
        net = self._net[meter.device]
        sign = -1 if meter.register in _GIVEN else 1
        return consumption(lambda block: np.maximum(sign * net(block), 0), window)

    def truth(self) -> list[Truth]:
        """What is wrong with the town, for those who want to find out by themselves."""
        return truth(self.faults, self.estate, self._parents)

    def _connect(self, devices: Sequence[DevicePlan]) -> None:
        """What each load takes, and what therefore flows through each device."""
        through: dict[str, list[Rates]] = {device.id: [] for device in devices}
        for device in devices:
            for name, load in device.loads.items():
                rates = self._rates(f"{device.id}/{name}", load)
                above: str | None = device.id
                while above is not None:
                    through[above].append(rates)
                    above = self._parents[above]
        for id_, parts in through.items():
            self._net[id_] = _sum(parts)

    def _rates(self, name: str, load: Load) -> Rates:
        noise = Noise(self.seed, name)
        faults = [
            (placed.fault, placed.window)
            for placed in self.faults
            if isinstance(placed.fault, LoadFault) and name in placed.fault.loads
        ]

        @lru_cache(KEPT_BLOCKS)
        def rates(block: int) -> Int64s:
            when = self._moments(block)
            rate = load.rate(when, noise)
            for fault, window in faults:
                hit = _inside(when.minutes, window)
                if hit.any():
                    rate = np.where(hit, fault.changed(rate, load, when, noise), rate)
            return np.rint(rate * 1e6).astype(np.int64)

        self._loads[name] = rates
        return rates

    def _device(self, plan: DevicePlan, building: BuildingPlan) -> SimDevice:
        phases = self._phases(plan)
        net = self._measured(plan, phases)
        taken = Flow(lambda block: np.maximum(net(block), 0), self.start_us)
        given = Flow(lambda block: np.maximum(-net(block), 0), self.start_us)
        registers = {}
        for register in plan.kind.registers:
            is_export = register == "active_energy_export"
            registers[register] = Register(
                given if register in _GIVEN else taken,
                reading=plan.export_reading if is_export else plan.reading,
                digits=plan.kind.digits,
            )
        instrument = self._instrument(plan, building, taken, given, phases)
        device: SimDevice = TownDevice(plan, self._link(plan), self.start_us, instrument, registers)
        for placed in self.faults:
            if isinstance(placed.fault, ShowingFault) and plan.id in placed.fault.devices:
                device = Spoiled(device, placed.fault, placed.window)
        return device

    def _link(self, plan: DevicePlan) -> ModbusLink | MqttLink:
        """How the device is spoken, with the spells in which it misspeaks."""
        spells = []
        for placed in self.faults:
            fault = placed.fault
            if isinstance(fault, TellingFault) and plan.id in fault.devices:
                if isinstance(fault, ModbusTelling) is not isinstance(plan.link, ModbusLink):
                    raise ValueError(f"a {fault.fault} fault cannot hit {plan.id!r}: it speaks the other protocol")
                spells.append(Spell(placed.window, fault.fault))
        return replace(plan.link, spells=tuple(spells))

    def _phases(self, plan: DevicePlan) -> Phases:
        lost = [
            (placed.fault.phase, placed.window)
            for placed in self.faults
            if isinstance(placed.fault, PhaseLoss) and plan.id in placed.fault.devices
        ]
        if lost and plan.kind.shows != "electricity":
            raise ValueError(f"{plan.id!r} has no phases to lose; a phase_loss hits electricity meters")
        return Phases(Noise(self.seed, plan.id), lost)

    def _measured(self, plan: DevicePlan, phases: Phases) -> Rates:
        """What the device makes of what flows through it."""
        net = self._net[plan.id]
        faults = [
            (placed.fault, placed.window)
            for placed in self.faults
            if isinstance(placed.fault, MeteringFault) and plan.id in placed.fault.devices
        ]
        if not faults:
            return net

        def measured(block: int) -> Int64s:
            minutes = minutes_of(block)
            rates = phases.measured(net(block), minutes)
            for fault, window in faults:
                hit = _inside(minutes, window)
                rates[hit] = np.rint(rates[hit] * fault.gain(minutes[hit], window)).astype(np.int64)
            return rates

        return measured

    def _instrument(
        self, plan: DevicePlan, building: BuildingPlan, taken: Flow, given: Flow, phases: Phases
    ) -> Instrument:
        noise = Noise(self.seed, plan.id)
        mains = Mains(self.seed, building.id)
        match plan.kind.shows:
            case "electricity":
                return Electricity(taken, given, phases, noise, mains)
            case "inverter":
                return Inverter(given, noise, mains, self.weather)
            case "heat":
                return Heat(taken, noise, self.weather)
            case "volume":
                return Volume(taken, self.start_us)
            case "climate":
                assert plan.room is not None
                return Climate(plan.room, noise, self.weather, self.start_us)
            case "weather":
                return WeatherStation(self.weather)
            case None:
                raise AssertionError(f"the plan has let {plan.model} through, which shows nothing")


class TownDevice:
    """A device of the town (a `SimDevice`): the part of its instrument that its model shows, and its registers."""

    def __init__(
        self,
        plan: DevicePlan,
        link: ModbusLink | MqttLink,
        start_us: int,
        instrument: Instrument,
        registers: dict[str, Register],
    ) -> None:
        self.id = plan.id
        self.link = link
        self._start_us = start_us
        self._instrument = instrument
        self._registers = registers
        shown = {*instrument.show(np.array([start_us], np.int64)), *registers}
        self.quantities = tuple(quantity for quantity in plan.kind.quantities if quantity in shown)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        """See `SimDevice.at`; NaN before the town begins."""
        shown = self._instrument.show(times_us)
        shown |= {quantity: register.at(times_us) for quantity, register in self._registers.items()}
        if len(times_us) and times_us[0] < self._start_us:
            early = times_us < self._start_us
            return {quantity: np.where(early, np.nan, shown[quantity]) for quantity in self.quantities}
        return {quantity: shown[quantity] for quantity in self.quantities}


def _inside(minutes: Int64s, window: Window) -> Flags:
    return np.asarray((minutes * MINUTE >= window.start_us) & (minutes * MINUTE < window.end_us))


def _sum(parts: Sequence[Rates]) -> Rates:
    def total(block: int) -> Int64s:
        result = np.zeros(BLOCK, np.int64)
        for part in parts:
            result += part(block)
        return result

    return total


def _estate(plan: TownPlan) -> Estate:
    places = [(building, device) for building in plan.buildings for device in building.devices]
    by_id = {device.id: device for _, device in places}
    return Estate.of(
        sites=[Site(site.id, site.name, site.latitude, site.longitude) for site in plan.sites],
        buildings=[
            Building(building.id, building.name, site.id, building.usage, building.floor_area_m2)
            for site in plan.sites
            for building in site.buildings
        ],
        devices=[Device(device.id, device.name, device.interval_s, building.id) for building, device in places],
        meters=[_meter(device, role, building.id, by_id) for building, device in places for role in device.roles],
    )


def _meter(device: DevicePlan, role: Role, building: str, by_id: dict[str, DevicePlan]) -> Meter:
    register = _REGISTER_OF.get(role, device.kind.registers[0])
    is_net = Role.FEED_IN in device.roles  # then its power is that of neither register
    parent = by_id[device.parent] if device.parent is not None and role is Role.SUBMETER else None
    return Meter(
        id=meter_id(device.id, role),
        name=f"{device.name} (Einspeisung)" if role is Role.FEED_IN else device.name,
        building=building,
        carrier=CARRIERS[register],
        role=role,
        device=device.id,
        register=register,
        parent=meter_id(parent.id, parent.roles[0]) if parent is not None else None,
        power=None if is_net else device.kind.power_of(register),
        is_charging=any(load.kind == "charging" for load in device.loads.values()),
    )


def meter_id(device: str, role: Role) -> str:
    """The metering point of a device of the town."""
    return f"{device}.{role}"
