"""The number of the layout, kept in the database that is laid out so."""

import time

from metering.kept_format import FormatTooNew
from storage.influxdb.answers import decode
from storage.influxdb.connection import Connection
from storage.influxdb.failures import SetupWrong
from storage.influxdb.influxql import call, select
from storage.influxdb.schema import FORMAT
from storage.influxdb.writer import Writer
from storage.protocol import StoreRefused

_MEASUREMENT, _FIELD = "leitwarte", "format"


async def settle(connection: Connection, writer: Writer) -> None:
    """Number what has no number: it is new, or from before there were numbers, when the layout was the first.

    An account that may only read leaves that to others. Raises StoreRefused for what a newer Leitwarte has written, and
    StoreUnavailable.
    """
    statement = select({_FIELD: call("max", _FIELD)}, _MEASUREMENT)
    numbers = [rows.columns[_FIELD][0] for rows in decode(await connection.query(statement))]
    found = max((int(number) for number in numbers if number is not None), default=None)
    if found is None:
        try:
            await writer.write(f"{_MEASUREMENT} {_FIELD}={FORMAT}i {time.time_ns() // 1000}".encode())
        except (SetupWrong, StoreRefused):
            return
    elif found > FORMAT:
        what = f"the database {connection.settings.database!r} at {connection.settings.url}"
        raise StoreRefused(str(FormatTooNew(what, found, FORMAT)))
