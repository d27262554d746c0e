"""A report with what all chapters need to tell it: texts, numbers, names, and how well a figure is known."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from analytics.reports.figure import ALL, CITY, Figure, Measure
from analytics.reports.paper.content import KeyFigure
from analytics.reports.paper.numbers import MISSING, Numbers
from analytics.reports.period import Period
from analytics.reports.report import Report
from metering.estate import Building, Carrier
from metering.texts import Language, Texts

INCOMPLETE = "\N{NO-BREAK SPACE}*"


@dataclass(frozen=True, slots=True)
class Told:
    """``carriers`` and ``buildings`` are those of the report, in order."""

    report: Report
    say: Texts
    numbers: Numbers
    carriers: tuple[Carrier, ...]
    buildings: tuple[Building, ...]

    @classmethod
    def of(cls, report: Report, language: Language) -> Self:
        carriers = {row.carrier for row in report.rows} - {Carrier.WATER}
        buildings = {row.building.id: row.building for row in report.rows}
        return cls(
            report,
            Texts("analytics.reports.paper", language),
            Numbers(language),
            tuple(carrier for carrier in Carrier if carrier in carriers),
            tuple(sorted(buildings.values(), key=lambda building: building.name)),
        )

    def figure(self, measure: Measure, place: str | None = None, carrier: str = ALL, scope: str = ALL) -> Figure | None:
        """The figure of the whole period; None if the report has none."""
        try:
            return self.report.figure(measure, place, carrier, scope)
        except LookupError:
            return None

    def month(self, measure: Measure, month: Period, carrier: str) -> Figure | None:
        for figure in self.report.figures:
            id_ = figure.id
            if (id_.measure, id_.period, id_.carrier, id_.place) == (measure, month, carrier, self.report.place):
                return figure
        return None

    def mega(self, figure: Figure | None, digits: int = 1) -> str:
        """In MWh or t; with a mark if something is missing in it."""
        if figure is None or figure.value is None:
            return MISSING
        return self.numbers.mega(figure.value, digits) + ("" if figure.complete else INCOMPLETE)

    def plain(self, figure: Figure | None, digits: int = 1) -> str:
        if figure is None or figure.value is None:
            return MISSING
        return self.numbers.decimal(figure.value, digits) + ("" if figure.complete else INCOMPLETE)

    def key(self, label: str, figure: Figure | None, unit: str, *, mega: bool = True) -> KeyFigure | None:
        """The figure with its band, and what is missing in it; None if there is none."""
        if figure is None:
            return None
        value = self.numbers.mega(figure.value) if mega else self.numbers.decimal(figure.value)
        return KeyFigure(label, value, unit, self.known(figure, mega=mega), str(figure.id))

    def known(self, figure: Figure, *, mega: bool = True) -> str:
        """How well a figure is known, in a few words."""
        if figure.value is None:
            return self.problems(figure) or self.say("not_known")
        parts = []
        if figure.low is not None and figure.high is not None and figure.low != figure.high:
            write = self.numbers.mega if mega else self.numbers.decimal
            parts.append(self.say("band", low=write(figure.low), high=write(figure.high)))
        if figure.completeness is not None:
            parts.append(self.say("measured", share=self.numbers.percent(figure.completeness)))
        if figure.problems:
            parts.append(self.say("incomplete", problems=self.problems(figure)))
        return "; ".join(parts)

    def problems(self, figure: Figure) -> str:
        return ", ".join(self.say(f"problem_{problem}") for problem in figure.problems)

    def place(self, place: str) -> str:
        """City, site, building or sector by the name people use."""
        kind, _, name = place.partition(":")
        if place == CITY:
            return self.say("city")
        if kind == "building":
            return next((building.name for building in self.buildings if building.id == name), name)
        if kind == "sector":
            return self.say(f"sector_{name}")
        return f"{self.say(kind)} {name}"

    def carrier(self, carrier: str) -> str:
        """A carrier, or what a factor of the settings is of, with the name it has there."""
        kind, _, name = carrier.partition(":")
        return " ".join((self.say(f"carrier_{kind}"), name)).strip()

    def period(self, period: Period) -> str:
        return period_name(period, self.numbers.language)


def period_name(period: Period, language: Language) -> str:
    """2025, a month by its name, or from day to day."""
    say, numbers, first = Texts("analytics.reports.paper", language), Numbers(language), period.start
    if period == Period.parse(f"{first.year}"):
        return str(first.year)
    if period == Period.parse(f"{first:%Y-%m}"):
        return f"{say(f'month_{first.month}')} {first.year}"
    return say("from_to", first=numbers.day(first), last=numbers.day(period.end - timedelta(days=1)))
