"""The local week of files of series: which options name it."""

from typing import Annotated

import typer

from analytics.anomaly.week import Week
from leitwarte.commands.common import WRONG_CALL, fail

TimezoneOption = Annotated[str, typer.Option(help="Time zone of days and weeks.")]
RegionOption = Annotated[
    str, typer.Option(help="German state whose public holidays count as Sundays, such as HE; none: no holidays.")
]


def local_week(timezone: str, region: str) -> Week:
    """What the options say; ends the command if either is unknown."""
    try:
        return Week(timezone, None if region == "none" else region)
    except ValueError as error:
        fail(error, WRONG_CALL)
