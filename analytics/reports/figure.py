"""Figures: single numbers with an identity, how well they are known, and what they stand on."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from analytics.carbon.emissions import Problem
from analytics.carbon.view import Scope
from analytics.reports.period import Period

CITY = "city"
ALL = "all"
_PLACE = re.compile(r"city|(site|building|meter|sector):.+")


class Measure(StrEnum):
    """What a figure is about."""

    ENERGY = "energy"  # kWh, gas in kWh(Hs)
    EMISSIONS = "emissions"  # kg of the factors' gases
    BIOGENIC = "biogenic"  # kg of CO2 from biomass: beside the inventory, never in it
    AVOIDED = "avoided"  # kg avoided elsewhere by own generation: beside the inventory, never subtracted
    GENERATION = "generation"  # kWh generated on site: own use and feed-in
    OWN_USE = "own_use"  # kWh generated and used on site
    FEED_IN = "feed_in"  # kWh given to the network: never netted
    SELF_CONSUMPTION = "self_consumption"  # Eigenverbrauchsquote: % of the own generation that is used on site
    SELF_SUFFICIENCY = "self_sufficiency"  # Autarkiegrad: % of the electricity used that is generated on site
    CHP_ENERGY = "chp_energy"  # kWh of electricity and heat of own plants whose fuel counts: beside the inventory
    CHP_EMISSIONS = "chp_emissions"  # kg of that fuel that are theirs: beside the inventory
    WEATHER_NORMALISED = "weather_normalised"  # kWh of heat in a normal year; never in a BISKO balance
    ENERGY_PER_AREA = "energy_per_area"  # kWh/m² of net floor area
    EMISSIONS_PER_AREA = "emissions_per_area"  # kg/m²
    COST = "cost"  # EUR, at the prices of the settings
    WATER = "water"  # m³


@dataclass(frozen=True, slots=True)
class FigureId:
    """Names a figure for ever: the same id means the same question, to whatever store it is put.

    view     a name of analytics/carbon/views.yaml
    period   as `Period` is written: 2025, 2025-10, 2025-10-05
    place    city, site:…, building:…, meter:…, sector:…
    carrier  a carrier, or all
    scope    a scope, or all

    >>> str(FigureId.parse("UBA-16-2026/2025/emissions/building:school/gas/total"))
    'UBA-16-2026/2025/emissions/building:school/gas/total'
    """

    view: str
    period: Period
    measure: Measure
    place: str = CITY
    carrier: str = ALL
    scope: str = ALL

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, saying what a figure's id looks like, for anything else."""
        try:
            view, period, measure, place, carrier, scope = text.split("/")
            if not _PLACE.fullmatch(place):
                raise ValueError(f"{place} is no place")  # noqa: TRY301
            found = cls(view, Period.parse(period), Measure(measure), place, carrier, scope)
            if scope != ALL:
                Scope(scope)
        except ValueError as error:
            example = "UBA-16-2026/2025/emissions/building:school/gas/total"
            raise ValueError(f"{text!r} is no figure ({error}); one looks like {example}") from None
        return found

    def __str__(self) -> str:
        return "/".join((self.view, str(self.period), self.measure, self.place, self.carrier, self.scope))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a report; nothing is rounded.

    value            None if nothing can be told; else the sum of what can, see ``problems``
    unit             kWh, kg, kg CO2e, EUR, kWh/m², kg CO2e/m², %
    completeness     0..1, the measured share of the time; None where time does not matter
    estimated_share  0..1, the share of the value that is substituted; None without a value
    low, high        the band: provisional factors and substituted values taken at their worst; None without a value
    factors          ids of the factors in it, see `Report.factors`
    problems         why something is not in the value: then the figure is incomplete, and says so wherever it is shown
    """

    id: FigureId
    value: Decimal | None
    unit: str
    completeness: Decimal | None = None
    estimated_share: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    factors: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether everything that belongs to the figure is in its value."""
        return self.value is not None and not self.problems
