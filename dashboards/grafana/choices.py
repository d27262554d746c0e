"""The choices at the top of a dashboard: a site, a building, a meter.

The value of a choice is a pattern of every id that belongs to it: of buildings, meters and devices alike, since
readings carry the device, results the meter and events the building. So one choice narrows any query.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from grafana_foundation_sdk.builders.dashboard import CustomVariable
from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards.grafana.basis import Basis
from dashboards.grafana.pattern import pattern

EVERYTHING = ".+"

Choice = Literal["site", "building", "meter"]


def chosen(tag: str, choice: Choice, prefix: str = "") -> str:
    """The condition that a tag, after the prefix, belongs to what is chosen.

    ``raw`` keeps Grafana from escaping the pattern.
    """
    return f'"{tag}" =~ /^{prefix}${{{choice}:raw}}$/'


def variable(basis: Basis, choice: Choice) -> CustomVariable:
    """The choice as a Grafana variable, which separates its options by commas."""
    options = _OPTIONS[choice](basis)
    made = CustomVariable(choice).label(basis.texts(choice))
    escaped = {text.replace(",", r"\,"): value for text, value in options.items()}
    made = made.values(", ".join(f"{text} : {value}" for text, value in escaped.items()))
    for text, value in options.items():
        return made.current(VariableOption(selected=True, text=text, value=value))
    return made


def _sites(basis: Basis) -> dict[str, str]:
    estate = basis.estate
    options = {basis.texts("all_sites"): EVERYTHING}
    for site in estate.sites.values():
        buildings = estate.buildings_at(site.id)
        options[site.name] = pattern(id_ for building in buildings for id_ in _ids_in(basis, building.id))
    return options


def _buildings(basis: Basis) -> dict[str, str]:
    return {building.name: pattern(_ids_in(basis, building.id)) for building in basis.estate.buildings.values()}


def _meters(basis: Basis) -> dict[str, str]:
    """Each with the device that carries it."""
    return {meter.name: pattern((meter.id, meter.device)) for meter in basis.estate.meters.values()}


def _ids_in(basis: Basis, building: str) -> Iterator[str]:
    estate = basis.estate
    yield building
    yield from (device.id for device in estate.devices.values() if device.building == building)
    for meter in estate.meters_in(building):
        yield from (meter.id, meter.device)


_OPTIONS: Mapping[Choice, Callable[[Basis], dict[str, str]]] = {
    "site": _sites,
    "building": _buildings,
    "meter": _meters,
}
