"""InfluxQL for Grafana panels. Grafana fills in ``$timeFilter``, ``$__interval`` and ``${variable}``.

Only what InfluxDB 1.x, 2.x and 3.x all speak. Measurements, tags and fields are those of `storage.influxdb.schema`.
"""

import re
from collections.abc import Iterable
from typing import Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

SOURCE_UID = "leitwarte-influxdb"
SOURCE = DataSourceRef(type_val="influxdb", uid=SOURCE_UID)

Format = Literal["time_series", "table"]


class InfluxQuery(Dataquery, Builder[Dataquery]):
    """A raw InfluxQL target; the SDK has no class for it. It is its own builder, which the SDK's panels ask for."""

    def __init__(self, query: str, *, alias: str = "", shape: Format = "time_series") -> None:
        self.query = query
        self.ref_id = "A"
        self._alias = alias
        self._shape = shape

    def build(self) -> "InfluxQuery":
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": self._shape,
            "alias": self._alias,
        }


class EventTarget(AnnotationTarget, Builder[AnnotationTarget]):
    """Annotations from events: their title as text, their kind and building as tags, and how long they lasted."""

    def build(self) -> "EventTarget":
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "Events",
            "query": select('"title", "end_us" / 1000 AS "end_ms", "kind", "building"', "event"),
            "rawQuery": True,
            "fromAnnotations": True,
            "textColumn": "title",
            "timeEndColumn": "end_ms",
            "tagsColumn": "kind,building",
        }


def is_one_of(tag: str, values: Iterable[str]) -> str:
    """A condition that the tag is one of the values; without any, none matches.

    >>> is_one_of("meter", ["hall-1", "a/b"])
    '"meter" =~ /^(a\\\\/b|hall\\\\-1)$/'
    """
    pattern = "|".join(re.escape(value).replace("/", r"\/") for value in sorted(values))
    return f'"{tag}" =~ /^({pattern})$/'


def select(what: str, measurement: str, *conditions: str, then: str = "") -> str:
    """A SELECT over the chosen time range; ``then`` is whatever follows the conditions."""
    return _joined(what, f'"{measurement}"', ["$timeFilter", *conditions], then)


def sum_of_means(field: str, devices: Iterable[str]) -> str:
    """The sum over devices of each one's mean in every ``$__interval``, from readings.

    The inner fill stays none: InfluxDB 1.6 gives wrong sums over a subquery that fills with the previous value.
    """
    per_device = 'GROUP BY time($__interval), "device" fill(none)'
    each = select(f'mean("{field}") AS "each"', "reading", is_one_of("device", devices), then=per_device)
    return _joined('sum("each")', f"({each})", ["$timeFilter"], "GROUP BY time($__interval) fill(none)")


def sum_of_newest(field: str, devices: Iterable[str]) -> str:
    """The sum of each device's newest value in the range, from readings."""
    each = select(f'last("{field}") AS "each"', "reading", is_one_of("device", devices), then='GROUP BY "device"')
    return _joined('sum("each")', f"({each})", ["$timeFilter"], "")


def total(field: str, meters: Iterable[str], *, then: str = "") -> str:
    """The sum of an interval result over meters and the whole range."""
    return select(f'sum("{field}")', "interval", is_one_of("meter", meters), then=then)


def per_day(field: str, meters: Iterable[str], timezone: str) -> str:
    """The sum of an interval result over meters for each local day, which has 23, 24 or 25 hours."""
    return total(field, meters, then=f"GROUP BY time(1d) fill(none) tz('{timezone}')")


def newest_of_each(devices: Iterable[str], span: str) -> str:
    """The newest reading of every device heard in the last ``span`` (such as 30d), whatever it measures."""
    conditions = [f"time > now() - {span}", is_one_of("device", devices)]
    return _joined("*", '"reading"', conditions, 'GROUP BY "device" ORDER BY time DESC LIMIT 1')


def _joined(what: str, source: str, conditions: Iterable[str], then: str) -> str:
    return " ".join(("SELECT", what, "FROM", source, "WHERE", " AND ".join(conditions), then)).rstrip()
