"""From a meter's intervals to kg of CO2(e), by the factor of each local day.

Only what a meter takes from the network (`Role.SUPPLY`) causes emissions in an inventory. Feed-in is not subtracted,
own generation is accounted for by its fuel's supply meter (or has none), and a submeter is part of its parent: for
these roles there is no figure, which is not the same as zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

import numpy as np

from analytics.carbon.energy import GasQuality, emissions_kg, metered_energy
from analytics.carbon.factor import Factor
from analytics.carbon.factors import FactorSet
from analytics.energy.intervals import MICRO, Intervals, micro
from metering.estate import Carrier, Meter, Role
from metering.instant import Window
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.samples import Floats, Qualities

METHANE = "ebev-2030"
"""Edition whose gas factor says how much CO2 burning methane gives, of whatever origin it is."""


@dataclass(frozen=True, slots=True)
class Split:
    """An amount by how it is known: measured, or substituted (estimated, spread over a gap). Nothing is rounded."""

    measured: Decimal
    substituted: Decimal

    @property
    def total(self) -> Decimal:
        return self.measured + self.substituted

    def times(self, rate: Decimal) -> "Split":
        return Split(self.measured * rate, self.substituted * rate)

    def plus(self, other: "Split") -> "Split":
        return Split(self.measured + other.measured, self.substituted + other.substituted)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a period is known, in intervals.

    steps     how many the period has: 92, 96 or 100 quarter-hours a day
    measured  how many were measured, parts included
    unknown   how many nothing is known of, parts included: their energy is in no sum
    """

    steps: int
    measured: Decimal
    unknown: Decimal

    @property
    def completeness(self) -> Decimal:
        """0..1, the measured share."""
        return self.measured / self.steps

    def plus(self, other: "Coverage") -> "Coverage":
        return Coverage(self.steps + other.steps, self.measured + other.measured, self.unknown + other.unknown)


class Problem(StrEnum):
    """Why a figure is missing."""

    NO_GAS_QUALITY = "no_gas_quality"  # no Zustandszahl and Brennwert for the day, so m³ cannot become kWh
    NO_ENERGY = "no_energy"  # water: no kWh, and no German factor per m³ is published
    NO_EMISSIONS = "no_emissions"  # the meter's role has none of its own in an inventory
    NO_FACTOR = "no_factor"  # the factor set has none that fits the carrier and the day
    FEED_IN_EXCEEDS = "feed_in_exceeds"  # more was fed in than generated: meters are mixed up, or one is missing
    NO_VALUES = "no_values"  # nothing was measured in a whole month, so nothing says how much it was


@dataclass(frozen=True, slots=True)
class Rate:
    """What one billing unit of a meter means on one day; a None has its reason in ``problem``.

    second  the factor of the biomethane in the gas; ``biogenic_kg_per_kwh`` is its CO2, beside ``kg_per_kwh``
    """

    kwh_per_unit: Decimal | None = None
    kg_per_kwh: Decimal | None = None
    factor: Factor | None = None
    problem: Problem | None = None
    biogenic_kg_per_kwh: Decimal = Decimal(0)
    second: Factor | None = None


@dataclass(frozen=True, slots=True)
class DayFigure:
    """Energy and emissions of one meter on one local day.

    amount    in the meter's billing unit
    kwh       gas in kWh(Hs); None if the energy cannot be told
    kg        CO2 or CO2e, as the factor says; None without a factor
    rate      the factor with its source, and why something is None
    """

    meter: str
    day: date
    amount: Split
    kwh: Split | None
    kg: Split | None
    coverage: Coverage
    rate: Rate


def interval_emissions(
    meter: Meter, intervals: Intervals, factors: FactorSet, calendar: LocalCalendar, *, gas: GasQuality | None = None
) -> Floats:
    """Emissions of each interval in kg of CO2(e), shape (n,).

    NaN where the consumption is unknown, where there is no factor, or where the meter is no supply meter.
    """
    kg = np.full(len(intervals), np.nan)
    for day, part in _days(intervals, calendar):
        rate = rate_on(day, meter, factors, gas)
        if rate.kwh_per_unit is not None and rate.kg_per_kwh is not None:
            kg[part] = intervals.consumption[part] * float(rate.kwh_per_unit * rate.kg_per_kwh)
    return kg


