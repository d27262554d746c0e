"""InfluxDB line protocol: a line for each field, with its tags and a time."""

import re
from collections.abc import Mapping

from collectors.mqtt.formats.influx_line import LineField, Options
from device_sim.mqtt.encoders._fields import refuse_others
from device_sim.mqtt.encoders._single import printed
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SPECIAL = re.compile(r"([,= ])")


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:
    described = Options.model_validate(options)
    per_second = _PER_SECOND[described.precision]
    time = time_us * per_second // SECOND
    lines = ["# town"]
    said: dict[str, float] = {}
    for field in described.fields:
        if field.quantity in values:
            text, said[field.quantity] = printed(values[field.quantity], field)
            lines.append(f'{_series(field)} {_escaped(field.field)}={text},ok=true,unit="{field.unit}" {time}')
    refuse_others("influx_line", values, said)
    return Outgoing(topic, "\n".join(lines).encode(), said, time * SECOND // per_second)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None


def _series(field: LineField) -> str:
    tags = {**field.tags, "site": "town hall, west"}
    return ",".join([_escaped(field.measurement), *(f"{_escaped(key)}={_escaped(tag)}" for key, tag in tags.items())])


def _escaped(name: str) -> str:
    return _SPECIAL.sub(r"\\\1", name)
