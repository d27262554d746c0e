"""From settings to a store. A store's client libraries are imported when one is opened."""

from metering.localtime import LocalCalendar
from storage.protocol import TimeSeries
from storage.retained import RetainedStore
from storage.settings import InfluxSettings, StoreSettings


def open_store(settings: StoreSettings, calendar: LocalCalendar | None = None) -> RetainedStore:
    """The store the settings describe; nothing is connected before its ``start``.

    Days that are kept for ever are those of the calendar, of Europe/Berlin if left out.
    """
    return RetainedStore(_database(settings), settings.retention, calendar or LocalCalendar())


def _database(settings: StoreSettings) -> TimeSeries:
    if isinstance(settings, InfluxSettings):
        from storage.influxdb.store import InfluxStore

        return InfluxStore(settings)
    from storage.embedded.store import EmbeddedStore

    return EmbeddedStore(settings)
