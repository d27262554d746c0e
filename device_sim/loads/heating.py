"""Heat: what a building needs, the pumps that carry it, and the heat pump that makes it."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.instant import HOUR, MINUTE
from metering.samples import Floats

HEATING_LIMIT = 15.0  # °C outdoors above which buildings need no heating (Heizgrenze, VDI 3807)


class HeatDemand(Load):
    """Heat after degree-hours under the heating limit, with a set-back at night and when the building is closed."""

    kind: Literal["heat_demand"]
    loss: float
    """kW for each kelvin under the heating limit, while heated to full comfort."""
    hours: Hours
    days: Days = Days.WORK
    set_back: float = 0.45
    """Share of the heat that remains while set back."""
    base: float = 0.0
    """kW all year: hot water, basins, circulation losses."""
    kwh_per_unit: float = 1.0
    """kWh of useful heat for each billing unit: 1 for heat meters, about 9.6 for natural gas in a condensing boiler."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        opens, closes = self.hours
        missing = np.maximum(HEATING_LIMIT - damped_temperature(when), 0)
        comfort = when.between(opens - 60, closes - 30, ramp=45) * when.on(self.days)
        reheating = 0.35 * when.between(opens - 90, opens + 30, ramp=30) * when.on(self.days)
        level = self.set_back + (1 - self.set_back) * comfort + reheating
        wobble = 1 + 0.07 * noise.of("valves").smooth(when.minutes, 25)
        hot_water = self.base * (1 + 0.2 * noise.of("hot water").smooth(when.minutes, 40))
        return np.maximum(self.loss * missing * level * wobble + hot_water, 0) / self.kwh_per_unit


class Circulation(Load):
    """Heating circulation pumps: on in the heating season, slower at night."""

    kind: Literal["circulation"]
    power: float
    """kW at full speed."""
    hours: Hours
    night_share: float = 0.4

    def rate(self, when: Moments, noise: Noise) -> Floats:
        season = np.clip((HEATING_LIMIT + 1 - damped_temperature(when)) / 2, 0, 1)
        speed = self.night_share + (1 - self.night_share) * when.between(*self.hours, ramp=20)
        return np.asarray(0.03 + self.power * season * speed * (1 + 0.03 * noise.smooth(when.minutes, 13)))


class HeatPump(Load):
    """An air-to-water heat pump that switches on and off to meet the demand."""

    kind: Literal["heat_pump"]
    loss: float
    """kW of heat for each kelvin under the heating limit."""
    power: float
    """kW electrical at full load."""
    flow_temperature: float = 45.0

    def rate(self, when: Moments, noise: Noise) -> Floats:
        outdoor = damped_temperature(when)
        demand = self.loss * np.maximum(HEATING_LIMIT - outdoor, 0) + 0.04 * self.power
        lift = np.maximum(self.flow_temperature - outdoor, 15)
        performance = 0.42 * (self.flow_temperature + 273.15) / lift  # 42 % of the Carnot process
        share = np.clip(demand / performance / self.power, 0, 1)
        modulation = np.maximum(share, 0.4)  # the compressor cannot run slower, so it pauses instead
        runs = noise.of("compressor").uniform(when.minutes // 18) < share / modulation
        return 0.05 + self.power * modulation * runs * (1 + 0.03 * noise.of("load").smooth(when.minutes, 9))


def damped_temperature(when: Moments) -> Floats:
    """The outdoor temperature as a heavy building feels it, °C: the swing of day and night cancels out."""
    half_a_day_ago = when.weather.temperature(when.minutes * MINUTE - 12 * HOUR)
    return (when.temperature + half_a_day_ago) / 2
