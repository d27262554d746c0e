"""InfluxQL for Grafana panels. Grafana fills in ``$timeFilter``, ``$__interval`` and ``${variable}``.

Only what InfluxDB 1.x, 2.x and 3.x all speak. Measurements, tags and fields are those of `storage.influxdb.schema`.
"""

from collections.abc import Iterable
from typing import Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationTarget, DataSourceRef

from dashboards.grafana.pattern import pattern
from metering.instant import HOUR, QUARTER_HOUR

SOURCE_UID = "leitwarte-influxdb"
SOURCE = DataSourceRef(type_val="influxdb", uid=SOURCE_UID)

ALERTS = '"kind" !~ /^(device_error|device_silent|outbox_full|exchange)$/'
"""Of the events those that are alerts, which have a page in the inbox."""
NO_ERRORS = "\"kind\" != 'device_error'"
"""Leaves out what the gateway says of every failed poll; the dashboard of data quality has a table of it."""

PER_HOUR = HOUR // QUARTER_HOUR
"""Quarter-hours in an hour."""

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

    def __init__(self, *conditions: str) -> None:
        self._conditions = conditions

    def build(self) -> "EventTarget":
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "Events",
            "query": select(
                '"title", "end_us" / 1000 AS "end_ms", "kind", "building"', "event", NO_ERRORS, *self._conditions
            ),
            "rawQuery": True,
            "fromAnnotations": True,
            "textColumn": "title",
            "timeEndColumn": "end_ms",
            "tagsColumn": "kind,building",
        }


def is_one_of(tag: str, ids: Iterable[str]) -> str:
    """A condition that the tag is one of the ids; without any, none matches."""
    return f'"{tag}" =~ /^{pattern(ids)}$/'


def select(what: str, measurement: str, *conditions: str, then: str = "") -> str:
    """A SELECT over the chosen time range; ``then`` is whatever follows the conditions."""
    return joined(what, f'"{measurement}"', ["$timeFilter", *conditions], then)


def curve(what: str, measurement: str, *conditions: str, by: str = "", step: str = "$__interval") -> str:
    """A value for every ``step``, and for every ``by`` (a tag) if it is given; a step without values has none."""
    tag = f', "{by}"' if by else ""
    return select(what, measurement, *conditions, then=f"GROUP BY time({step}){tag} fill(none)")


def as_power(how: str, field: str = "consumption") -> str:
    """What ``how`` (mean, min, sum) makes of quarter-hours, as kW of kWh and m³/h of m³."""
    return f'{how}("{field}") * {PER_HOUR}'


def sum_of_means(field: str, devices: Iterable[str], *conditions: str) -> str:
    """The sum over devices of each one's mean in every ``$__interval``, from readings.

    The inner fill stays none: InfluxDB 1.6 gives wrong sums over a subquery that fills with the previous value.
    """
    each = curve(f'mean("{field}") AS "each"', "reading", is_one_of("device", devices), *conditions, by="device")
    return joined('sum("each")', f"({each})", ["$timeFilter"], "GROUP BY time($__interval) fill(none)")


def sum_of_newest(field: str, devices: Iterable[str], *conditions: str) -> str:
    """The sum of each device's newest value in the range, from readings."""
    of_them = is_one_of("device", devices)
    each = select(f'last("{field}") AS "each"', "reading", of_them, *conditions, then='GROUP BY "device"')
    return joined('sum("each")', f"({each})", ["$timeFilter"], "")


def total(field: str, meters: Iterable[str], *conditions: str, then: str = "") -> str:
    """The sum of an interval result over meters and the whole range."""
    return select(f'sum("{field}")', "interval", is_one_of("meter", meters), *conditions, then=then)


def per_day(what: str, measurement: str, timezone: str, *conditions: str, by: str = "") -> str:
    """A value for each local day, which has 23, 24 or 25 hours."""
    tag = f', "{by}"' if by else ""
    return select(what, measurement, *conditions, then=f"GROUP BY time(1d){tag} fill(none) tz('{timezone}')")


def newest_of_each(devices: Iterable[str], span: str, *conditions: str) -> str:
    """The newest reading of every device heard in the last ``span`` (such as 30d), whatever it measures."""
    where = [f"time > now() - {span}", is_one_of("device", devices), *conditions]
    return joined("*", '"reading"', where, 'GROUP BY "device" ORDER BY time DESC LIMIT 1')


def joined(what: str, source: str, conditions: Iterable[str], then: str) -> str:
    """A SELECT whose source may be a subquery."""
    return " ".join(("SELECT", what, "FROM", source, "WHERE", " AND ".join(conditions), then)).rstrip()
