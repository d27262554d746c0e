"""From settings to a store. A store's client libraries are imported when one is opened."""

from storage.protocol import Store
from storage.settings import InfluxSettings, StoreSettings


def open_store(settings: StoreSettings) -> Store:
    """The store the settings describe; nothing is connected before its ``start``."""
    if isinstance(settings, InfluxSettings):
        from storage.influxdb.store import InfluxStore

        return InfluxStore(settings)
    from storage.embedded.store import EmbeddedStore

    return EmbeddedStore(settings)
