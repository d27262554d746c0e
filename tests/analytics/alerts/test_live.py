"""Checks on live readings, and their words."""

import msgspec
import pytest

from analytics.alerts import live
from analytics.alerts.alert import Finding
from metering.estate import Device
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE, SECOND
from metering.quality import Quality
from metering.reading import Reading
from tests.analytics.alerts.conftest import DEVICES, ENGLISH, ESTATE, GERMAN, NOW, finding


def test_a_device_is_silent_when_its_patience_is_over_and_not_before() -> None:
    silence = live.Silence(factor=5, least_s=120, since_us=NOW)
    heard = {device.id: NOW for device in DEVICES[1:]}
    assert list(silence.silent(DEVICES, heard, NOW + 120 * SECOND)) == []
    later = {**heard, "d2": NOW + 60 * SECOND}
    silent = [device.id for device, _ in silence.silent(DEVICES, later, NOW + 121 * SECOND)]
    assert silent == ["d0", "d1", "d3", "d4", "d5"]


def test_after_a_restart_old_readings_are_no_silence() -> None:
    silence = live.Silence(factor=5, least_s=120, since_us=NOW)
    assert list(silence.silent(DEVICES, {"d0": NOW - DAY}, NOW + 60 * SECOND)) == []
    (device, last_us) = next(iter(silence.silent(DEVICES, {"d0": NOW - DAY}, NOW + 200 * SECOND)))
    assert (device.id, last_us) == ("d0", NOW - DAY)


def test_one_silent_device_is_named_and_half_of_them_have_one_cause() -> None:
    (alone,) = live.silence([(DEVICES[0], NOW)], DEVICES, NOW + HOUR, GERMAN)
    assert alone.title == "„Gerät 0“ ist verstummt"
    assert alone.explanation == "Zuletzt gehört 22.11.2026 03:00, erwartet alle 10 s."
    (common,) = live.silence([(device, NOW) for device in DEVICES[:3]], DEVICES, NOW + HOUR, ENGLISH)
    assert common.kind == "silent_many"
    assert common.severity is Severity.CRITICAL
    assert "Gerät 0, Gerät 1, Gerät 2" in common.explanation


def test_a_hundred_doubted_values_are_one_finding() -> None:
    stuck = [Reading("d1", "voltage_l1", 230.0, NOW + n * SECOND, Quality.SUSPECT, "stuck") for n in range(100)]
    others = [
        Reading("d2", "active_energy_import", 5.0, NOW, Quality.SUSPECT, "backwards"),
        Reading("d3", "active_power", 5.0, NOW, Quality.MEASURED, "confirmed"),
        Reading("unknown", "active_power", 5.0, NOW, Quality.SUSPECT, "range"),
    ]
    found = {f.cause: f for f, _ in live.doubts([*stuck, *others], ESTATE, GERMAN)}
    assert set(found) == {"d1:stuck", "d2:backwards"}
    assert found["d1:stuck"].title == "„Gerät 1“ steht fest"
    assert found["d1:stuck"].explanation.startswith("100 Werte von voltage_l1 seit 22.11.2026 03:00, zuletzt 230 V")
    assert (found["d1:stuck"].first_us, found["d1:stuck"].last_us) == (NOW, NOW + 99 * SECOND)


def test_a_phase_voltage_far_below_the_others_is_a_phase_loss() -> None:
    low = [Reading("d1", "voltage_l2", 3.0, NOW + n * SECOND, Quality.SUSPECT, "imbalance") for n in range(5)]
    ((found, _),) = live.doubts(low, ESTATE, GERMAN)
    assert (found.kind, found.cause, found.severity) == ("phase_loss", "d1:phase_loss", Severity.WARNING)
    assert found.title == "Phasenspannungen von „Gerät 1“ ungleich – Phase ausgefallen?"
    assert GERMAN.check_first(found.kind).startswith("Sicherungen und Ströme aller drei Phasen")


@pytest.mark.parametrize(
    ("duration", "german"),
    [(45 * SECOND, "45 s"), (3 * HOUR + 30 * MINUTE, "3 h 30"), (2 * HOUR, "2 h"), (3 * DAY, "3 Tagen")],
)
def test_durations_in_words(duration: int, german: str) -> None:
    assert GERMAN.duration(duration) == german


def test_the_time_of_week_is_local() -> None:
    assert GERMAN.weekly(NOW) == "sonntags um 03:00"
    assert ENGLISH.weekly(NOW) == "on Sundays at 03:00"
    assert GERMAN.number(1234.5) == "1.234"


def test_an_alert_can_be_sent_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(finding(NOW, NOW)), type=Finding) == finding(NOW, NOW)


def test_a_silent_gateway_is_named_in_the_words_of_the_installation() -> None:
    found = live.gateway_silence(NOW - HOUR, NOW, GERMAN)
    assert (found.kind, found.title, found.first_us) == ("gateway_down", "Das Gateway meldet sich nicht", NOW - HOUR)


def test_a_building_whose_devices_all_fell_silent_is_one_alert() -> None:
    here = [Device(f"h{n}", f"Hier {n}", 10.0, "school") for n in range(3)]
    there = [Device(f"t{n}", f"Dort {n}", 10.0, "pool") for n in range(9)]
    silent = [(device, NOW - n * MINUTE) for n, device in enumerate([*here, there[0]])]
    found = {f.cause: f for f in live.silence(silent, [*here, *there], NOW, GERMAN, {"school": "Schule"})}
    assert set(found) == {"school:silence", "t0:silence"}
    common = found["school:silence"]
    assert common.title == "Alle 3 Geräte in „Schule“ sind verstummt"
    assert (common.building, common.first_us, common.severity) == ("school", NOW - 2 * MINUTE, Severity.CRITICAL)
    some = list(live.silence(silent[1:], [*here, *there], NOW, GERMAN))
    assert [f.kind for f in some] == ["silent"] * 3, "one of its devices still speaks"


def test_false_alarms_make_it_patient() -> None:
    silence = live.Silence(factor=5, least_s=120, since_us=NOW)
    later = NOW + 200 * SECOND
    wrong = {("d0", "silent"): 0.5}
    assert "d0" not in [device.id for device, _ in silence.silent(DEVICES, {}, later, wrong)]
    assert "d0" in [device.id for device, _ in silence.silent(DEVICES, {}, NOW + 250 * SECOND, wrong)]
    doubted = [Reading("d1", "voltage_l1", 1e5, NOW + n, Quality.SUSPECT, "range") for n in range(4)]
    less = {("d1", "range"): 0.25}
    assert list(live.doubts(doubted[:3], ESTATE, GERMAN, less)) == []
    assert len(list(live.doubts(doubted, ESTATE, GERMAN, less))) == 1
