"""Observations: one page of the values of a Datastream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.web.sensorthings.entities import Entity
from dashboards.web.sensorthings.options import Condition, NotOffered, Options, WrongQuestion
from metering import instant
from metering.instant import DAY, Window
from metering.quality import Quality
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Aggregate, Store

_TIMES = ("phenomenonTime", "resultTime")
_SPAN_US = DAY
"""What is read first at the end where a page begins; twice as much each time that was not enough."""


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
    window = await _filled(store, datastream.series, _window(options.conditions, until_us))
    wanted = options.skip + options.top + 1
    samples = await _from_one_end(store, datastream.series, window, None if options.count else wanted, newest_first)
    order = np.arange(len(samples))[:: -1 if newest_first else 1]
    shown = order[options.skip : options.skip + options.top]
    return Page(
        [_observation(datastream, samples, at) for at in shown.tolist()],
        len(samples) if options.count else None,
        len(samples) >= wanted,
    )


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


async def _filled(store: Store, series: Series, window: Window) -> Window:
    """The part of the window from the first day that has values to the last."""
    days = (await store.aggregate([series], window, DAY, Aggregate.COUNT))[series].times_us
    if not len(days):
        return Window(window.start_us, window.start_us)
    return Window(max(window.start_us, int(days[0])), min(window.end_us, int(days[-1]) + DAY))


async def _from_one_end(
    store: Store,
    series: Series,
    window: Window,
    wanted: int | None,
    newest_first: bool,  # noqa: FBT001
) -> Samples:
    """All values of the window, or those at one end of it: as many as wanted, or more."""
    span_us = window.duration_us if wanted is None else _SPAN_US
    while True:
        start_us = max(window.start_us, window.end_us - span_us) if newest_first else window.start_us
        end_us = window.end_us if newest_first else min(window.end_us, window.start_us + span_us)
        samples = (await store.samples([series], Window(start_us, end_us)))[series]
        if end_us - start_us == window.duration_us or (wanted is not None and len(samples) >= wanted):
            return samples
        span_us *= 2


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
