"""``/api/v2/write`` of InfluxDB 2.x and 3.x, through the official client, which takes long to import."""

from typing import cast

import aiohttp
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from storage.influxdb.failures import of_status
from storage.protocol import StoreRefused, StoreUnavailable
from storage.settings import InfluxSettings

_MICROSECONDS = cast("WritePrecision", WritePrecision.US)  # a text, whatever the client's annotations say


class V2Writer:
    """InfluxDB 2.x and 3.x, and whatever else has ``/api/v2/write``. Make it inside a running event loop."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._url, self._bucket = settings.url, settings.database
        self._client = InfluxDBClientAsync(
            url=settings.url,
            token=settings.token.get_secret_value() if settings.token else "",
            org=settings.org or "",
            timeout=round(settings.timeout_s * 1000),
        )
        self._api = self._client.write_api()

    async def write(self, lines: bytes) -> None:
        try:
            await self._api.write(self._bucket, record=lines, write_precision=_MICROSECONDS)
        except ApiException as error:
            body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.reason)
            retry_after = error.headers.get("Retry-After") if error.headers else None
            raise of_status(error.status or 0, body, retry_after) from error
        except InfluxDBError as error:
            raise StoreRefused(f"{self._url}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreUnavailable(f"{self._url} cannot be reached: {error or type(error).__name__}") from error

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]
