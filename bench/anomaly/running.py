"""What the running system says of the simulated town's faults beside the score: gateway, silence, several series.

The gateway's checks see twice a minute what the device shows from two hours before the fault to two hours after its
begin. The checks over several series look once a day.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from analytics.alerts import live
from analytics.alerts.alert import Finding
from analytics.alerts.wording import Wording
from analytics.anomaly.curve import LoadCurve
from analytics.checks.look import Look
from analytics.checks.settings import CheckSettings
from analytics.settings import AnalyticsSettings
from device_sim.device import SimDevice
from device_sim.faults.scenario import Truth
from gateway.plausibility.judge import Plausibility
from gateway.settings import GatewaySettings
from metering.estate import Estate, Meter
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, SECOND, Window
from metering.localtime import LocalCalendar
from metering.reading import Reading
from metering.samples import Int64s
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

_WORDING = Wording("en", LocalCalendar())
_EVERY_US = 30 * SECOND
_NEARLY_US = 2 * HOUR
_CHECKED_DAYS = 60
_KNOWN_DAYS = 40  # before them
_AFTERMATH_US = 2 * DAY
_WEATHER = ("irradiance", "outdoor_temperature")


class Said(NamedTuple):
    """A kind of alert, and how long after the fault's begin it was told, µs."""

    kind: str
    after_us: int


def live_alerts(device: SimDevice, estate: Estate, begin_us: int) -> Iterator[Said]:
    """What the gateway's checks and the watch for silent devices say of a fault that begins then."""
    options, patience = GatewaySettings(), AnalyticsSettings()
    checks = Plausibility([device.id], options.stuck_after_s, options.future_tolerance_s)
    times: Int64s = np.arange(begin_us - _NEARLY_US, begin_us + _NEARLY_US, _EVERY_US, dtype=np.int64)
    shown = device.at(times)
    doubted, heard_us = [], 0
    for place, time_us in enumerate(times.tolist()):
        readings = [
            Reading(device.id, name, float(values[place]), time_us)
            for name, values in shown.items()
            if np.isfinite(values[place])
        ]
        heard_us = time_us if readings else heard_us
        doubted += [reading for reading in checks.judge(readings, time_us).accepted if time_us >= begin_us]
    for found, _ in live.doubts(doubted, estate, _WORDING):
        yield Said(found.kind, found.first_us - begin_us)
    watch = live.Silence(patience.silent_factor, patience.silent_after_s, int(times[0]))
    for _ in watch.silent([estate.devices[device.id]], {device.id: heard_us}, int(times[-1])):
        yield Said("silent", heard_us - begin_us)


async def checked(
    curves: Sequence[tuple[Meter, LoadCurve]], weather: SimDevice, estate: Estate, now_us: int
) -> list[tuple[int, Finding]]:
    """What the checks over several series say on each of the last days, and when."""
    begin_us = now_us - (_CHECKED_DAYS + _KNOWN_DAYS) * DAY
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(EmbeddedSettings(path=Path(folder) / "store.duckdb"))
        await store.start()
        try:
            for meter, curve in curves:
                await store.write(list(_results(meter, curve, begin_us)))
            times: Int64s = np.arange(begin_us, now_us, QUARTER_HOUR, dtype=np.int64)
            shown = weather.at(times)
            for name in _WEATHER:
                rows = zip(times.tolist(), shown[name].tolist(), strict=True)
                await store.write([Reading(weather.id, name, value, time_us) for time_us, value in rows])
            look = Look(store, estate, CheckSettings(), weather.id, QUARTER_HOUR, _WORDING)
            days = [now_us - day * DAY for day in reversed(range(_CHECKED_DAYS))]
            return [(day_us, found) for day_us in days for found in await look.all(day_us)]
        finally:
            await store.close()


def of_fault(truth: Truth, window: Window, findings: Iterable[tuple[int, Finding]], estate: Estate) -> Iterator[Said]:
    """What of these findings is about the fault, each kind once: at its meters and above, until two days after."""
    told = set()
    subjects = {*truth.meters, *(estate.meters[meter].parent for meter in truth.meters)}
    for at_us, found in findings:
        is_then = window.start_us < at_us <= window.end_us + _AFTERMATH_US
        if is_then and found.subject in subjects and found.kind not in told:
            told.add(found.kind)
            yield Said(found.kind, at_us - window.start_us)


def in_words(said: Iterable[Said]) -> str:
    """Such as ``phase_loss 1 min, balance 3 d``."""
    return ", ".join(f"{one.kind} {_duration(max(one.after_us, 0))}" for one in said) or "–"


def _duration(after_us: int) -> str:
    return f"{after_us / DAY:.0f} d" if after_us >= DAY else f"{after_us / MINUTE:.0f} min"


def _results(meter: Meter, curve: LoadCurve, begin_us: int) -> Iterator[Reading]:
    known = np.flatnonzero(np.isfinite(curve.values) & (curve.start_us >= begin_us))
    for time_us, value in zip(curve.start_us[known].tolist(), curve.values[known].tolist(), strict=True):
        yield Reading(meter.id, "consumption", value, time_us)
        yield Reading(meter.id, "completeness", 1.0, time_us)
