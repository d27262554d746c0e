"""Faults change what they should, nothing else, and the ground truth says so."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.device import SimDevice
from device_sim.faults.fault import FOR_EVER, instant
from device_sim.faults.scenario import Scenario, Truth, load_scenario, scenarios, write_truth
from device_sim.misspeaking import ModbusFault, MqttFault, misspeaking
from device_sim.town import Town
from metering.instant import DAY, HOUR, MINUTE, SECOND, Window, isoformat, parse
from metering.quantities import QUANTITIES, Kind
from metering.samples import Floats, Int64s

NOW = parse("2026-11-22T12:00:11.5Z")  # a Sunday
START = NOW - 9 * DAY
SOUND = Town(1, START)
TIMES = np.sort(
    np.concatenate([np.arange(START, NOW + 10 * MINUTE, 20 * MINUTE), np.arange(NOW, NOW + 3 * MINUTE, SECOND)])
)


def spoiled(*faults: dict[str, object]) -> Town:
    return Town(1, START, Scenario.model_validate({"faults": faults}).place(NOW))


def device(town: Town, id_: str) -> SimDevice:
    return next(device for device in town.devices if device.id == id_)


def show(town: Town, id_: str, times: Int64s = TIMES) -> dict[str, Floats]:
    return device(town, id_).at(times)


RIGHT = {device.id: device.at(TIMES) for device in SOUND.devices}


def differing(town: Town) -> dict[str, Int64s]:
    """Devices that show anything else than in the sound town, and when."""
    found = {}
    for wrong in town.devices:
        ours, theirs = wrong.at(TIMES), RIGHT[wrong.id]
        hits = [~((ours[name] == theirs[name]) | (np.isnan(ours[name]) & np.isnan(theirs[name]))) for name in ours]
        if np.any(hits):
            found[wrong.id] = TIMES[np.any(hits, axis=0)]
    return found


CASES = [
    ({"kind": "stuck", "devices": ["townhall-it"]}, {"townhall-it"}),
    ({"kind": "silent", "devices": ["pool-main"]}, {"pool-main"}),
    ({"kind": "gap", "devices": ["school-room-101"]}, {"school-room-101"}),
    ({"kind": "spike", "devices": ["townhall-heat"]}, {"townhall-heat"}),
    ({"kind": "unit_error", "devices": ["school-water"]}, {"school-water"}),
    ({"kind": "register_backwards", "devices": ["pool-main"], "by": 3.0}, {"pool-main"}),
    ({"kind": "register_reset", "devices": ["kita-gas"]}, {"kita-gas"}),
    ({"kind": "phase_loss", "devices": ["pool-filtration"], "phase": 1}, {"pool-filtration"}),
    ({"kind": "drift", "devices": ["pool-filtration"], "reaches": 1.5, "days": 2}, {"pool-filtration"}),
    ({"kind": "leak", "loads": ["school-water/taps"], "m3_per_h": 0.4}, {"school-water"}),
    ({"kind": "base_load", "loads": ["pool-filtration/pumps"], "kw": 5}, {"pool-filtration", "pool-main"}),
    (
        {"kind": "weekend_op", "loads": ["townhall-ventilation/fans"]},
        {"townhall-ventilation", "townhall-main"},
    ),
    ({"kind": "pv_string", "loads": ["school-pv/string-2"]}, {"school-pv", "school-main"}),
]


@pytest.mark.parametrize(("fault", "hit"), CASES, ids=[str(fault["kind"]) for fault, _ in CASES])
def test_a_fault_hits_what_the_truth_says_and_nothing_else(fault: dict[str, object], hit: set[str]) -> None:
    town = spoiled({**fault, "begin": "-36h", "end": "-30min"})
    found = differing(town)
    assert found.keys() == hit
    begin, end = NOW - 36 * HOUR, NOW - 30 * MINUTE
    for times in found.values():
        assert times.min() >= begin - MINUTE
    [record] = town.truth()
    assert record.kind == fault["kind"]
    assert record.device in hit
    assert abs(parse(record.start) - begin) < MINUTE
    assert record.end is not None
    assert abs(parse(record.end) - end) < MINUTE
    assert set(record.meters) == {meter.id for meter in SOUND.estate.meters.values() if meter.device in hit}
    after = TIMES[end + MINUTE < TIMES]
    for id_ in hit:  # when it is over, what is shown of the moment is right again
        wrong, right = show(town, id_, after), show(SOUND, id_, after)
        for name in wrong:
            if QUANTITIES[name].kind is not Kind.REGISTER:
                np.testing.assert_array_equal(wrong[name], right[name])


def test_stuck_freezes_every_value_to_the_microsecond() -> None:
    town = spoiled({"kind": "stuck", "devices": ["townhall-it"], "begin": "+20s"})
    times = np.array([NOW + 20 * SECOND - 1, NOW + 20 * SECOND, NOW + HOUR, NOW + DAY])
    wrong, right = show(town, "townhall-it", times), show(SOUND, "townhall-it", times)
    for name in wrong:
        assert wrong[name][0] == right[name][0]
        assert (wrong[name][1:] == right[name][1]).all()


def test_silence_is_no_value() -> None:
    town = spoiled({"kind": "gap", "devices": ["school-main"], "begin": "+30s", "end": "+40s"})
    times = np.array([NOW + 29 * SECOND, NOW + 30 * SECOND, NOW + 40 * SECOND - 1, NOW + 40 * SECOND])
    for values in show(town, "school-main", times).values():
        assert np.isnan(values).tolist() == [False, True, True, False]


def test_a_leak_runs_through_the_register() -> None:
    town = spoiled({"kind": "leak", "loads": ["school-water/taps"], "m3_per_h": 0.3, "begin": "-24h"})
    night = Window(parse("2026-11-22T01:00Z"), parse("2026-11-22T04:00Z"))
    ends = np.array([night.start_us, night.end_us])
    wrong, right = (show(one, "school-water", ends)["water_volume"] for one in (town, SOUND))
    assert np.diff(wrong)[0] - np.diff(right)[0] == pytest.approx(0.9, abs=0.0021)
    leaked = [one.consumption("school-water.supply", night) for one in (town, SOUND)]
    assert leaked[0] - leaked[1] == pytest.approx(0.9, abs=1e-9)


def test_a_base_load_runs_at_nights_and_weekends_and_shows_in_the_parent() -> None:
    town = spoiled({"kind": "base_load", "loads": ["townhall-ventilation/fans"], "kw": 6.0, "begin": "-8d"})
    night, day = (
        Window(parse("2026-11-18T00:00Z"), parse("2026-11-18T03:00Z")),
        Window(parse("2026-11-18T09:00Z"), parse("2026-11-18T12:00Z")),
    )
    for meter in ("townhall-ventilation.submeter", "townhall-main.supply"):
        assert town.consumption(meter, night) - SOUND.consumption(meter, night) == pytest.approx(18, abs=1e-4)
        assert town.consumption(meter, day) == SOUND.consumption(meter, day)


@pytest.mark.parametrize(("local_hour", "extra"), [(5, 6), (6, 0), (19, 0), (20, 6)])
def test_the_night_of_a_base_load_is_from_20_to_6(local_hour: int, extra: float) -> None:
    town = spoiled({"kind": "base_load", "loads": ["townhall-ventilation/fans"], "kw": 6.0, "begin": "-8d"})
    begin = parse("2026-11-18T00:00:00+01:00") + local_hour * HOUR
    window, meter = Window(begin, begin + HOUR), "townhall-ventilation.submeter"
    assert town.consumption(meter, window) - SOUND.consumption(meter, window) == pytest.approx(extra, abs=1e-4)


def test_weekend_operation_makes_saturday_a_working_day() -> None:
    town = spoiled({"kind": "weekend_op", "loads": ["townhall-ventilation/fans"], "begin": "-8d"})
    saturday = Window(parse("2026-11-21T09:00Z"), parse("2026-11-21T12:00Z"))
    friday = Window(saturday.start_us - DAY, saturday.end_us - DAY)
    meter = "townhall-ventilation.submeter"
    assert SOUND.consumption(meter, saturday) < 0.2 * SOUND.consumption(meter, friday)
    assert town.consumption(meter, saturday) == pytest.approx(SOUND.consumption(meter, friday), rel=0.3)
    assert town.consumption(meter, friday) == SOUND.consumption(meter, friday)


def test_a_lost_string_is_bought_instead() -> None:
    town = spoiled({"kind": "pv_string", "loads": ["school-pv/string-2"], "begin": "-8d"})
    window = Window(NOW - 7 * DAY, NOW)

    def balance(one: Town) -> float:
        supply, feed_in = (one.consumption(f"school-main.{role}", window) for role in ("supply", "feed_in"))
        return supply - feed_in + one.consumption("school-pv.generation", window)

    assert balance(town) == pytest.approx(balance(SOUND), abs=1e-6)
    lost = SOUND.load_consumption("school-pv/string-2", window)
    assert lost < -5
    generated = [one.consumption("school-pv.generation", window) for one in (town, SOUND)]
    assert generated[0] - generated[1] == pytest.approx(lost, abs=1e-6)


def test_phase_loss_takes_a_phase_from_power_and_register() -> None:
    town = spoiled({"kind": "phase_loss", "devices": ["pool-filtration"], "phase": 2, "begin": "-2d"})
    times = np.arange(NOW - DAY, NOW, MINUTE)
    wrong, right = show(town, "pool-filtration", times), show(SOUND, "pool-filtration", times)
    for name in ("voltage_l2", "current_l2", "active_power_l2"):
        assert (wrong[name] == 0).all()
    for name in ("active_power_l1", "active_power_l3"):
        np.testing.assert_allclose(wrong[name], right[name], atol=0.31)
    np.testing.assert_allclose(wrong["active_power"], right["active_power"] - right["active_power_l2"], atol=0.31)
    counted = wrong["active_energy_import"][-1] - wrong["active_energy_import"][0]
    assert counted == pytest.approx(wrong["active_power"][:-1].sum() / 60 / 1000, abs=0.02)
    meter, window = "pool-filtration.submeter", Window(NOW - DAY, NOW)
    assert town.consumption(meter, window) == SOUND.consumption(meter, window)  # what flows is as ever


def test_drift_grows_to_its_gain() -> None:
    town = spoiled({"kind": "drift", "devices": ["pool-main"], "begin": "-4d", "reaches": 1.4, "days": 2})
    times = np.array([NOW - 4 * DAY - HOUR, NOW - 3 * DAY, NOW - 2 * DAY + HOUR, NOW - HOUR])
    ratio = show(town, "pool-main", times)["active_power"] / show(SOUND, "pool-main", times)["active_power"]
    np.testing.assert_allclose(ratio, [1, 1.2, 1.4, 1.4], rtol=2e-3)


def test_registers_go_backwards_and_begin_again() -> None:
    times = np.array([NOW - 1, NOW, NOW + HOUR])
    right = show(SOUND, "pool-main", times)["active_energy_import"]
    back = spoiled({"kind": "register_backwards", "devices": ["pool-main"], "by": 7.5, "begin": "+0s"})
    np.testing.assert_allclose(show(back, "pool-main", times)["active_energy_import"], right - [0, 7.5, 7.5])
    new = spoiled({"kind": "register_reset", "devices": ["pool-main"], "to": 0.5, "begin": "+0s"})
    expected = [right[0], 0.5, right[2] - right[1] + 0.5]
    np.testing.assert_allclose(show(new, "pool-main", times)["active_energy_import"], expected)


def test_faults_of_one_device_add_up() -> None:
    town = spoiled(
        {"kind": "register_backwards", "devices": ["pool-main"], "by": 7.5, "begin": "+0s"},
        {"kind": "unit_error", "devices": ["pool-main"], "factor": 10, "begin": "+0s"},
    )
    times = np.array([NOW + HOUR])
    right = show(SOUND, "pool-main", times)["active_energy_import"]
    np.testing.assert_allclose(show(town, "pool-main", times)["active_energy_import"], 10 * (right - 7.5))


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_fits_the_town(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.description
    town = Town(1, NOW - 60 * DAY, scenario.place(NOW))
    assert len(town.truth()) >= len(scenario.faults)


def test_the_demo_is_wrong_where_the_truth_says(tmp_path: Path) -> None:
    town = Town(1, START, load_scenario("demo").place(NOW))
    file = tmp_path / "truth.jsonl"
    write_truth(file, town.truth())
    records = [msgspec.json.decode(line, type=Truth) for line in file.read_bytes().splitlines()]
    assert records == town.truth()
    found = differing(town)
    meters = town.estate.meters
    told = {record.device for record in records} | {meters[id_].device for record in records for id_ in record.meters}
    assert found.keys() == told
    for id_, times in found.items():
        begins = [
            parse(record.start)
            for record in records
            if record.device == id_ or any(meters[meter].device == id_ for meter in record.meters)
        ]
        assert times.min() >= min(begins)


@settings(max_examples=50)
@given(seconds=st.integers(-(10**7), 10**7))
def test_instants_relative_and_absolute(seconds: int) -> None:
    assert instant(f"{seconds:+d}s", NOW) == NOW + seconds * SECOND
    assert instant(isoformat(NOW + seconds * SECOND), 0) == NOW + seconds * SECOND
    assert instant(f"{seconds:+d}.5h", 0) == seconds * HOUR + (HOUR // 2 if seconds >= 0 else -HOUR // 2)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "stuck", "devices": ["nobody"], "begin": "+1s"}, "hits 'nobody'"),
        ({"kind": "leak", "loads": ["school-water"], "m3_per_h": 1, "begin": "+1s"}, "hits 'school-water'"),
        ({"kind": "phase_loss", "devices": ["school-water"], "begin": "-1h"}, "no phases"),
        ({"kind": "stuck", "devices": ["pool-main"], "begin": "20s"}, "neither relative"),
        ({"kind": "stuck", "devices": ["pool-main"], "begin": "2026-11-22T10:00:00"}, "offset"),
        ({"kind": "stuck", "devices": ["pool-main"], "begin": "+2s", "end": "+1s"}, "ends"),
        ({"kind": "stuck", "devices": ["pool-main"], "begin": "+2s", "factor": 3}, "factor"),
        ({"kind": "sticky", "devices": ["pool-main"], "begin": "+2s"}, "kind"),
    ],
)
def test_wrong_scenarios_are_refused(fault: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spoiled(fault)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no scenario 'nothing'; known: demo"):
        load_scenario("nothing")
    file = tmp_path / "mine.yaml"
    file.write_text("faults:\n  - { kind: leak, loads: [x/y], begin: -3d }\n", "utf-8")
    with pytest.raises(ValueError, match=r"mine\.yaml: faults\.0\.leak\.m3_per_h: Field required"):
        load_scenario(str(file))
    file.write_text("faults: [", "utf-8")
    with pytest.raises(ValueError, match=r"mine\.yaml: no valid YAML"):
        load_scenario(str(file))


def test_a_fault_without_end_lasts() -> None:
    [placed] = Scenario.model_validate(
        {"faults": [{"kind": "leak", "loads": ["a/b"], "begin": "+0s", "m3_per_h": 1}]}
    ).place(NOW)
    assert placed.window == Window(NOW - NOW % MINUTE, FOR_EVER)


def test_a_scenario_names_faults_of_the_protocol() -> None:
    faults: list[dict[str, object]] = [
        {"kind": "modbus", "fault": "half_open", "devices": ["townhall-it"], "begin": "+10s", "end": "+20s"},
        {"kind": "mqtt", "fault": "deep", "devices": ["school-room-101"], "begin": "+5s"},
    ]
    town = spoiled(*faults)
    (spell,) = device(town, "townhall-it").link.spells
    assert spell.window == Window(NOW + 10 * SECOND, NOW + 20 * SECOND)
    assert misspeaking([spell], ModbusFault, NOW + 15 * SECOND) is ModbusFault.HALF_OPEN
    assert misspeaking([spell], ModbusFault, NOW + 20 * SECOND) is None
    assert misspeaking([spell], MqttFault, NOW + 15 * SECOND) is None
    assert device(town, "pool-main").link.spells == ()
    assert differing(town) == {}, "what they measure is right"
    assert [(entry.kind, entry.device, entry.parameters) for entry in town.truth()] == [
        ("modbus", "townhall-it", {"fault": "half_open"}),
        ("mqtt", "school-room-101", {"fault": "deep"}),
    ]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "mqtt", "fault": "deep", "devices": ["townhall-it"]}, "a deep fault cannot hit 'townhall-it'"),
        ({"kind": "modbus", "fault": "late", "devices": ["school-room-101"]}, "cannot hit 'school-room-101'"),
        ({"kind": "modbus", "fault": "deep", "devices": ["townhall-it"]}, "Input should be 'silent', 'half_open'"),
        ({"kind": "mqtt", "fault": "empty", "devices": ["nobody"]}, "a mqtt fault hits 'nobody'"),
    ],
)
def test_a_protocol_fault_must_fit_its_device(fault: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spoiled({"begin": "+0s", **fault})
