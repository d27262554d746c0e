"""The status as Prometheus metrics."""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.status import CollectorState, DeviceState, DeviceStatus, GatewayStatus
from metering.instant import SECOND

_PREFIX = "leitwarte_gateway"


class StatusMetrics(Collector):
    """Turns ``status`` and ``devices`` into metrics, all named ``leitwarte_gateway_…``."""

    def __init__(self, status: GatewayStatus, devices: Sequence[DeviceStatus]) -> None:
        self._status = status
        self._devices = devices

    def collect(self) -> Iterable[Metric]:
        status = self._status
        yield _counter("readings_received", "Readings taken over durably.", status.received)
        yield _counter("readings_stored", "Readings written to the store.", status.stored)
        yield _counters("readings_rejected", "Readings set aside.", "reason", status.rejected)
        yield _counters("readings_thinned", "Readings left out while the outbox was full.", "reason", status.thinned)
        yield _counters("readings_suspect", "Readings taken over but doubted.", "reason", status.suspect)
        yield _counter("readings_confirmed", "Readings whose doubt was lifted.", status.confirmed)
        yield _counter("dead_letters", "Messages that could not be decoded.", status.dead_letters)
        yield _counter("quarantine_dropped", "Rejected readings and dead letters dropped.", status.quarantine_dropped)
        yield _gauge("quarantine_bytes", "Bytes of the quarantine on disk.", status.quarantine_bytes)
        yield _gauge("outbox_readings", "Readings waiting for the store.", status.queued)
        yield _gauge("outbox_readings_at_start", "Readings an earlier process left waiting.", status.queued_at_start)
        yield _gauge("outbox_bytes", "Bytes of the outbox on disk.", status.outbox_bytes)
        yield _gauge("outbox_max_bytes", "Bytes at which collectors have to wait.", status.outbox_max_bytes)
        yield _gauge("outbox_full", "1 while collectors have to wait.", status.outbox_full)
        yield _counter("outbox_damaged", "Pieces of damaged bytes set aside.", status.damaged)
        yield _gauge("store_up", "1 while the store takes readings.", status.store.failing_since_us is None)
        yield _gauge("store_lag_seconds", "Waiting time of the reading to be stored next.", status.store.lag_s)
        yield _gauge("ready", "1 if there are no problems.", status.ready)
        if status.replicas:
            yield _gauge("replicas", "Gateways that share the connections.", len(status.replicas))
        yield _gauges(
            "devices", "Devices by state.", "state", {str(state): number for state, number in status.devices.items()}
        )
        running = {one.name: one.state is CollectorState.RUNNING for one in status.collectors}
        yield _gauges("collector_up", "1 while the collector runs.", "collector", running)
        restarts = {one.name: one.restarts for one in status.collectors}
        yield _counters("collector_restarts", "Starts after the first.", "collector", restarts)
        yield from _of_devices(self._devices)


def _of_devices(devices: Sequence[DeviceStatus]) -> Iterable[Metric]:
    states = GaugeMetricFamily(f"{_PREFIX}_device_state", "1 for the state it is in.", labels=["device", "state"])
    for device in devices:
        for state in DeviceState:
            states.add_metric([device.id, str(state)], device.state is state)
    yield states
    readings = {device.id: device.readings for device in devices}
    yield _counters("device_readings", "Readings taken over from the device.", "device", readings)
    failures = {device.id: device.failures for device in devices}
    yield _counters("device_failures", "Failed attempts to read the device.", "device", failures)
    heard = {device.id: device.heard_us / SECOND for device in devices if device.heard_us is not None}
    yield _gauges("device_heard_timestamp_seconds", "When the device was heard last.", "device", heard)


def _counter(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", documentation, value)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, value)


def _counters(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(CounterMetricFamily(f"{_PREFIX}_{name}", documentation, labels=[label]), values)


def _gauges(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(GaugeMetricFamily(f"{_PREFIX}_{name}", documentation, labels=[label]), values)


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]) -> Metric:
    for label, value in values.items():
        family.add_metric([label], value)
    return family
