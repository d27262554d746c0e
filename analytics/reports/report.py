"""The CO2 and energy report as an immutable object; README.md says what it holds. Formats only write it down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from analytics.carbon.conformity import Conformity
from analytics.carbon.factor import Factor
from analytics.carbon.plant import Allocated, Allocation
from analytics.carbon.view import Scope, View
from analytics.reports.changes import Change
from analytics.reports.figure import Figure, Measure
from analytics.reports.gaps import PeriodSum
from analytics.reports.hourly import Hourly
from analytics.reports.manifest import Manifest
from analytics.reports.matching import Matching
from analytics.reports.period import Period
from metering.estate import Building, Carrier, Estate, Meter, Role


class Entry(StrEnum):
    """What a row is in the balance. Only SUPPLY and OWN_USE are in a total of emissions."""

    SUPPLY = "supply"  # taken from the network
    OWN_USE = "own_use"  # generated and used here: counts with the factor of own generation
    FEED_IN = "feed_in"  # given to the network: shown, never netted
    AVOIDED = "avoided"  # what the generation avoids elsewhere: shown, never subtracted
    CHP = "chp"  # made by a plant whose fuel counts: shown with its share of the emissions, never added


COUNTED = (Entry.SUPPLY, Entry.OWN_USE)


@dataclass(frozen=True, slots=True)
class Row:
    """One building, carrier, scope, entry and local month over all its meters.

    month   its first local day, also of a month that is reported in part
    meters  ids, sorted
    """

    building: Building
    sector: str
    carrier: Carrier
    scope: Scope
    entry: Entry
    month: date
    meters: tuple[str, ...]
    sum: PeriodSum


@dataclass(frozen=True, slots=True)
class Cogeneration:
    """A plant by every method that can be reckoned, on the first day of the period.

    used      the method that counts
    loss      0..1, of its heat in the network
    saving    primary energy saved, 0..1; None if it cannot be told
    """

    plant: str
    source: str
    used: Allocation
    loss: Decimal
    saving: Decimal | None
    by: tuple[Allocated, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """What the method annex says, apart from the factors.

    version        of the program
    timezone       whose days, months and years these are
    step_minutes   length of the stored intervals
    gas            each gas period used: (from, to before, Zustandszahl, Brennwert, source, supply area)
    band           provisional, stand_in, substituted, as shares
    weather        method, station and degree days of the weather normalisation; None without
    certificates   id, year, volume in kWh, share of all purchased electricity of the year, source
    plants         of combined heat and power at the place
    """

    version: str
    timezone: str
    step_minutes: int
    gas: tuple[tuple[date, date | None, Decimal, Decimal, str, str], ...]
    band: Mapping[str, Decimal]
    weather: str | None = None
    certificates: tuple[tuple[str, int, Decimal, Decimal, str], ...] = ()
    plants: tuple[Cogeneration, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Figures and rows of one view; nothing is rounded.

    place      city, site:…, building:…, sector:…: what was asked for
    rows       sorted by building, carrier, scope, entry, month
    figures    totals of place, sectors, sites, buildings, carriers, scopes and months, in the order of a report
    changes    against the same period a year before; empty if that was not asked for
    conformity whether it is a BISKO balance, and why not; None for other kinds of views
    manifest   what it was made of
    hourly     purchased electricity by the intensity of each hour, year by year; empty: the annual factor stands alone
    matching   what photovoltaics covered of the load of their buildings at the time; empty without any
    """

    view: View
    period: Period
    place: str
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]
    method: Method
    changes: tuple[Change, ...] = ()
    conformity: Conformity | None = None
    manifest: Manifest | None = None
    hourly: tuple[Hourly, ...] = ()
    matching: tuple[Matching, ...] = ()

    @property
    def start(self) -> date:
        return self.period.start

    @property
    def end(self) -> date:
        """The local day after the last one."""
        return self.period.end

    @property
    def timezone(self) -> str:
        return self.method.timezone

    @property
    def factor_set(self) -> View:
        return self.view

    @property
    def factors(self) -> list[Factor]:
        """Every factor that was used, sorted by id."""
        used = {factor.id: factor for row in self.rows for factor in row.sum.factors}
        return [used[name] for name in sorted(used)]

    def figure(self, measure: Measure, place: str | None = None, carrier: str = "all", scope: str = "all") -> Figure:
        """The figure of the whole period. Raises LookupError if the report has none."""
        wanted = (measure, place or self.place, carrier, scope, self.period)
        for figure in self.figures:
            key = figure.id
            if (key.measure, key.place, key.carrier, key.scope, key.period) == wanted:
                return figure
        raise LookupError(f"the report has no figure {'/'.join(map(str, wanted))}")


def reported(estate: Estate) -> list[Meter]:
    """The meters that cause emissions: what is taken from the network, and carries energy."""
    return [m for m in estate.meters.values() if m.role is Role.SUPPLY and m.carrier is not Carrier.WATER]
