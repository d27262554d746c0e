"""The values of a series as stored, a stretch at a time: whoever asks for years gets no process to hold them all."""

from collections.abc import AsyncIterator

import numpy as np

from metering.instant import DAY, Window
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Aggregate, Store


async def stretches(
    store: Store,
    series: Series,
    window: Window,
    at_once: int,
    *,
    newest_first: bool = False,
) -> AsyncIterator[Samples]:
    """All values of the window in stretches of whole days (UTC), each of about ``at_once`` readings or one day.

    Within a stretch times ascend. Raises `storage.protocol.StoreError`.
    """
    days = (await store.aggregate([series], window, DAY, Aggregate.COUNT))[series]
    order = -1 if newest_first else 1
    read = np.cumsum(days.values[::order]) - days.values[::order]
    stretch = (read // at_once)[::order]
    ends = np.flatnonzero(np.diff(stretch, append=np.nan))  # last day of each
    begins = np.flatnonzero(np.diff(stretch, prepend=np.nan))
    for begin, end in list(zip(days.times_us[begins].tolist(), days.times_us[ends].tolist(), strict=True))[::order]:
        part = Window(max(window.start_us, begin), min(window.end_us, end + DAY))
        yield (await store.samples([series], part))[series]
