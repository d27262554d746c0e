"""The rota: whose turn it is on a bus."""

import heapq
from collections.abc import Iterable
from itertools import count

from collectors.modbus.station import Station
from metering.clock import Clock

_SHARE = 10  # while units are well, waiting for silent ones takes one part in so many of the bus's time at most


class Rota:
    """Who is due first comes first; where there is too little time for all, they take turns.

    A unit that was silent is asked again when its own back-off has passed, and not before the bus has made up for the
    time that the last silence took. So however many are dead, the others keep nine tenths of the time.
    """

    def __init__(self, stations: Iterable[Station], clock: Clock) -> None:
        self._clock = clock
        self._order = count()
        self._queue = [(station.due_us, next(self._order), station) for station in stations]
        self._well = len(self._queue)
        self._begun_us = 0
        self._was_well = True
        self._made_up_us = 0

    async def next(self) -> Station:
        """Wait for the next turn, which lasts until `back`."""
        while True:
            due_us, _, station = self._queue[0]
            if station.failures and self._well and due_us < self._made_up_us:
                station.due_us = self._made_up_us
                self._put(heapq.heappop(self._queue)[-1])
                continue
            now_us = self._clock.steady_us()
            if due_us > now_us:
                await self._clock.wait_until(due_us)
                now_us = self._clock.steady_us()
            heapq.heappop(self._queue)
            self._begun_us, self._was_well = now_us, not station.failures
            return station

    def back(self, station: Station) -> None:
        """Its turn is over; the next is at its ``due_us``."""
        self._well += (not station.failures) - self._was_well
        if station.failures:
            now_us = self._clock.steady_us()
            self._made_up_us = now_us + (_SHARE - 1) * (now_us - self._begun_us)
        self._put(station)

    def _put(self, station: Station) -> None:
        heapq.heappush(self._queue, (station.due_us, next(self._order), station))
