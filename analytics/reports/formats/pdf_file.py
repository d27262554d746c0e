"""PDF for the council: set by Typst, tagged for screen readers (PDF/UA-1), the same bytes for the same report."""

import re
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import msgspec
import typst

from analytics.reports.paper.content import Block, Chapter, Paper
from analytics.reports.paper.write import paper
from analytics.reports.report import Report
from metering.texts import Language

_GAS = re.compile(r"(?<![/\w-])CO2")
"""CO2 in words, set with a subscript; never in ids, which are there to be copied."""
_NEVER = 0  # seconds since 1970: a date would make equal reports differ


def write(report: Report, language: Language) -> bytes:
    """Set in fonts that come with Typst, so that every machine sets the same."""
    return typeset(paper(report, language))


def typeset(content: Paper) -> bytes:
    """The paper as PDF."""
    template = files("analytics.reports.formats").joinpath("report.typ").read_bytes()
    compiler = typst.Compiler(
        template, font_paths=typst.Fonts(include_system_fonts=False), sys_inputs={"paper": _json(content)}
    )
    made = compiler.compile(format="pdf", pdf_standards="ua-1", timestamp=_NEVER)
    assert isinstance(made, bytes)
    return made


def _json(content: Paper) -> str:
    plain = asdict(content)
    for part in ("chapters", "annexes"):
        plain[part] = [_chapter(chapter) for chapter in getattr(content, part)]
    return _GAS.sub("CO₂", msgspec.json.encode(plain).decode())


def _chapter(chapter: Chapter) -> dict[str, Any]:
    return {"title": chapter.title, "blocks": [_block(block) for block in chapter.blocks]}


def _block(block: Block) -> dict[str, Any]:
    return {"kind": type(block).__name__, **asdict(block)}
