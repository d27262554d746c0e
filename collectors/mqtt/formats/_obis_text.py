"""What a meter's customer interface says in text (IEC 62056-21 D0, Dutch DSMR): ``1-0:1.8.1(000123.456*kWh)``.

Only codes of the quantities that Leitwarte has are read, those of a present value with its unit behind it. Values at a
key date, and of other meters on the interface (0-n:24.2.1: gas, water or heat, it says elsewhere which), are none.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from metering.obis import Obis
from metering.quantities import QUANTITIES
from metering.units import conversion

_LINE = re.compile(
    r"(?P<code>\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(?:\*255)?)\((?P<value>[-+]?[\d.]{1,20})\*(?P<unit>\w{1,9})\)",
    re.ASCII,
)
_QUANTITIES = {entry.obis: entry for entry in QUANTITIES.values() if entry.obis is not None}


def lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Quantity, digits and unit of each value in the text; a unit is one of the quantity."""
    for match in _LINE.finditer(text):
        with suppress(LookupError, ValueError):  # of another quantity, or in a unit that is not its
            entry = _QUANTITIES[str(Obis.parse(match["code"]))]
            conversion(match["unit"], entry.unit)
            yield entry.name, match["value"], match["unit"]
