"""Lets nobody ask the REST API more often than the machine bears."""

from collections import OrderedDict
from collections.abc import Callable

_MOST = 20_000
_MINUTE_S = 60.0


class Rate:
    """Each who asks may make ``per_minute`` requests at once; these come back evenly within a minute.

    The generic cell rate algorithm (ITU-T I.371): of each only the instant is kept at which all have come back.

    now_s  a clock that only goes forward
    """

    def __init__(self, per_minute: int, now_s: Callable[[], float]) -> None:
        self._each_s = _MINUTE_S / per_minute
        self._now_s = now_s
        self._whole_s: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one request. 0 if it may be made, else how long until the next may, in seconds."""
        now = self._now_s()
        whole = max(self._whole_s.get(key, now), now) + self._each_s
        wait = whole - now - _MINUTE_S
        if wait > self._each_s * 1e-6:  # sums of floats
            return wait
        self._whole_s[key] = whole
        self._whole_s.move_to_end(key)
        if len(self._whole_s) > _MOST:
            self._whole_s.popitem(last=False)
        return 0.0
