"""About: version, licence, and the licences of what it is built with, from the metadata of what is installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, distributions

from fastapi import Request
from nicegui import ui

from dashboards.web import parts
from dashboards.web.frame import Desk
from dashboards.web.house import House
from dashboards.web.parts import Column

_LONGEST = 80


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/about")
    async def about(request: Request) -> None:
        desk = Desk(house, request)
        say = desk.texts
        with desk.frame("", say("page.about")):
            parts.heading(say("page.about"), say("about.subtitle"))
            with parts.card("Leitwarte"):
                parts.facts([(say("about.version"), own_version()), (say("about.licence"), licence("leitwarte"))])
            with parts.card(say("about.built_with")):
                columns = [
                    Column("name", say("about.package")),
                    Column("version", say("about.version")),
                    Column("licence", say("about.licence")),
                ]
                rows = [{"id": name, "name": name, "version": v, "licence": text} for name, v, text in packages()]
                parts.Table(columns, say("plot.empty"), page_size=25).show(rows)


@cache
def packages() -> tuple[tuple[str, str, str], ...]:
    """Name, version and licence of every installed package, by name."""
    found = {str(d.metadata["Name"]): d.version for d in distributions() if d.metadata["Name"]}
    return tuple((name, found[name], licence(name)) for name in sorted(found, key=str.lower))


def own_version() -> str:
    """A dash where it runs without being installed."""
    try:
        return distribution("leitwarte").version
    except PackageNotFoundError:
        return "–"


def licence(package: str) -> str:
    """As the package tells: an SPDX expression, else its classifiers, else the first line of its licence."""
    try:
        metadata = distribution(package).metadata
    except PackageNotFoundError:
        return "–"
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    if classifiers:
        return ", ".join(text.rsplit(" :: ", 1)[1] for text in classifiers)
    first = next(iter(str(metadata.json.get("license", "")).strip().splitlines()), "–")
    return first if len(first) <= _LONGEST else first[: _LONGEST - 1] + "…"
