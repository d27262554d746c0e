"""Puts a report into words: the chapters of a municipal energy and CO2 report, and its annexes."""

from analytics.reports.paper import annexes, chapters
from analytics.reports.paper.content import Chapter, Paper
from analytics.reports.paper.told import Told
from analytics.reports.report import Report
from metering.texts import Language


def paper(report: Report, language: Language = "de") -> Paper:
    """The same report gives the same paper. Chapters without anything to tell are left out."""
    told = Told.of(report, language)
    say = told.say
    facts = (
        (say("place"), told.place(report.place)),
        (say("period"), told.period(report.period)),
        (say("view"), report.view.title[language]),
        (say("made_with"), f"Leitwarte {report.method.version}"),
        *([(say("manifest"), report.manifest.report)] if report.manifest else []),
    )
    written = [write(told) for write in chapters.CHAPTERS]
    added = [write(told) for write in annexes.ANNEXES]
    return Paper(
        language=language,
        title=say("title"),
        subtitle=f"{told.place(report.place)}, {told.period(report.period)}",
        facts=facts,
        contents=say("contents"),
        chapters=_with_content(written),
        annexes=_with_content(added),
        footer=report.view.name,
    )


def _with_content(chapters_: list[Chapter]) -> tuple[Chapter, ...]:
    return tuple(chapter for chapter in chapters_ if chapter.blocks)