def daily(
    meter: Meter, intervals: Intervals, factors: FactorSet, calendar: LocalCalendar, *, gas: GasQuality | None = None
) -> list[DayFigure]:
    """A figure for each local day that an interval begins on.

    What is missing (factor, gas quality) is the ``problem`` of the figure; it raises nothing and is not 0.
    Raises ValueError for a day that is no whole number of intervals.
    """
    figures = []
    for day, part in _days(intervals, calendar):
        steps, rest = divmod(calendar.day(day).duration_us, intervals.step_us)
        if rest:
            raise ValueError(f"{day} is no whole number of intervals of {intervals.step_us} µs")
        amount, coverage = tally(
            intervals.consumption[part], intervals.completeness[part], intervals.qualities[part], steps
        )
        rate = rate_on(day, meter, factors, gas)
        kwh = amount.times(rate.kwh_per_unit) if rate.kwh_per_unit is not None else None
        kg = kwh.times(rate.kg_per_kwh) if kwh is not None and rate.kg_per_kwh is not None else None
        figures.append(DayFigure(meter.id, day, amount, kwh, kg, coverage, rate))
    return figures


def tally(consumption: Floats, completeness: Floats, qualities: Qualities, steps: int) -> tuple[Split, Coverage]:
    """Amount and coverage of a stretch of ``steps`` intervals, from those of which something is stored.

    consumption   shape (n,), billing unit; NaN where nothing is known
    completeness  shape (n,), 0..1
    qualities     shape (n,), `metering.quality.Quality`

    Of an interval with a bridged gap a part may have been measured; a replacement value that stands for the whole of
    its interval, as utilities deliver them, was not measured at all.
    """
    known = np.isfinite(consumption)
    measured = known & (qualities == Quality.MEASURED)
    replaced = known & ~measured & (completeness >= 1.0)
    coverage = Coverage(
        steps,
        _exact(np.where(known & ~replaced, completeness, 0.0)),
        # where a gap was bridged its energy is in; a measured interval lacks what lies outside its readings
        steps - int(known.sum()) + _exact(np.where(measured, 1.0 - completeness, 0.0)),
    )
    return Split(_exact(consumption[measured]), _exact(consumption[known & ~measured])), coverage


def rate_on(day: date, meter: Meter, factors: FactorSet, gas: GasQuality | None) -> Rate:
    """What a billing unit of the meter means on a local day."""
    try:
        unit = metered_energy(meter.carrier, Decimal(1), day, gas, meter.gas_area or "")
    except LookupError:
        return Rate(problem=Problem.NO_GAS_QUALITY if meter.carrier is Carrier.GAS else Problem.NO_ENERGY)
    if meter.role is not Role.SUPPLY:
        return Rate(unit.kwh, problem=Problem.NO_EMISSIONS)
    one = type(unit)(Decimal(1))
    share = gas.on(day, meter.gas_area or "").biogenic_share if gas and meter.carrier is Carrier.GAS else Decimal(0)
    try:
        factor = factors.factor(meter.carrier, day)
        per_kwh = emissions_kg(one, factor)
        if not share:
            return Rate(unit.kwh, per_kwh, factor)
        biogas = factors.factor("biogas", day)
        burnt = emissions_kg(one, FactorSet.load(METHANE).factor("gas", day))
    except LookupError:
        return Rate(unit.kwh, problem=Problem.NO_FACTOR)
    mixed = (1 - share) * per_kwh + share * emissions_kg(one, biogas)
    return Rate(unit.kwh, mixed, factor, biogenic_kg_per_kwh=share * burnt, second=biogas)


def _days(intervals: Intervals, calendar: LocalCalendar) -> Iterator[tuple[date, slice]]:
    """The local days that the intervals begin on, each with where in the arrays it lies."""
    if not len(intervals):
        return
    for day in calendar.days(Window(int(intervals.start_us[0]), int(intervals.start_us[-1]) + 1)):
        bounds = calendar.day(day)
        low, high = np.searchsorted(intervals.start_us, (bounds.start_us, bounds.end_us))
        if low < high:
            yield day, slice(int(low), int(high))


def _exact(values: Floats) -> Decimal:
    """The sum in exact millionths: no digit depends on how many values were added in which order."""
    return Decimal(int(micro(values).sum())) / MICRO
