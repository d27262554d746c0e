"""Lengths of time as people write them on a command line."""

import re

import click

_UNITS_S = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}


class Seconds(click.ParamType[float]):
    """``120``, ``120s``, ``5min``, ``2h`` → seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|m|h|d|)", str(value))
        if match is None:
            self.fail(f"{value!r} is no length of time; write 120s, 5min or 2h", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]
