"""Failures: said in one line without secrets, and waited out with growing pauses."""

import asyncio
import random
import re

_CREDENTIALS = re.compile(r"(?<=://)\S+@")  # to the last @: passwords may hold any character


def describe(error: BaseException) -> str:
    """One line for the operator; passwords in URLs are left out.

    >>> describe(ConnectionError("cannot reach http://me:secret@db:8086"))
    'ConnectionError: cannot reach http://db:8086'
    >>> describe(OSError("mqtt://me:p@ss/word@broker is down"))
    'OSError: mqtt://broker is down'
    """
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(describe(inner) for inner in error.exceptions)
    text = _CREDENTIALS.sub("", " ".join(str(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Backoff:
    """Pauses in real seconds: about ``first_s``, doubled each time up to ``most_s``, each shortened by up to a half.

    The chance in it keeps many from coming back at the same moment.
    """

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self.reset()

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._next_s = min(self._first_s, self._most_s)

    async def pause(self, at_least_s: float = 0.0) -> None:
        pause_s = self._next_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, guards nothing
        self._next_s = min(2 * self._next_s, self._most_s)
        await asyncio.sleep(max(pause_s, at_least_s))
