"""HTML in one file that needs nothing else: to read in a browser, to print, to put on a web site."""

from html import escape
from importlib.resources import files
from urllib.parse import quote

from analytics.reports.paper.content import Block, Chapter, Column, KeyFigures, Paper, Paragraph, Picture, Table
from analytics.reports.paper.write import paper
from analytics.reports.report import Report
from metering.texts import Language


def write(report: Report, language: Language, trace: str = "") -> bytes:
    """UTF-8; no script, nothing is loaded from anywhere.

    trace  address of the page that shows the way down from a figure, before its id; figures lead there
    """
    return page(paper(report, language), trace).encode()


def page(content: Paper, trace: str = "") -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in content.facts)
    title = f"{content.title}: {content.subtitle}"
    chapters = "".join(_chapter(chapter, str(n), trace) for n, chapter in enumerate(content.chapters, 1))
    style = files("analytics.reports.formats").joinpath("report.css").read_text("utf-8")
    annexes = "".join(_chapter(chapter, chr(ord("A") + n), trace) for n, chapter in enumerate(content.annexes))
    return (
        f'<!doctype html><html lang="{content.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{style}</style>'
        f"</head><body><main><h1>{escape(content.title)}</h1><p>{escape(content.subtitle)}</p><dl>{facts}</dl>"
        f"{chapters}{annexes}</main></body></html>\n"
    )


def _chapter(chapter: Chapter, number: str, trace: str) -> str:
    return f"<h2>{number} {escape(chapter.title)}</h2>{''.join(_block(block, trace) for block in chapter.blocks)}"


def _block(block: Block, trace: str) -> str:
    match block:
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case KeyFigures():
            cells = (
                f"<div>{escape(one.label)}<br><b>{_traced(one.value, one.figure, trace)}</b> {escape(one.unit)}"
                f'<br><span class="note">{escape(one.note)}</span></div>'
                for one in block.figures
            )
            return f'<div class="keys">{"".join(cells)}</div>'
        case Table():
            return _table(block, trace)
        case Picture():
            named = block.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(block.description)}" ', 1)
            return f"<figure>{named}<figcaption>{escape(block.caption)}</figcaption></figure>"


def _table(table: Table, trace: str) -> str:
    head = "".join(f'<th scope="col"{_side(column)}>{escape(column.name)}</th>' for column in table.columns)
    body = "".join(f"<tr>{_cells(row, table.columns, trace)}</tr>" for row in table.rows)
    foot = f"<tfoot><tr>{_cells(table.total, table.columns, trace)}</tr></tfoot>" if table.total else ""
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="table" tabindex="0"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody>{foot}</table></div>"
    )


def _cells(row: tuple[str, ...], columns: tuple[Column, ...], trace: str) -> str:
    return "".join(
        f"<td{_side(column)}>{_traced(cell, cell, trace) if column.figures else escape(cell)}</td>"
        for cell, column in zip(row, columns, strict=True)
    )


def _traced(text: str, figure: str, trace: str) -> str:
    """The text, leading to where the figure comes from."""
    if not (trace and figure):
        return escape(text)
    return f'<a href="{escape(trace + quote(figure))}" target="_top">{escape(text)}</a>'


def _side(column: Column) -> str:
    return ' class="number"' if column.number else ""
