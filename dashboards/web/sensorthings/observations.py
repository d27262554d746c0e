"""Observations: one page of the values of a Datastream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.web.sensorthings.entities import Entity
from dashboards.web.sensorthings.options import MOST, Condition, NotOffered, Options, WrongQuestion
from dashboards.web.values import stretches
from metering import instant
from metering.instant import Window
from metering.quality import Quality
from metering.samples import Samples
from storage.protocol import Store

_TIMES = ("phenomenonTime", "resultTime")
_AT_ONCE = 2 * MOST


@dataclass(frozen=True, slots=True)
class Page:
    """Some Observations. ``count`` is how many there are in all, where that was asked."""

    observations: Sequence[Entity]
    count: int | None
    has_more: bool


async def page(store: Store, datastream: Entity, options: Options, until_us: int) -> Page:
    """The Observations that were asked for, by their time; ``until_us`` is after the newest there can be.

    Raises `storage.protocol.StoreError`, WrongQuestion and NotOffered.
    """
    if datastream.series is None:
        raise ValueError(f"{datastream.id} is no Datastream")
    newest_first = _is_newest_first(options)
    window, wanted = _window(options.conditions, until_us), options.skip + options.top + 1
    shown: list[Entity] = []
    seen = 0
    async for samples in stretches(store, datastream.series, window, _AT_ONCE, newest_first=newest_first):
        order = np.arange(len(samples))[:: -1 if newest_first else 1]
        chosen = order[max(options.skip - seen, 0) : max(options.skip + options.top - seen, 0)]
        shown += [_observation(datastream, samples, at) for at in chosen.tolist()]
        seen += len(samples)
        if seen >= wanted and not options.count:
            break
    return Page(shown, seen if options.count else None, seen >= wanted)


async def one(store: Store, datastream: Entity, time_us: int) -> Entity | None:
    """The Observation of an instant; None if there is none."""
    if datastream.series is None:
        return None
    samples = (await store.samples([datastream.series], Window(time_us, time_us + 1)))[datastream.series]
    return _observation(datastream, samples, 0) if len(samples) else None


def _observation(datastream: Entity, samples: Samples, at: int) -> Entity:
    time_us = int(samples.times_us[at])
    moment = instant.isoformat(time_us)
    properties = {
        "phenomenonTime": moment,
        "resultTime": None if datastream.is_computed else moment,
        "result": float(samples.values[at]),
        "parameters": {"quality": Quality(int(samples.qualities[at])).name.lower()},
    }
    links = {"Datastream": (datastream.id,), "FeatureOfInterest": datastream.links["Thing"]}
    return Entity("Observations", f"{datastream.id}@{time_us}", properties, links)


def _is_newest_first(options: Options) -> bool:
    for path, descending in options.order[:1]:
        if path[0] not in (*_TIMES, "id", "@iot.id"):
            raise NotOffered("Observations are in the order of phenomenonTime, asc or desc, only")
        return descending
    return False


def _window(conditions: Sequence[Condition], until_us: int) -> Window:
    start_us, end_us = 0, until_us
    for condition in conditions:
        if condition.path[0] not in _TIMES or len(condition.path) > 1 or condition.operator == "ne":
            raise NotOffered("$filter of Observations offers phenomenonTime with eq, gt, ge, lt, le only")
        try:
            time_us = instant.parse(str(condition.literal))
        except ValueError:
            raise WrongQuestion(f"{condition.literal!r} is no time such as 2026-03-27T00:00:00Z") from None
        if condition.operator in ("gt", "ge", "eq"):
            start_us = max(start_us, time_us + (condition.operator == "gt"))
        if condition.operator in ("lt", "le", "eq"):
            end_us = min(end_us, time_us + (condition.operator != "lt"))
    return Window(start_us, max(start_us, end_us))
