"""What Leitwarte is made of: every installed package it needs, with version and licence, as their metadata tell."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = "leitwarte"
_LONGEST = 80  # characters; some packages put the whole text where its name belongs


@dataclass(frozen=True, slots=True)
class Component:
    """``licence`` is an SPDX expression if ``is_spdx``, else what the package calls it; "" if it says nothing."""

    name: str
    version: str
    licence: str
    is_spdx: bool
    homepage: str
    needs: tuple[str, ...]

    @property
    def purl(self) -> str:
        """https://github.com/package-url/purl-spec"""
        return f"pkg:pypi/{self.name}@{self.version}"


def components() -> list[Component]:
    """Leitwarte first, then all it needs here, by name. Optional extras that are not installed are left out."""
    found: dict[str, Component] = {}
    waiting = [(_ROOT, "")]
    while waiting:
        name, extra = waiting.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform, or an extra nobody asked for
        needs = [(canonicalize_name(need.name), need.extras) for need in _requirements(package, extra)]
        known = found.get(name)
        if known is None or extra:
            names = {need for need, _ in needs} | set(known.needs if known else ())
            found[name] = _component(package, name, names)
            for need, extras in needs:
                waiting += [(need, each) for each in ("", *extras) if need not in found or each]
    installed = {
        name: Component(c.name, c.version, c.licence, c.is_spdx, c.homepage, tuple(n for n in c.needs if n in found))
        for name, c in found.items()
    }
    return [installed.pop(_ROOT), *(installed[name] for name in sorted(installed))]


def bom(parts: Iterable[Component]) -> dict[str, Any]:
    """A CycloneDX 1.5 document (https://cyclonedx.org/docs/1.5/json/). The same parts give the same document."""
    root, *others = parts
    purls = {part.name: part.purl for part in (root, *others)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(sorted(purls.values())))}",
        "version": 1,
        "metadata": {"component": _entry(root, "application")},
        "components": [_entry(part, "library") for part in others],
        "dependencies": [
            {"ref": part.purl, "dependsOn": sorted(purls[name] for name in part.needs)} for part in (root, *others)
        ],
    }


def _entry(part: Component, kind: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": kind, "bom-ref": part.purl, "name": part.name, "version": part.version}
    if part.licence:
        licence = {"expression": part.licence} if part.is_spdx else {"license": {"name": part.licence}}
        entry["licenses"] = [licence]
    entry["purl"] = part.purl
    if part.homepage:
        entry["externalReferences"] = [{"type": "website", "url": part.homepage}]
    return entry


def _component(package: Distribution, name: str, needs: Iterable[str]) -> Component:
    metadata = package.metadata.json
    expression = str(metadata.get("license_expression", ""))
    return Component(
        name,
        package.version,
        expression or _named(metadata),
        bool(expression),
        next(iter(_homepages(metadata)), ""),
        tuple(sorted(needs)),
    )


def _named(metadata: dict[str, Any]) -> str:
    """The licence of a package that names no expression."""
    told = str(metadata.get("license", "")).strip()
    if told and "\n" not in told and len(told) <= _LONGEST:
        return told
    prefix = "License :: "
    classifiers = [text for text in metadata.get("classifier", []) if text.startswith(prefix)]
    return ", ".join(text.rpartition(" :: ")[2] for text in classifiers)


def _homepages(metadata: dict[str, Any]) -> Iterator[str]:
    if metadata.get("home_page"):
        yield metadata["home_page"]
    links = dict(text.split(", ", 1) for text in metadata.get("project_url", []) if ", " in text)
    for label, url in links.items():
        if label.lower() in {"homepage", "home", "source", "repository", "source code", "github"}:
            yield url


def _requirements(package: Distribution, extra: str) -> Iterator[Requirement]:
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement
