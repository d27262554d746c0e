"""Checks the formats against published payloads: files of test vectors (schema 1, kind MQTT).

A vector holds a payload from a log, a manual or another project's tests, and the values that are in it. What a payload
doesn't say and a user would configure is taken from the vector (``plain``: which fields, their quantity and unit) or
stays unknown (line protocol, vzlogger: there the number, its time and its place are compared).
A family without a format of its own is taken for one that a user would configure.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from collectors.mqtt.decode import UNKNOWN, Decoding, Result, decode
from collectors.mqtt.format import Message
from collectors.mqtt.formats import recognise
from collectors.mqtt.listener import believable
from collectors.mqtt.payload import epoch_instant, iso_instant, pointer, read_json
from metering.instant import SECOND, parse
from metering.quantities import QUANTITIES

FAMILIES = {
    "tasmota": "tasmota",
    "shelly_gen1": "shelly_gen1",
    "shelly_gen2": "shelly_gen2",
    "zigbee2mqtt": "zigbee2mqtt",
    "wmbusmeters": "wmbusmeters",
    "chirpstack_v3": "chirpstack",
    "chirpstack_v4": "chirpstack",
    "tts_v3": "tts",
    "homie": "homie",
    "sparkplug_b": "sparkplug_b",
    "influx_line": "influx_line",
    "vzlogger": "vzlogger",
}
"""Family of the vectors → our format."""
_CONFIGURED = "plain"
"""Numbers and JSON of no known make: read as ``number`` or ``json``, with the options that the vector implies."""
_METADATA = "ha_discovery"
"""Messages about other messages: no format may claim them."""

_RELATIVE_TOLERANCE = 1e-9
_MEDIUM_VOLUMES = {"warm water": "hot_water_volume", "gas": "gas_volume"}
_NAMED_TEMPERATURES = {"flow": "flow_temperature", "return": "return_temperature"}

Vector = Mapping[str, Any]


class _File(msgspec.Struct):
    vectors: list[dict[str, Any]]


@dataclass(slots=True)
class Report:
    """How the vectors fared.

    checks, right  expected values, errors and must-not-emit checks, and how many of them are right; optional values
                   count only if they were emitted
    by_family      (right, checks) of each family
    left_out       optional values that were not emitted
    differences    a line each
    """

    checks: int = 0
    right: int = 0
    by_family: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_out: int = 0
    differences: list[str] = field(default_factory=list)

    def check(self, family: str, difference: str | None) -> None:
        right = difference is None
        self.checks += 1
        self.right += right
        done, of = self.by_family.get(family, (0, 0))
        self.by_family[family] = done + right, of + 1
        if difference is not None:
            self.differences.append(difference)


def load(path: Path) -> Sequence[Vector]:
    """Raises ValueError for a file that holds no vectors."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).vectors
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is no file of test vectors: {error}") from None


def run(vectors: Iterable[Vector]) -> Report:
    """Decode every vector as a message that arrived one second after the time it gives, after those of its session."""
    report = Report()
    vectors = list(vectors)
    sessions: dict[str, list[Vector]] = {}
    for vector in vectors:
        if name := _session(vector):
            sessions.setdefault(name, []).append(vector)
    for vector in vectors:
        family = str(vector.get("family"))
        known = family in FAMILIES or family == _METADATA
        try:
            _run(vector, family if known else _CONFIGURED, report, _before(vector, sessions))
        except (LookupError, TypeError, ValueError) as problem:  # counts as a difference, never as skipped
            report.check(family, f"{vector.get('id')}: not understood: {problem!r}")
    return report


def _session(vector: Vector) -> str | None:
    name = (vector.get("context") or {}).get("session")
    return None if name is None else f"{vector.get('family')} {name}"


def _order(vector: Vector) -> float:
    return float(vector["context"].get("order", 0))


def _before(vector: Vector, sessions: Mapping[str, Sequence[Vector]]) -> list[Message]:
    """What was heard in the vector's session before it."""
    same = sessions.get(_session(vector) or "", ())
    earlier = sorted((other for other in same if _order(other) < _order(vector)), key=_order)
    return [Message(other["topic"], _payload(other), _received(other)) for other in earlier]


def _run(vector: Vector, family: str, report: Report, before: Sequence[Message]) -> None:
    expected, wanted_error = vector["expected"], vector["expected_error"]
    decoding = _decode(vector, family, before)
    if wanted_error is not None:
        missing = None if decoding.refused else f"{vector['id']}: no error where {wanted_error} is due"
        report.check(family, missing)
    elif decoding.refused and not expected:
        report.check(family, f"{vector['id']}: refused: {'; '.join(decoding.refused)}")
    by_source = {result.source: result for result in decoding.results}
    series = Counter((result.device, result.quantity) for result in decoding.results if result.unit != UNKNOWN)
    if family == _CONFIGURED:
        series.clear()  # a second field of the same quantity would be a second device of the settings
    phases = {entry["phase"] for entry in expected}
    for entry in expected:
        result = by_source.get(entry["source_field"])
        if result is None and not entry["required"]:
            report.left_out += 1
        else:
            difference = _difference(entry, result, several_phases=len(phases & {"L1", "L2", "L3"}) > 1)
            if result is not None and series[result.device, result.quantity] > 1:
                difference = f"is not the only {result.quantity} of {result.device}"
            where = f"{vector['id']} {entry['source_field'] or '(payload)'}"
            report.check(family, f"{where}: {difference}" if difference else None)
    for forbidden in vector["must_not_emit"]:
        source = forbidden["source_field"]
        emitted = source in by_source
        report.check(family, f"{vector['id']} {source}: emitted, but {forbidden['reason']}" if emitted else None)


def _decode(vector: Vector, family: str, before: Sequence[Message]) -> Decoding:
    topic, payload, received_us = vector["topic"], _payload(vector), _received(vector)
    name, options = _configuration(vector) if family == _CONFIGURED else (FAMILIES.get(family), {})
    if name is None and recognise(topic, payload) is None:
        return Decoding("", ())
    try:
        return decode(topic, payload, received_us, name, options, before=before)
    except ValueError as error:  # DecodeError, or a topic that is none of the format
        return Decoding(name or "", (), (str(error),))


def _configuration(vector: Vector) -> tuple[str | None, dict[str, Any]]:
    """Format and options that somebody who wants the expected values would write; none for a topic without any."""
    meanings = [(entry["source_field"], found) for entry in vector["expected"] if (found := _meaning(entry))]
    if any(source for source, _ in meanings):
        options: dict[str, Any] = {"values": [{"pointer": source, **meaning} for source, meaning in meanings]}
        times = [entry["timestamp"] for entry in vector["expected"] if entry["timestamp"]]
        return "json", options | ({"time": found} if times and (found := _time_field(vector, parse(times[0]))) else {})
    if vector["expected"] or vector["expected_error"] is not None:
        return "number", meanings[0][1] if meanings else {}
    return None, {}


def _time_field(vector: Vector, time_us: int) -> dict[str, str] | None:
    """Where in the payload, and how, the time stands."""

    def search(value: object, path: str) -> Iterator[dict[str, str]]:
        if isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from search(inner, path + pointer(key))
        elif isinstance(value, str) and iso_instant(value) == time_us:
            yield {"pointer": path, "format": "iso8601"}
        else:
            for name, per_second in (("unix_s", 1), ("unix_ms", 10**3), ("unix_us", 10**6), ("unix_ns", 10**9)):
                if epoch_instant(value, per_second) == time_us:
                    yield {"pointer": path, "format": name}

    return next(search(read_json(_payload(vector)), ""), None)


def _meaning(entry: Vector) -> dict[str, Any] | None:
    name = next((name for name in _names(entry, several_phases=True) if name in QUANTITIES), None)
    return None if name is None or entry["unit"] == UNKNOWN else {"quantity": name, "unit": entry["source_unit"]}


def _payload(vector: Vector) -> bytes:
    text = vector.get("payload")
    return text.encode() if isinstance(text, str) else base64.b64decode(vector["payload_base64"])


def _received(vector: Vector) -> int:
    times = [entry["timestamp"] for entry in vector["expected"] if entry["timestamp"]]
    return parse(times[0] if times else "2030-01-01T00:00:00Z") + SECOND


def _difference(entry: Vector, result: Result | None, *, several_phases: bool) -> str | None:
    wanted = f"{entry['value']} {entry['unit']} {entry['quantity']}"
    if result is None:
        return f"missing, should be {wanted}"
    names = {UNKNOWN} if entry["unit"] == UNKNOWN else set(_names(entry, several_phases=several_phases))
    if result.quantity not in names:
        return f"is {result.quantity}, should be {' or '.join(sorted(names)) or entry['quantity']}"
    if abs(result.value - float(entry["value"])) > _RELATIVE_TOLERANCE * max(1.0, abs(result.value)):
        return f"is {result.value} {result.unit}, should be {wanted}"
    time_us = parse(entry["timestamp"]) if entry["timestamp"] else None
    if time_us is not None and not believable(time_us, time_us):
        time_us = None  # a clock that was never set: the moment of receipt counts
    return None if result.time_us == time_us else f"time is {result.time_us}, should be {time_us}"


def _names(entry: Vector, *, several_phases: bool) -> Iterator[str]:
    """Our names for a quantity of the vectors. Phase 1 of a single-phase device may go without its number."""
    quantity, phase, name = entry["quantity"], entry["phase"], entry["name"]
    exported = entry["direction"] == "export"
    match quantity:
        case "active_energy":
            tariff = {"tariff 1": "_t1", "tariff 2": "_t2"}.get(name or "", "")
            register = f"active_energy_{'export' if exported else 'import'}"
            yield register + tariff if register + tariff in QUANTITIES else register
        case "active_power" if exported:
            yield "active_power_export"
        case "active_power" if entry["direction"] == "import" and phase == "total":
            yield from ("active_power", "active_power_import")
        case "active_power" | "voltage" | "current" if phase in ("L1", "L2", "L3"):
            yield f"{quantity}_{phase.lower()}"
            if not several_phases and phase == "L1":
                yield quantity
        case "volume":
            yield _MEDIUM_VOLUMES.get(entry["medium"], "water_volume")
        case "temperature":
            yield _NAMED_TEMPERATURES.get(name or "", "temperature")
        case _:
            yield quantity
