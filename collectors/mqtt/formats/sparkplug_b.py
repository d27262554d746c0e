"""Sparkplug B: births name the metrics, data messages may only give their aliases, deaths end it.

Sparkplug 3.0 (https://sparkplug.eclipse.org/specification/). Births are not retained, so after each connection the edge
node is asked for them (NCMD ``Node Control/Rebirth``); that is the only thing published.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import Field

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Request
from collectors.mqtt.formats._point_names import meaning
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import DecodeError, epoch_instant
from collectors.mqtt.sparkplug import DataType, Metric, Payload, number, read, write
from metering.strict import Strict

NAMESPACE = "spBv1.0"
_OF_NODES, _OF_DEVICES = ("NBIRTH", "NDATA", "NDEATH"), ("DBIRTH", "DDATA", "DDEATH")
_GOOD = 192  # the property Quality, as in OPC


class SparkplugOptions(Strict):
    metrics: dict[str, Meaning] = Field(default_factory=dict)
    """Metrics by name, e.g. Meter/P_total. If given, no other is read; if not, those with a telling name and unit."""
    rebirth: bool = True
    """Whether the edge node may be asked for its births; without, values under an alias wait for the next birth."""


class Place(NamedTuple):
    """Where a message comes from; ``device`` is "" for the edge node itself."""

    kind: str
    group: str
    node: str
    device: str


class Definition(NamedTuple):
    """What a birth says about a metric."""

    name: str
    datatype: int
    unit: str | None


class SparkplugB(Format[SparkplugOptions]):
    """The device's topic is ``spBv1.0/<group>/<edge node>``, with ``/<device>`` for a device behind the edge node."""

    name = "sparkplug_b"
    remembers = True
    Options = SparkplugOptions

    def __init__(self, topic: str, options: SparkplugOptions) -> None:
        super().__init__(topic, options)
        levels = topic.split("/")
        if levels[0] != NAMESPACE or len(levels) not in (3, 4):
            raise ValueError(f"topic {topic!r} is not {NAMESPACE}/<group>/<edge node> or {NAMESPACE}/…/<device>")
        self._group, self._node = levels[1:3]
        self._device = "".join(levels[3:])
        self._session = Session()
        self._known: dict[int | str, Definition] = {}

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        place = _place(topic)
        if place is not None:
            return "/".join(filter(None, (NAMESPACE, place.group, place.node, place.device)))
        return topic if topic.startswith(f"{NAMESPACE}/STATE/") else None

    def subscriptions(self) -> tuple[str, ...]:
        """Those of the whole edge node, since its messages are numbered through."""
        base = f"{NAMESPACE}/{self._group}"
        nodes = (f"{base}/{kind}/{self._node}" for kind in _OF_NODES)
        return (*nodes, *(f"{base}/{kind}/{self._node}/+" for kind in _OF_DEVICES))

    def decode(self, message: Message) -> Decoded:
        place = _place(message.topic)
        if place is None or place.kind not in (*_OF_NODES, *_OF_DEVICES):
            return Decoded()
        payload = read(message.payload)
        is_own = place.device == self._device
        if place.kind == "NDEATH":
            self._session.end(payload)
            return Decoded(offline="offline: its edge node's last will (NDEATH)")
        problem = self._session.follow(place.kind, payload)
        harvest = Harvest(refused=[problem] if problem else [])
        if place.kind == "NBIRTH":
            self._known.clear()
        if is_own and place.kind.endswith("BIRTH"):
            self._known = dict(_definitions(payload))
        if is_own and place.kind != "DDEATH":
            self._take(harvest, payload)
        in_doubt = bool(harvest.refused) or not self._session.is_born or (is_own and not self._known)
        return Decoded(
            harvest.values,
            harvest.refused,
            "offline, says its edge node (DDEATH)" if is_own and place.kind == "DDEATH" else None,
            self._rebirth(message) if in_doubt and self.options.rebirth else None,
        )

    def _take(self, harvest: Harvest, payload: Payload) -> None:
        for metric in payload.metrics:
            known = self._known.get(metric.name or (-1 if metric.alias is None else metric.alias))
            if known is None and not metric.name:
                harvest.refused.append(f"alias {metric.alias} has no name: the birth that gives it was not heard")
                continue
            name = known.name if known else metric.name
            datatype = metric.datatype or (known.datatype if known else DataType.UNKNOWN)
            configured = self.options.metrics.get(name)
            unit = _unit(metric) or (known.unit if known else None)
            found = (configured.quantity, configured.unit) if configured else meaning(name, unit)
            value = number(metric.value, datatype)
            if found is None or value is None or (self.options.metrics and not configured) or not _is_good(metric):
                continue
            harvest.time_us = epoch_instant(payload.time_ms if metric.time_ms is None else metric.time_ms, 1000)
            source = f"metric {name}" if metric.name else f"alias {metric.alias}"
            harvest.add(found[0], configured.scaled(value) if configured else value, found[1], source)

    def _rebirth(self, message: Message) -> Request:
        now_ms = message.received_us // 1000
        order = Metric("Node Control/Rebirth", time_ms=now_ms, datatype=DataType.BOOLEAN, value=True)
        return Request(f"{NAMESPACE}/{self._group}/NCMD/{self._node}", write(Payload(now_ms, metrics=(order,))))


class Session:
    """From one birth of the edge node to its death: ``seq`` counts its messages, ``bdSeq`` its births."""

    def __init__(self) -> None:
        self._birth: int | None = None
        self._seq: int | None = None

    @property
    def is_born(self) -> bool:
        """Whether every message since the birth was heard."""
        return self._seq is not None

    def follow(self, kind: str, payload: Payload) -> str | None:
        """What is wrong with the message's place in the session. Without a birth nothing is known, so nothing is."""
        if kind == "NBIRTH":
            self._birth, self._seq = _birth_number(payload), payload.seq or 0
            return None
        if self._seq is None or payload.seq is None:
            return None
        due = (self._seq + 1) % 256
        if payload.seq == due:
            self._seq = due
            return None
        self._seq = None
        return f"sequence number {payload.seq} where {due} is due: messages before this one are missing"

    def end(self, payload: Payload) -> None:
        """Raises DecodeError for the death of an earlier session, which a broker may tell when the next has begun."""
        number = _birth_number(payload)
        if self._birth is not None and number is not None and number != self._birth:
            raise DecodeError(f"NDEATH of session {number}, while {self._birth} is alive: ignored")
        self._birth = self._seq = None


def _place(topic: str) -> Place | None:
    """None for the state of a host application, and for topics of others."""
    match topic.split("/"):
        case [namespace, group, kind, node, *device] if namespace == NAMESPACE and group and node and len(device) < 2:
            return Place(kind, group, node, "".join(device))
    return None


def _definitions(payload: Payload) -> Iterator[tuple[int | str, Definition]]:
    for metric in payload.metrics:
        definition = Definition(metric.name, metric.datatype or DataType.UNKNOWN, _unit(metric))
        yield metric.name, definition
        if metric.alias is not None:
            yield metric.alias, definition


def _unit(metric: Metric) -> str | None:
    """By custom; the specification has no unit."""
    unit = metric.properties.get("engUnit", metric.properties.get("Engineering Units"))
    return unit if isinstance(unit, str) and unit else None


def _is_good(metric: Metric) -> bool:
    return metric.properties.get("Quality", _GOOD) == _GOOD


def _birth_number(payload: Payload) -> int | None:
    metric = payload.metric("bdSeq")
    return metric.value if metric is not None and isinstance(metric.value, int) else None
