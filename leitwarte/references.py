"""What the parts of a settings file must agree on: ids that are unique, references that lead somewhere."""

import difflib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from analytics.alerts.kinds import KINDS
from leitwarte.settings import Settings
from leitwarte.sharing import indivisible
from metering.estate import Carrier, Role
from metering.formula import CircularFormulas, Formula, in_order
from metering.quantities import QUANTITIES, Kind
from metering.yaml_lines import Path


class LooseEnd(NamedTuple):
    """Where something does not fit, what, and what to do about it."""

    where: Path
    message: str
    remedy: str


def loose_ends(settings: Settings) -> Iterator[LooseEnd]:
    """Everything that does not fit together, in the order of the file."""
    entries = list(_entries(settings))
    known: dict[str, set[str]] = {}
    for what, where, key in entries:
        if key in known.setdefault(what, set()):
            yield LooseEnd((*where, "id"), f"{what} id {key!r} is used twice", "give each its own id")
        known[what].add(key)
    known["MQTT connection"] = {broker.id for broker in settings.mqtt}
    known["quantity"] = set(QUANTITIES)
    known["register quantity"] = {name for name, entry in QUANTITIES.items() if entry.kind is Kind.REGISTER}
    known["kind of alert"] = set(KINDS)
    known["gas supply area"] = settings.carbon.gas_areas - {""}
    for where, what, wanted in _references(settings):
        if wanted is not None and wanted not in known.get(what, ()):
            yield LooseEnd(where, f"there is no {what} {wanted!r}", _suggestion(wanted, known.get(what, ())))
    yield from _plants(settings)
    yield from _circle(settings)
    for indivisible_part in indivisible(settings):
        yield LooseEnd(*indivisible_part)
    yield from _late(settings)


def _circle(settings: Settings) -> Iterator[LooseEnd]:
    """Virtual meters that are computed from each other."""
    places = {
        meter.id: (("sites", s, "buildings", b, "meters", m, "formula"), Formula.parse(meter.formula))
        for s, site in enumerate(settings.sites)
        for b, building in enumerate(site.buildings)
        for m, meter in enumerate(building.meters)
        if meter.formula is not None
    }
    try:
        in_order({id_: formula.meters for id_, (_, formula) in places.items()})
    except CircularFormulas as error:
        where, _ = places[error.circle[0]]
        yield LooseEnd(where, str(error), "take one of these meters out of the formula of the one after it")


def _late(settings: Settings) -> Iterator[LooseEnd]:
    """What comes late is computed anew from readings, so they must still be there."""
    raw_days, late_days = settings.store.retention.raw_days, settings.analytics.late_days
    if raw_days is not None and late_days >= raw_days:
        message = f"late_days ({late_days}) must be less than store.retention.raw_days ({raw_days})"
        remedy = "readings that came so late would be condensed already: lower it, or keep readings for longer"
        yield LooseEnd(("analytics", "late_days"), message, remedy)


def _entries(settings: Settings) -> Iterator[tuple[str, Path, str]]:
    """What has an id: kind, place, id."""
    for kind, c, connection in settings.connections():
        yield "connection", (kind, c), connection.id
        for d, device in enumerate(connection.devices):
            yield "device", (kind, c, "devices", d), device.id
    for s, site in enumerate(settings.sites):
        yield "site", ("sites", s), site.id
        for b, building in enumerate(site.buildings):
            yield "building", ("sites", s, "buildings", b), building.id
            for m, meter in enumerate(building.meters):
                yield "meter", ("sites", s, "buildings", b, "meters", m), meter.id
    for r, recipient in enumerate(settings.analytics.alerts.recipients):
        yield "recipient", ("analytics", "alerts", "recipients", r), recipient.id


_COUNTED_BY = {
    "electricity": (Carrier.ELECTRICITY, Role.GENERATION),
    "heat": (Carrier.HEAT, None),
    "feed_in": (Carrier.ELECTRICITY, Role.FEED_IN),
    "fuel_meters": (None, Role.SUPPLY),
}
"""Carrier and role of the meters that a plant names; None: any."""


def _plants(settings: Settings) -> Iterator[LooseEnd]:
    """Plants whose meters count something else: their figures would be missing, or count twice."""
    meters = {m.id: m for site in settings.sites for building in site.buildings for m in building.meters}
    for p, plant in enumerate(settings.carbon.plants):
        for key, (carrier, role) in _COUNTED_BY.items():
            for n, meter in enumerate(meters.get(name) for name in getattr(plant, key)):
                if meter is None or (carrier in (None, meter.carrier) and role in (None, meter.balance_role)):
                    continue
                wanted = " ".join(part.value for part in (carrier, role) if part is not None)
                yield LooseEnd(
                    ("carbon", "plants", p, key, n),
                    f"meter {meter.id!r} counts {meter.carrier} {meter.balance_role}, not {wanted}",
                    "name the meter that counts it, or correct its role",
                )


def _references(settings: Settings) -> Iterator[tuple[Path, str, str | None]]:
    """What refers to something: place, kind of thing referred to, its id."""
    for kind, c, connection in settings.connections():
        for d, device in enumerate(connection.devices):
            yield (kind, c, "devices", d, "building"), "building", device.building
    for p, plant in enumerate(settings.carbon.plants):
        for key in ("electricity", "heat", "feed_in", "fuel_meters"):
            for n, meter_id in enumerate(getattr(plant, key)):
                yield ("carbon", "plants", p, key, n), "meter", meter_id
    for s, site in enumerate(settings.sites):
        for b, building in enumerate(site.buildings):
            for m, meter in enumerate(building.meters):
                where = ("sites", s, "buildings", b, "meters", m)
                yield (*where, "device"), "device", meter.device
                yield (*where, "register"), "register quantity", meter.register_
                yield (*where, "parent"), "meter", meter.parent
                yield (*where, "power"), "quantity", meter.power
                yield (*where, "gas_area"), "gas supply area", meter.gas_area
                for source in Formula.parse(meter.formula).meters if meter.formula else ():
                    yield (*where, "formula"), "meter", source
    sharing = settings.gateway.sharing
    yield ("gateway", "sharing", "broker"), "MQTT connection", sharing.broker if sharing else None
    yield from _routes(settings)


def _routes(settings: Settings) -> Iterator[tuple[Path, str, str]]:
    for r, route in enumerate(settings.analytics.alerts.routes):
        for key, what, names in (
            ("to", "recipient", route.to),
            ("escalate_to", "recipient", route.escalate_to),
            ("buildings", "building", route.buildings),
            ("kinds", "kind of alert", route.kinds),
        ):
            for n, name in enumerate(names):
                yield ("analytics", "alerts", "routes", r, key, n), what, name


def _suggestion(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return (
        f"did you mean {near[0]!r}?" if near else f"define it, or use one of: {', '.join(sorted(known)) or 'none yet'}"
    )
