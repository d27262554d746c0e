"""The status as Prometheus metrics, read when they are asked for."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.status import CollectorState, GatewayStatus

_PREFIX = "leitwarte_gateway"


class StatusMetrics(Collector):
    """Turns what ``status`` returns into metrics, all named ``leitwarte_gateway_…``."""

    def __init__(self, status: Callable[[], GatewayStatus]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        status = self._status()
        yield _counter("readings_received", "Readings taken over durably.", status.received)
        yield _counter("readings_stored", "Readings written to the store.", status.stored)
        yield _counters("readings_rejected", "Readings set aside.", "reason", status.rejected)
        yield _counters("readings_thinned", "Readings left out while the outbox was full.", "reason", status.thinned)
        yield _counters("readings_suspect", "Readings taken over but doubted.", "reason", status.suspect)
        yield _counter("readings_confirmed", "Readings whose doubt was lifted.", status.confirmed)
        yield _counter("dead_letters", "Messages that could not be decoded.", status.dead_letters)
        yield _counter("quarantine_dropped", "Rejected readings and dead letters dropped.", status.quarantine_dropped)
        yield _gauge("outbox_readings", "Readings waiting for the store.", status.queued)
        yield _gauge("outbox_readings_at_start", "Readings an earlier process left waiting.", status.queued_at_start)
        yield _gauge("outbox_bytes", "Bytes of the outbox on disk.", status.outbox_bytes)
        yield _gauge("outbox_max_bytes", "Bytes at which collectors have to wait.", status.outbox_max_bytes)
        yield _gauge("outbox_full", "1 while collectors have to wait.", status.outbox_full)
        yield _counter("outbox_damaged", "Pieces of damaged bytes set aside.", status.damaged)
        yield _gauge("store_up", "1 while the store takes readings.", status.store.failing_since_us is None)
        yield _gauge("store_lag_seconds", "Waiting time of the reading to be stored next.", status.store.lag_s)
        yield _gauge("ready", "1 if there are no problems.", status.ready)
        yield _gauges(
            "devices", "Devices by state.", "state", {str(state): number for state, number in status.devices.items()}
        )
        running = {one.name: one.state is CollectorState.RUNNING for one in status.collectors}
        yield _gauges("collector_up", "1 while the collector runs.", "collector", running)
        restarts = {one.name: one.restarts for one in status.collectors}
        yield _counters("collector_restarts", "Starts after the first.", "collector", restarts)


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
