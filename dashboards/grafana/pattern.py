"""Ids as regular expressions, which is how InfluxQL asks for one of several."""

import re
from collections.abc import Iterable


def pattern(ids: Iterable[str]) -> str:
    """A regular expression that matches the ids; without any, it matches nothing.

    >>> pattern(["hall-1", "a/b"])
    '(a\\\\/b|hall\\\\-1)'
    """
    return f"({'|'.join(re.escape(id_).replace('/', chr(92) + '/') for id_ in sorted(set(ids)))})"
