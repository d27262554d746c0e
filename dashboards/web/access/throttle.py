"""Slows down those who guess passwords: the more failures of late, the longer the wait before the next try."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST = 20_000


@dataclass(slots=True)
class _Record:
    failures: int
    until_s: float
    last_s: float


class Throttle:
    """Counts failures of an account or an address.

    free       failures without a wait; after each further one it doubles, from one second
    longest_s  the longest wait: short for accounts, so that nobody can be shut out for long by another's guesses
    forget_s   after so long without failure all is forgotten
    now_s      a clock that only goes forward
    """

    def __init__(self, free: int, longest_s: float, forget_s: float, now_s: Callable[[], float]) -> None:
        self._free = free
        self._longest_s = longest_s
        self._forget_s = forget_s
        self._now_s = now_s
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """How long until the next try; 0 if now."""
        record = self._records.get(key)
        return max(0.0, record.until_s - self._now_s()) if record else 0.0

    def failed(self, key: str) -> None:
        now = self._now_s()
        record = self._records.get(key)
        if record is None or now - record.last_s > self._forget_s:
            record = _Record(0, now, now)
        record.failures += 1
        record.last_s = now
        if record.failures >= self._free:
            record.until_s = now + min(self._longest_s, 2.0 ** min(record.failures - self._free, 30))
        self._records[key] = record
        self._records.move_to_end(key)
        while len(self._records) > _MOST:
            self._records.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._records.pop(key, None)
