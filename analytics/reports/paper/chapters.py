"""The chapters, after the table of contents of German municipal energy reports."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from analytics.carbon.matching import Match
from analytics.carbon.view import Scope
from analytics.reports.changes import Change
from analytics.reports.figure import ALL, Figure, Measure
from analytics.reports.hourly import Hourly
from analytics.reports.matching import total
from analytics.reports.paper import charts
from analytics.reports.paper.content import Block, Chapter, Column, KeyFigure, KeyFigures, Paragraph, Picture, Table
from analytics.reports.paper.numbers import MISSING, NO_BREAK
from analytics.reports.paper.told import INCOMPLETE, Told
from metering.estate import Building, Carrier

_TON = Decimal(1000)  # kg, kWh
_RANKED = 20  # buildings in a picture
_SHOWN = Decimal("0.05")  # t: what is less is 0,0 in print


def summary(told: Told) -> Chapter:
    """The figures that everybody asks for, and what they say in two sentences."""
    say = told.say
    keys = [
        told.key(say("energy"), told.figure(Measure.ENERGY), "MWh"),
        told.key(say("emissions"), told.figure(Measure.EMISSIONS), _tons(told)),
        told.key(say("own_use"), told.figure(Measure.OWN_USE), "MWh"),
        told.key(say("cost"), told.figure(Measure.COST), "EUR", mega=False),
        told.key(say("water"), told.figure(Measure.WATER, carrier="water"), "m³", mega=False),
        _quality(told),
    ]
    blocks: list[Block] = [KeyFigures(tuple(key for key in keys if key is not None)), Paragraph(_opening(told))]
    whole = _change(told, told.report.place, ALL)
    if whole is not None and whole.before:
        blocks.append(Paragraph(_compared(told, whole)))
    if _any_incomplete(told):
        blocks.append(Paragraph(say("mark_explained", mark=INCOMPLETE.strip())))
    return Chapter(say("chapter_summary"), tuple(blocks))


def energy(told: Told) -> Chapter:
    """Final energy by carrier and month."""
    say = told.say
    rows = [_carrier_row(told, carrier, Measure.ENERGY) for carrier in told.carriers]
    columns = (
        Column(say("carrier"), share=2),
        Column("MWh", number=True, share=2),
        Column(say("share"), number=True, share=2),
        Column(say("completeness"), number=True, share=2),
        Column(say("estimated_share"), number=True, share=2),
    )
    total = _carrier_row(told, ALL, Measure.ENERGY)
    blocks: list[Block] = [
        Paragraph(say("energy_about")),
        Table(say("energy_by_carrier"), columns, tuple(rows), total),
        *_by_month(told, Measure.ENERGY, "MWh", "energy_by_month"),
        *_normalised(told),
    ]
    return Chapter(say("chapter_energy"), tuple(blocks) if rows else ())


def emissions(told: Told) -> Chapter:
    """By carrier, scope and month; what is beside the balance."""
    say, unit = told.say, _tons(told)
    scopes = [scope for scope in told.report.view.scopes if len(told.report.view.scopes) > 1]
    columns = (
        Column(say("carrier"), share=2),
        *(Column(say(f"scope_{scope}"), number=True, share=2) for scope in scopes),
        Column(unit, number=True, share=2),
        Column(say("share"), number=True, share=2),
        Column(say("band_column"), number=True, share=3),
    )
    rows = [_emission_row(told, carrier, scopes) for carrier in told.carriers]
    blocks: list[Block] = [
        Paragraph(say("emissions_about", view=told.report.view.title[told.numbers.language])),
        Table(say("emissions_by_carrier"), columns, tuple(rows), _emission_row(told, ALL, scopes)),
        *_by_month(told, Measure.EMISSIONS, unit, "emissions_by_month"),
    ]
    blocks += _hourly(told, unit)
    beside = [
        (measure, figure)
        for measure in (Measure.AVOIDED, Measure.BIOGENIC)
        if (figure := told.figure(measure)) is not None and figure.value
    ]
    blocks += [Paragraph(say(f"{measure}_about", amount=told.mega(figure))) for measure, figure in beside]
    return Chapter(say("chapter_emissions"), tuple(blocks) if rows else ())


def generation(told: Told) -> Chapter:
    """What was generated on site: used, fed in, avoided elsewhere. Nothing of it is netted."""
    say = told.say
    amounts = (
        (Measure.GENERATION, Carrier.ELECTRICITY, "MWh"),
        (Measure.OWN_USE, ALL, "MWh"),
        (Measure.FEED_IN, ALL, "MWh"),
        (Measure.SELF_CONSUMPTION, Carrier.ELECTRICITY, "%"),
        (Measure.SELF_SUFFICIENCY, Carrier.ELECTRICITY, "%"),
        (Measure.AVOIDED, ALL, _tons(told)),
        (Measure.CHP_ENERGY, ALL, "MWh"),
        (Measure.CHP_EMISSIONS, ALL, _tons(told)),
    )
    rows = tuple(
        (say(measure.value), told.plain(figure) if unit == "%" else told.mega(figure), unit, told.known(figure))
        for measure, carrier, unit in amounts
        if (figure := told.figure(measure, carrier=carrier)) is not None
    )
    columns = (
        Column("", share=5),
        Column(say("amount"), number=True, share=2),
        Column(say("unit"), share=2),
        Column(say("known"), share=6),
    )
    blocks: tuple[Block, ...] = (
        Paragraph(say("generation_about")),
        Table(say("generation_table"), columns, rows),
        *_matching(told),
    )
    return Chapter(say("chapter_generation"), blocks if rows else ())


def buildings(told: Told) -> Chapter:
    """Every building with its energy, emissions and specific values; the largest as a picture."""
    say, unit = told.say, _tons(told)
    if len(told.buildings) < 2:
        return Chapter(say("chapter_buildings"), ())
    rows = tuple(_building_row(told, building) for building in told.buildings)
    columns = (
        Column(say("building"), share=10),
        Column(f"{say('carrier_electricity')} MWh", number=True, share=5),
        Column(f"{say('heating')} MWh", number=True, share=5),
        Column(unit, number=True, share=3),
        Column("kWh/m²", number=True, share=4),
        Column("kg/m²", number=True, share=3),
        Column(say("completeness"), number=True, share=6),
    )
    ranked = sorted(
        (
            (building.name, figure.value / _TON)
            for building in told.buildings
            if (figure := told.figure(Measure.EMISSIONS, f"building:{building.id}")) is not None
            and figure.value is not None
        ),
        key=lambda row: -row[1],
    )[:_RANKED]
    blocks: list[Block] = [Paragraph(say("buildings_about"))]
    if ranked:
        described = "; ".join(f"{name}: {told.numbers.decimal(value, 1)} {unit}" for name, value in ranked)
        blocks.append(Picture(say("buildings_ranked"), described, charts.bars(ranked, unit, told.numbers)))
    return Chapter(say("chapter_buildings"), (*blocks, Table(say("buildings_table"), columns, rows)))


def changes(told: Told) -> Chapter:
    """Why emissions are not what they were a year before."""
    say, unit = told.say, _tons(told)
    whole = _change(told, told.report.place, ALL)
    if whole is None or not whole.before:
        return Chapter(say("chapter_changes"), ())
    causes = ("activity", "weather", "factor", "boundary")
    amounts = [(say(f"cause_{cause}"), getattr(whole, cause) / _TON) for cause in causes]
    steps = [(name, value) for name, value in amounts if abs(value) >= _SHOWN]
    before, now = told.period(told.report.period.previous), told.period(told.report.period)
    numbers = told.numbers
    described = "; ".join(f"{name}: {numbers.signed(value, 1)} {unit}" for name, value in steps)
    blocks: list[Block] = [Paragraph(say("changes_about", before=before, now=now))]
    if steps:
        floor = charts.waterfall_floor(whole.before / _TON, [value for _, value in steps])
        caption = say("changes_picture_cut" if floor else "changes_picture", unit=unit)
        ends = (say("before"), whole.before / _TON), (say("now"), whole.now / _TON)
        blocks.append(Picture(caption, described, charts.waterfall(ends[0], steps, ends[1], numbers)))
    columns = (
        Column(say("place"), share=6),
        Column(say("before"), number=True, share=2),
        *(Column(say(f"cause_{cause}"), number=True, share=2) for cause in causes),
        Column(say("now"), number=True, share=2),
    )
    rows = tuple(
        (
            told.place(change.id.place),
            numbers.mega(change.before),
            *(numbers.signed(getattr(change, cause) / _TON, 1) for cause in causes),
            numbers.mega(change.now),
        )
        for change in told.report.changes
        if change.id.carrier == ALL
    )
    return Chapter(say("chapter_changes"), (*blocks, Table(say("changes_table", unit=unit), columns, rows)))


def quality(told: Told) -> Chapter:
    """How far the figures can be trusted, and whether this is a BISKO balance."""
    say, report = told.say, told.report
    blocks: list[Block] = [Paragraph(say("quality_about"))]
    if report.conformity is not None:
        reasons = "; ".join(say(reason) for reason in report.conformity.reasons)
        verdict = say(f"verdict_{report.conformity.verdict}")
        blocks.append(Paragraph(say("conformity", verdict=verdict) + (f" {reasons}." if reasons else "")))
        if report.conformity.index is not None:
            blocks.append(Paragraph(say("quality_index", index=told.numbers.index(report.conformity.index))))
    columns = (
        Column(say("building"), share=8),
        Column(say("carrier"), share=3),
        Column(say("completeness"), number=True, share=4),
        Column(say("estimated_share"), number=True, share=3),
        Column(say("remark"), share=6),
    )
    rows = tuple(
        (
            building.name,
            told.carrier(carrier),
            told.numbers.percent(figure.completeness),
            told.numbers.percent(figure.estimated_share),
            told.problems(figure),
        )
        for building in told.buildings
        for carrier in told.carriers
        if (figure := told.figure(Measure.EMISSIONS, f"building:{building.id}", carrier)) is not None
        and (figure.problems or figure.estimated_share or figure.completeness not in {None, 1})
    )
    if rows:
        blocks.append(Table(say("gaps_table"), columns, rows))
    return Chapter(say("chapter_quality"), tuple(blocks))


CHAPTERS: Sequence[Callable[[Told], Chapter]] = (summary, energy, emissions, generation, buildings, changes, quality)
"""In the order of the paper."""


def _opening(told: Told) -> str:
    energy_, emitted = told.figure(Measure.ENERGY), told.figure(Measure.EMISSIONS)
    if energy_ is None or energy_.value is None:
        where, when = told.place(told.report.place), told.period(told.report.period)
        return told.say("summary_nothing", place=where, period=when)
    return told.say(
        "summary_opening" if len(told.buildings) > 1 else "summary_opening_one",
        place=told.place(told.report.place),
        period=told.period(told.report.period),
        energy=told.mega(energy_),
        emissions=told.mega(emitted),
        unit=_tons(told).replace(" ", NO_BREAK),
        buildings=len(told.buildings),
    )


def _compared(told: Told, whole: Change) -> str:
    """Against the year before; a share only where the same meters and months are known of both."""
    say, numbers = told.say, told.numbers
    facts = {"before": numbers.mega(whole.before), "period": told.period(told.report.period.previous)}
    if abs(whole.boundary) >= _TON * _SHOWN:
        return say("summary_boundary", boundary=numbers.signed(whole.boundary / _TON, 1), **facts)
    share = (whole.now - whole.before) / whole.before
    return say("summary_less" if share < 0 else "summary_more", share=numbers.percent(abs(share)), **facts)


def _tons(told: Told) -> str:
    figure = told.figure(Measure.EMISSIONS)
    return (figure.unit if figure else "kg CO2e").replace("kg ", "t ")


def _quality(told: Told) -> KeyFigure | None:
    figure = told.figure(Measure.EMISSIONS)
    if figure is None or figure.completeness is None:
        return None
    share = told.numbers.percent(figure.completeness).removesuffix(f"{NO_BREAK}%")
    estimated = told.say("of_it_estimated", share=told.numbers.percent(figure.estimated_share))
    return KeyFigure(told.say("completeness"), share, "%", estimated)


def _any_incomplete(told: Told) -> bool:
    return any(not figure.complete and figure.value is not None for figure in told.report.figures)


def _change(told: Told, place: str, carrier: str) -> Change | None:
    return next((c for c in told.report.changes if (c.id.place, c.id.carrier) == (place, carrier)), None)


def _share(told: Told, figure: Figure | None, measure: Measure) -> str:
    whole = told.figure(measure)
    if figure is None or figure.value is None or whole is None or not whole.value:
        return MISSING
    return f"{told.numbers.decimal(figure.value / whole.value * 100, 1)}{NO_BREAK}%"


def _name(told: Told, carrier: str) -> str:
    return told.say("total") if carrier == ALL else told.carrier(carrier)


def _carrier_row(told: Told, carrier: str, measure: Measure) -> tuple[str, ...]:
    figure = told.figure(measure, carrier=carrier)
    if figure is None:
        return (_name(told, carrier), MISSING, MISSING, MISSING, MISSING)
    return (
        _name(told, carrier),
        told.mega(figure),
        _share(told, figure, measure),
        told.numbers.percent(figure.completeness),
        told.numbers.percent(figure.estimated_share),
    )


def _emission_row(told: Told, carrier: str, scopes: Sequence[Scope]) -> tuple[str, ...]:
    figure = told.figure(Measure.EMISSIONS, carrier=carrier)
    parts = [told.mega(told.figure(Measure.EMISSIONS, carrier=carrier, scope=scope)) for scope in scopes]
    band = MISSING
    if figure is not None and figure.low is not None and figure.high is not None:
        band = f"{told.numbers.mega(figure.low)} – {told.numbers.mega(figure.high)}"
    return (_name(told, carrier), *parts, told.mega(figure), _share(told, figure, Measure.EMISSIONS), band)


def _by_month(told: Told, measure: Measure, unit: str, key: str) -> list[Block]:
    months = told.report.period.months
    if len(months) < 2:
        return []
    parts = {
        carrier.value: [
            figure.value / _TON if (figure := told.month(measure, month, carrier)) and figure.value else Decimal(0)
            for month in months
        ]
        for carrier in told.carriers
    }
    labels = {carrier.value: told.carrier(carrier) for carrier in told.carriers}
    wholes = [told.month(measure, month, ALL) for month in months]
    marks = ["" if whole is not None and whole.complete else INCOMPLETE for whole in wholes]
    names = [told.say(f"month_{m.start.month}")[:3] + mark for m, mark in zip(months, marks, strict=True)]
    described = "; ".join(
        f"{labels[carrier]}: " + ", ".join(told.numbers.decimal(value, 1) for value in values)
        for carrier, values in parts.items()
    )
    drawn = charts.columns(names, parts, labels, unit, told.numbers)
    return [Picture(told.say(key), f"{', '.join(names)} ({unit}). {described}", drawn)]


def _hourly(told: Told, unit: str) -> list[Block]:
    """The annual and the hourly figure of purchased electricity beside each other."""
    say, numbers = told.say, told.numbers

    def row(of: Hourly, name: str, kg: float | None, g_per_kwh: float | None) -> tuple[str, ...]:
        if kg is None or g_per_kwh is None:
            return str(of.year), name, MISSING, MISSING, MISSING
        tons = numbers.mega(Decimal(repr(kg)))
        return str(of.year), name, numbers.mega(Decimal(repr(of.matched.kwh))), tons, _float(told, g_per_kwh)

    rows = []
    for one in told.report.hourly:
        of = one.matched
        share = numbers.percent(Decimal(repr(of.share)))
        rows += [
            row(one, say("by_year"), of.annual_kg, float(one.factor.g_per_kwh)),
            row(one, say("by_hour"), of.anchored_kg, of.anchored_g_per_kwh),
            row(one, say("by_hour_computed", share=share), of.computed_kg, of.computed_g_per_kwh),
        ]
    columns = (
        Column(say("year"), share=2),
        Column(say("reckoned"), share=9),
        Column("MWh", number=True, share=3),
        Column(unit, number=True, share=3),
        Column(say("grams"), number=True, share=3),
    )
    return [Paragraph(say("hourly_about")), Table(say("hourly_table"), columns, tuple(rows))] if rows else []


def _matching(told: Told) -> list[Block]:
    """What photovoltaics covered at the time, building by building."""
    say, found = told.say, told.report.matching
    if not found:
        return []

    def row(name: str, of: Match) -> tuple[str, ...]:
        shares = [Decimal(repr(share)) if share is not None else None for share in (of.balance, of.score)]
        return (
            name,
            told.numbers.mega(Decimal(repr(of.load))),
            told.numbers.mega(Decimal(repr(of.generated))),
            *(told.numbers.percent(share) for share in shares),
            told.numbers.percent(Decimal(of.known) / of.hours if of.hours else None),
        )

    columns = (
        Column(say("building"), share=6),
        *(
            Column(say(f"matching_{name}"), number=True, share=3)
            for name in ("load", "generated", "balance", "score", "known")
        ),
    )
    rows = tuple(row(one.building.name, one.match) for one in found)
    total_ = row(say("total"), total(found)) if len(found) > 1 else ()
    return [Paragraph(say("matching_about")), Table(say("matching_table"), columns, rows, total_)]


def _float(told: Told, value: float) -> str:
    return told.numbers.decimal(Decimal(repr(value)), 1)


def _normalised(told: Told) -> list[Block]:
    rows = [
        (
            building.name,
            told.carrier(carrier),
            told.mega(told.figure(Measure.ENERGY, place, carrier)),
            told.mega(figure),
        )
        for building in told.buildings
        for carrier in told.carriers
        for place in (f"building:{building.id}",)
        if (figure := told.figure(Measure.WEATHER_NORMALISED, place, carrier)) is not None and figure.value is not None
    ]
    if not rows:
        return []
    say = told.say
    columns = (
        Column(say("building"), share=4),
        Column(say("carrier"), share=3),
        Column(say("raw_mwh"), number=True, share=3),
        Column(say("normalised_mwh"), number=True, share=3),
    )
    about = say("normalised_about", method=told.report.method.weather or "")
    return [Paragraph(about), Table(say("normalised_table"), columns, tuple(rows))]


def _building_row(told: Told, building: Building) -> tuple[str, ...]:
    place = f"building:{building.id}"
    heats = [
        figure.value
        for carrier in ("heat", "gas")
        if (figure := told.figure(Measure.ENERGY, place, carrier)) is not None and figure.value is not None
    ]
    emitted = told.figure(Measure.EMISSIONS, place)
    return (
        building.name,
        told.mega(told.figure(Measure.ENERGY, place, "electricity")),
        told.numbers.mega(sum(heats, Decimal(0))) if heats else MISSING,
        told.mega(emitted),
        told.plain(told.figure(Measure.ENERGY_PER_AREA, place)),
        told.plain(told.figure(Measure.EMISSIONS_PER_AREA, place)),
        told.numbers.percent(emitted.completeness) if emitted else MISSING,
    )
