"""The annexes: by what method, with which factors, in which words, and how to check it."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from analytics.carbon.factor import Factor, HeatBasis
from analytics.reports.figure import Measure
from analytics.reports.paper.content import Block, Chapter, Column, Paragraph, Table
from analytics.reports.paper.told import Told

_TERMS = (
    "term_completeness",
    "term_substituted",
    "term_band",
    "term_upstream",
    "term_hs",
    "term_bisko",
    "term_scope",
    "term_own_use",
    "term_self_consumption",
    "term_self_sufficiency",
    "term_factor",
)
_DIGITS = 4  # of a factor in g/kWh: what follows is the remainder of a division
_CHECKED = (Measure.ENERGY, Measure.EMISSIONS, Measure.OWN_USE, Measure.FEED_IN, Measure.AVOIDED, Measure.COST)


def method(told: Told) -> Chapter:
    """What was done to the readings."""
    say, own = told.say, told.report.method
    band = {name: told.numbers.percent(share, 0) for name, share in own.band.items()}
    texts = [
        say("method_intervals", minutes=own.step_minutes, timezone=own.timezone),
        say("method_gaps"),
        say("method_sums"),
        say("method_band", **band),
        *(_hourly(told) or [say("method_annual")]),
        say("method_weather", method=own.weather) if own.weather else say("method_no_weather"),
    ]
    blocks: list[Block] = [Paragraph(text) for text in texts]
    if own.gas:
        areas = any(area for *_, area in own.gas)
        columns = (
            *([Column(say("gas_area"), share=2)] if areas else []),
            Column(say("from"), share=2),
            Column(say("before_day"), share=2),
            Column(say("state_number"), number=True, share=2),
            Column(say("calorific_value"), number=True, share=3),
            Column(say("source"), share=4),
        )
        rows = tuple(
            (
                *([area] if areas else []),
                told.numbers.day(start),
                told.numbers.day(end) if end else "",
                _digits(told, number),
                _digits(told, value),
                source,
            )
            for start, end, number, value, source, area in own.gas
        )
        blocks.append(Table(say("gas_table"), columns, rows))
    if own.certificates:
        certified = tuple(
            (name, str(year), told.numbers.mega(kwh), told.numbers.percent(share), source)
            for name, year, kwh, share, source in own.certificates
        )
        names = (
            Column(say("certificate"), share=3),
            Column(say("vintage"), share=2),
            Column("MWh", number=True, share=2),
            Column(say("certificate_share"), number=True, share=3),
            Column(say("source"), share=5),
        )
        blocks += [Paragraph(say("certificates_about")), Table(say("certificates_table"), names, certified)]
    blocks += _cogeneration(told)
    return Chapter(say("annex_method"), tuple(blocks))


def _cogeneration(told: Told) -> list[Block]:
    """Each plant by all methods, since every rule set asks for another one."""
    say, numbers = told.say, told.numbers
    plants = told.report.method.plants
    rows = tuple(
        (
            plant.plant,
            say(f"allocation_{one.method}") + (f" {say('allocation_used')}" if one.method is plant.used else ""),
            numbers.percent(one.heat_share),
            numbers.decimal(one.electricity, 1),
            numbers.decimal(one.heat, 1),
        )
        for plant in plants
        for one in plant.by
    )
    columns = (
        Column(say("plant"), share=3),
        Column(say("allocation"), share=7),
        Column(say("heat_share"), number=True, share=3),
        Column(say("of_electricity"), number=True, share=3),
        Column(say("of_heat"), number=True, share=3),
    )
    told_of = [
        " ".join(
            (
                say("plant_about", plant=plant.plant, source=plant.source, loss=numbers.percent(plant.loss)),
                *([say("plant_saving", saving=numbers.percent(plant.saving))] if plant.saving is not None else []),
            )
        )
        for plant in plants
    ]
    table = Table(say("plants_table"), columns, rows)
    return [Paragraph(say("plants_about")), table, *(Paragraph(text) for text in told_of)] if rows else []


def _hourly(told: Told) -> list[str]:
    say, numbers = told.say, told.numbers
    return [
        say(
            "method_hourly" if one.matched.anchored_kg is not None else "method_hourly_part",
            year=one.year,
            source=f"{one.source}, {one.attribution}, {one.licence}",
            coverage=numbers.percent(Decimal(repr(one.of_year))),
        )
        for one in told.report.hourly
    ]


def factors(told: Told) -> Chapter:
    """Every factor with its source."""
    say = told.say
    columns = (
        Column(say("carrier"), share=6),
        Column("g/kWh", number=True, share=5),
        Column(say("gases"), share=6),
        Column(say("valid"), share=5),
        Column(say("status"), share=5),
        Column(say("source"), share=17),
    )
    rows = tuple(_factor(told, factor) for factor in told.report.factors)
    blocks: tuple[Block, ...] = (Paragraph(say("factors_about")), Table(say("factors_table"), columns, rows))
    return Chapter(say("annex_factors"), blocks if rows else ())


def glossary(told: Told) -> Chapter:
    columns = (Column(told.say("term"), share=2), Column(told.say("meaning"), share=6))
    rows = tuple((told.say(term), told.say(f"{term}_about")) for term in _TERMS)
    return Chapter(told.say("annex_glossary"), (Table("", columns, rows),))


def evidence(told: Told) -> Chapter:
    """The ids of the figures, and what the report was made of."""
    say, manifest = told.say, told.report.manifest
    columns = (Column(say("figure"), share=3), Column(say("id"), share=8, figures=True))
    rows = tuple(
        (say(measure.value), str(figure.id)) for measure in _CHECKED if (figure := told.figure(measure)) is not None
    )
    blocks: list[Block] = [Paragraph(say("evidence_about")), Table(say("figure_ids"), columns, rows)]
    if manifest is not None:
        made = [(f"{say('edition')} {name}", digest) for name, digest in sorted(manifest.editions.items())]
        made += [(say("settings"), manifest.settings), (say("manifest"), manifest.report)]
        digests = (Column(say("input"), share=3), Column("SHA-256", share=8))
        blocks.append(Table(say("digests"), digests, tuple(made)))
    return Chapter(say("annex_evidence"), tuple(blocks))


ANNEXES: Sequence[Callable[[Told], Chapter]] = (method, factors, glossary, evidence)
"""In the order of the paper."""


def _factor(told: Told, factor: Factor) -> tuple[str, ...]:
    basis = "" if factor.heat_basis is HeatBasis.NONE else f" ({factor.heat_basis})"
    where = ", ".join(part for part in (factor.publisher, factor.document, factor.page, factor.url) if part)
    return (
        told.carrier(factor.carrier),
        _digits(told, factor.g_per_kwh) + basis,
        f"{factor.gases}, {told.say(f'boundary_{factor.boundary}')}",
        _valid(told, factor.start, factor.end),
        told.say(f"status_{factor.status}"),
        where,
    )


def _valid(told: Told, start: date, end: date | None) -> str:
    """From the first day to the last: 2024, 2021–2023, or days."""
    if (start.month, start.day) == (1, 1) and (end is None or (end.month, end.day) == (1, 1)):
        if end is None:
            return told.say("since", day=start.year)
        last = end.year - 1
        return str(start.year) if last == start.year else f"{start.year}–{last}"
    if end is None:
        return told.say("since", day=told.numbers.day(start))
    return f"{told.numbers.day(start)} – {told.numbers.day(end - timedelta(days=1))}"


def _digits(told: Told, value: Decimal) -> str:
    """As it was published, with its digits; what was computed, such as the shares of a plant, with four."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return told.numbers.decimal(value, min(max(0, -exponent), _DIGITS))
