"""A building's energy report in words: the month at a glance, what changed, and how each number came about."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from importlib.metadata import version

from analytics.carbon.exact import exact
from analytics.carbon.view import View
from analytics.reports.building.rows import EnergyRow
from analytics.reports.paper.content import Block, Chapter, Column, KeyFigure, KeyFigures, Paper, Paragraph, Table
from analytics.reports.paper.numbers import MISSING, Numbers
from analytics.reports.paper.told import INCOMPLETE, period_name
from metering.estate import Carrier
from metering.texts import Language, Texts

Cell = Decimal | str | None
Lines = Sequence[Mapping[str, Cell]]
"""What `sheet.cells` makes of the rows."""

_CAUSES = ("activity", "weather", "factor", "boundary")
_AT_A_GLANCE = ("building", "carrier", "period", *_CAUSES)
"""Keys of lines that stand elsewhere in the paper."""


def paper(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> Paper:
    """The same rows give the same paper; what cannot be told is left out."""
    say, numbers = Texts("analytics.reports.building", language), Numbers(language)
    building, period = (rows[0].building.name, period_name(rows[0].period, language)) if rows else ("", "")
    chapters = (_overview(rows, say, numbers), _changes(rows, say, numbers), _details(lines, say, numbers))
    return Paper(
        language=language,
        title=say("title"),
        subtitle=f"{building}, {period}",
        facts=(
            (say("building"), building),
            (say("period"), period),
            (say("view"), view.title[language]),
            (say("made_with"), f"Leitwarte {version('leitwarte')}"),
        ),
        contents=say("contents"),
        chapters=tuple(chapter for chapter in chapters if chapter.blocks),
        annexes=(),
        footer=view.name,
    )


def printed(value: Cell, numbers: Numbers) -> str:
    """With the digits that it has."""
    if not isinstance(value, Decimal):
        return value or ""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return numbers.decimal(value, max(0, -exponent))


def _overview(rows: Sequence[EnergyRow], say: Texts, numbers: Numbers) -> Chapter:
    words = Texts("analytics.reports.paper", say.language)
    energy, upstream, cost = (_sum(values) for values in _amounts(rows))
    area = next((row.building.floor_area_m2 for row in rows if row.building.floor_area_m2), None)
    per_area = energy / Decimal(str(area)) if energy is not None and area else None
    note = say("key_incomplete") if any(row.problems for row in rows) else ""
    keys = [
        KeyFigure(words("energy"), numbers.decimal(energy), "kWh", note),
        KeyFigure(say("key_upstream"), numbers.decimal(upstream), "kg CO2e", note),
        KeyFigure(words("energy_per_area"), numbers.decimal(per_area, 1), "kWh/m²", note),
        KeyFigure(words("cost"), numbers.decimal(cost), "EUR", note),
    ]
    columns = (
        Column(say("carrier"), share=5),
        Column(say("amount"), number=True, share=5),
        Column("kWh", number=True, share=4),
        Column("kWh/m²", number=True, share=4),
        Column("EUR", number=True, share=4),
        Column(say("column_direct"), number=True, share=4),
        Column(say("column_upstream"), number=True, share=4),
        Column(words("completeness"), number=True, share=6),
    )
    table = Table(say("overview_table"), columns, tuple(_row(row, words, numbers) for row in rows))
    blocks: list[Block] = [KeyFigures(tuple(key for key in keys if key.value != MISSING)), Paragraph(say("about"))]
    if note:
        blocks.append(Paragraph(say("mark_explained", mark=INCOMPLETE.strip())))
    return Chapter(say("chapter_overview"), (*blocks, table) if rows else ())


def _amounts(rows: Sequence[EnergyRow]) -> tuple[list[Decimal | None], list[Decimal | None], list[Decimal | None]]:
    """Energy, emissions and cost; of what carries energy its emissions, known or not."""
    energies = [row for row in rows if row.carrier is not Carrier.WATER]
    emitted = [row.upstream.value if row.upstream else None for row in energies]
    return [row.kwh for row in energies], emitted, [row.cost for row in rows]


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """Of what is known; None if nothing is."""
    with exact():
        known = [value for value in values if value is not None]
        return sum(known, Decimal(0)) if known else None


def _row(row: EnergyRow, words: Texts, numbers: Numbers) -> tuple[str, ...]:
    mark = INCOMPLETE if row.problems else ""
    kg = [figure.value if figure is not None else None for figure in (row.direct, row.upstream)]
    return (
        words(f"carrier_{row.carrier}") + mark,
        MISSING if row.amount is None else f"{numbers.decimal(row.amount, 1)}\N{NO-BREAK SPACE}{row.unit}",
        numbers.decimal(row.kwh),
        numbers.decimal(row.per_area, 1),
        numbers.decimal(row.cost),
        *(numbers.decimal(value) for value in kg),
        numbers.percent(row.completeness),
    )


def _changes(rows: Sequence[EnergyRow], say: Texts, numbers: Numbers) -> Chapter:
    """Why emissions are not what they were a year before, if anything of that year is known."""
    words = Texts("analytics.reports.paper", say.language)
    known = tuple(
        (
            words(f"carrier_{row.carrier}"),
            numbers.decimal(row.change.before),
            *(numbers.signed(getattr(row.change, cause)) for cause in _CAUSES),
            numbers.decimal(row.change.now),
        )
        for row in rows
        if row.change is not None and row.change.before
    )
    columns = (
        Column(say("carrier"), share=4),
        Column(words("before"), number=True, share=3),
        *(Column(words(f"cause_{cause}"), number=True, share=3) for cause in _CAUSES),
        Column(words("now"), number=True, share=3),
    )
    return Chapter(words("chapter_changes"), (Table(say("changes_table"), columns, known),) if known else ())


def _details(lines: Lines, say: Texts, numbers: Numbers) -> Chapter:
    columns = (Column(say("item"), share=5), Column(say("value"), share=8))
    tables = [
        Table(
            str(line["carrier"]),
            columns,
            tuple(
                (say(key), printed(value, numbers))
                for key, value in line.items()
                if value is not None and key not in _AT_A_GLANCE
            ),
        )
        for line in lines
    ]
    return Chapter(say("chapter_details"), (Paragraph(say("details_about")), *tables) if tables else ())
