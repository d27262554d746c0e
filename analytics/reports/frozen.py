"""Published reports: frozen with a manifest, so that the same report can be made again and any difference explained."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

import msgspec

from analytics.carbon.factor import Factor
from analytics.carbon.plant import SETTINGS
from analytics.carbon.view import View
from analytics.reports.assemble import balanced
from analytics.reports.by_hour import with_hours
from analytics.reports.collect import collect
from analytics.reports.manifest import Manifest
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from metering.estate import Estate, Meter
from metering.reading import Series
from storage.protocol import Store


async def freeze(store: Store, estate: Estate, period: Period, rules: Rules, view: View, place: str) -> Report:  # noqa: PLR0913, PLR0917
    """The report with its manifest. Raises as `collect` and `with_hours`."""
    inputs = await fingerprints(store, balanced(estate, place, rules), period, rules)
    report = await with_hours(
        store, estate, await collect(store, estate, period, rules, view, place, compare=True), rules
    )
    editions = {factor.edition for factor in report.factors}
    editions |= {factor.edition for factors in view.scopes.values() for factor in factors.factors}
    digests = {name: rules.shelf.digest(name) for name in sorted(editions - {SETTINGS})}
    settings = digest(encoded(_settings(estate, rules, place)))
    parts = (view.name, str(period), place, digests, inputs, settings, report.method.version)
    return replace(
        report,
        manifest=Manifest(view.name, digests, inputs, settings, report.method.version, digest(encoded(parts))),
    )


async def fingerprints(store: Store, meters: Iterable[Meter], period: Period, rules: Rules) -> dict[str, str]:
    """SHA-256 of each meter's stored intervals of the period and of the year before it: whatever the figures saw."""
    found = {}
    for meter in meters:
        wanted = [Series(meter.id, name) for name in ("consumption", "completeness", "gap_consumption")]
        sum_ = hashlib.sha256()
        for part in (period.previous, period):
            whole = Period(part.months[0].whole_month.start, part.months[-1].whole_month.end)
            samples = await store.samples(wanted, whole.window(rules.calendar))
            for series in wanted:
                for array in (samples[series].times_us, samples[series].values, samples[series].qualities):
                    sum_.update(array.tobytes())
        found[meter.id] = sum_.hexdigest()
    return found


def document(report: Report) -> bytes:
    """The report as JSON for machines, unrounded; the same report gives the same bytes."""
    content = {
        "view": report.view.name,
        "title": dict(report.view.title),
        "period": str(report.period),
        "place": report.place,
        "figures": [{**asdict(figure), "id": str(figure.id)} for figure in report.figures],
        "changes": [{**asdict(change), "id": str(change.id)} for change in report.changes],
        "conformity": report.conformity,
        "method": report.method,
        **({"hourly": report.hourly} if report.hourly else {}),
        **({"matching": report.matching} if report.matching else {}),
        "factors": [_factor(factor) for factor in report.factors],
        "manifest": report.manifest,
    }
    return msgspec.json.format(encoded(content), indent=1) + b"\n"


def encoded(content: object) -> bytes:
    """JSON in which order and digits do not depend on anything but the content; decimals are texts."""
    return msgspec.json.encode(content, order="sorted", enc_hook=_plain)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def differences(published: Mapping[str, object], now: Manifest) -> list[str]:
    """What is not as it was when the report was published; empty if nothing is. In words for the operator."""
    found = [
        f"{what}: {published.get(what)} then, {getattr(now, what)} now"
        for what in ("view", "version", "settings")
        if published.get(what) != getattr(now, what)
    ]
    for what in ("editions", "inputs"):
        then, present = published.get(what), getattr(now, what)
        if isinstance(then, dict):
            changed = sorted(name for name in {*then, *present} if then.get(name) != present.get(name))
            found += [f"{what}: {name} is not what it was" for name in changed]
    return found


def _factor(factor: Factor) -> dict[str, object]:
    return {**asdict(factor), "id": factor.id}


def _settings(estate: Estate, rules: Rules, place: str) -> dict[str, object]:
    """Everything of the settings that changes a figure."""
    meters = balanced(estate, place, rules)
    buildings = {meter.building for meter in meters}
    return {
        "meters": [[m.id, m.building, m.carrier, m.role, str(m.formula or "")] for m in meters],
        "buildings": [[b.id, b.site, b.floor_area_m2] for b in estate.buildings.values() if b.id in buildings],
        "timezone": rules.calendar.zone.key,
        "step_us": rules.step_us,
        "gas": [asdict(period) for period in rules.gas.periods] if rules.gas else [],
        "choices": {view: {c: one.model_dump() for c, one in own.items()} for view, own in rules.choices.items()},
        "sectors": dict(rules.sectors),
        "prices": {carrier.value: price for carrier, price in rules.prices.items()},
        "weather": [w.method, w.source, sorted(w.factors.items()), w.hot_water_share] if (w := rules.weather) else None,
        "bands": asdict(rules.bands),
        "municipality": rules.municipality,
        "avoided": rules.avoided,
        "live_factors": rules.factors.name,
        **({"mixes": [digest(path.read_bytes()) for path in rules.mixes]} if rules.mixes else {}),
        **({"plants": [asdict(plant) for plant in rules.plants]} if rules.plants.all else {}),
        **({"certificates": [asdict(one) for one in rules.certificates]} if rules.certificates else {}),
    }


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")
