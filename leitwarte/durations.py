"""Lengths of time as people write them on a command line."""

import re

import typer

_UNITS_S = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str | float) -> float:
    """``120``, ``120s``, ``5min``, ``2h`` → seconds. Raises typer.BadParameter for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|m|h|d|)", str(text))
    if match is None:
        raise typer.BadParameter(f"{text!r} is no length of time; write 120s, 5min or 2h")
    return float(match[1]) * _UNITS_S[match[2]]
