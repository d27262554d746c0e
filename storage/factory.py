"""From settings to a store."""

from storage.embedded.store import EmbeddedStore
from storage.influxdb.store import InfluxStore
from storage.protocol import Store
from storage.settings import InfluxSettings, StoreSettings


def open_store(settings: StoreSettings) -> Store:
    """The store the settings describe; nothing is connected before its ``start``."""
    return InfluxStore(settings) if isinstance(settings, InfluxSettings) else EmbeddedStore(settings)
