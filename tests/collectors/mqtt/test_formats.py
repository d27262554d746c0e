"""The payload formats: published payloads, hostile payloads, and the rules that all formats share."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.mqtt.decode import decode
from collectors.mqtt.format import Message
from collectors.mqtt.formats import formats, recognise
from collectors.mqtt.formats._sml_names import guess
from collectors.mqtt.listener import Listener
from collectors.mqtt.payload import DecodeError, as_number, epoch_instant, local_instant, text_number
from collectors.mqtt.settings import MqttDevice
from collectors.mqtt.vectors import FAMILIES, load, run
from metering.instant import MINUTE, SECOND, parse
from metering.reading import Reading

VECTORS = Path(__file__).parents[3].parent / "shared" / "data" / "vectors" / "dev_mqtt.json"
NOW = parse("2026-03-01T12:00:00Z")

needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="the published vectors are not beside this checkout")

POWER = {"quantity": "active_power", "unit": "kW"}
OPTIONS: dict[str, dict[str, Any]] = {
    "json": {"values": [{"pointer": "/a/0", **POWER}]},
    "number": POWER,
    "vzlogger": {"channels": {"chn0": POWER}},
    "influx_line": {"fields": [{"measurement": "cpu", "field": "value", **POWER}]},
}
TAILS = "SENSOR LWT availability events/rpc status/em:0 power info emeter/0/total event/up event/status up chn0/raw"
TAILS = ["", *(f"/{tail}" for tail in f"{TAILS} $description $state node/power NBIRTH NDATA NDEATH".split())]
NODE = "spBv1.0/works/edge1"


def device(kind: str, topic: str = "", part: str = "", **options: Any) -> MqttDevice:
    topic = topic or (NODE if kind == "sparkplug_b" else "some/device")
    fields = {"id": "it", "format": kind, "topic": topic, "part": part, "options": options or OPTIONS.get(kind, {})}
    return MqttDevice.model_validate(fields)


def readings(hearing: MqttDevice, topic: str, payload: str, *, retained: bool = False) -> list[Reading]:
    return list(Listener(hearing).hear(Message(topic, payload.encode(), NOW, retained)).readings)


def values(hearing: MqttDevice, topic: str, payload: str) -> Mapping[str, float]:
    return {reading.quantity: reading.value for reading in readings(hearing, topic, payload)}


@needs_vectors
def test_every_published_payload_of_the_known_families_is_read_right() -> None:
    report = run(load(VECTORS))
    assert report.differences == []
    assert report.right == report.checks > 300
    assert FAMILIES.keys() - {"homie", "chirpstack_v3"} <= report.by_family.keys()


@needs_vectors
def test_a_wrong_value_in_a_vector_is_found() -> None:
    (vector,) = (vector for vector in load(VECTORS) if vector["id"] == "sh2-3em-em0")
    wrong = {**vector, "expected": [{**entry, "value": entry["value"] + 1} for entry in vector["expected"]]}
    report = run([wrong])
    assert report.right < report.checks
    assert any("should be" in difference for difference in report.differences)


@needs_vectors
def test_payloads_are_recognised_without_being_told_the_format() -> None:
    for vector in load(VECTORS):
        payload = vector["payload"].encode() if "payload" in vector else b""
        found = recognise(vector["topic"], payload)
        assert (found[0] if found else None) == FAMILIES.get(vector["family"]), vector["id"]


@needs_vectors
def test_metadata_is_no_value() -> None:
    (vector,) = (vector for vector in load(VECTORS) if vector["id"] == "ha-discovery")
    assert run([vector]).differences == []
    assert run([{**vector, "family": "new"}]).differences == []


def entry(
    source: str, quantity: str, value: float, unit: str, timestamp: str | None = None, **more: Any
) -> dict[str, Any]:
    blank = {"phase": None, "direction": None, "medium": None, "name": None, "required": True, "source_unit": unit}
    said = {"source_field": source, "quantity": quantity, "value": value, "unit": unit, "timestamp": timestamp}
    return {**blank, **said, **more}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (  # Z-Wave JS UI
            '{"time":1735906853203,"value":3.395}',
            entry("/value", "active_power", 3.395, "W", "2025-01-03T12:20:53.203Z"),
        ),
        (  # SenML of LwM2M; object 3303 is a temperature
            '[{"bn":"urn:oma:lwm2m:ext:3303","bt":1677079794,"n":"0"},{"n":"5700","v":-4.5}]',
            entry("/1/v", "temperature", -4.5, "°C", "2023-02-22T15:29:54Z"),
        ),
        (  # a reader of Kamstrup 402 meters, which does not say that it means GJ
            '{"energy": 227.445, "volume": 2131.935}',
            entry("/energy", "heat_energy", 63179.166666667, "kWh", source_unit="GJ"),
        ),
    ],
)
def test_a_family_without_a_format_is_configured(payload: str, expected: dict[str, Any]) -> None:
    vector = {"id": "it", "family": "new", "topic": "a/b", "payload": payload, "expected": [expected]}
    report = run([{**vector, "expected_error": None, "must_not_emit": [], "context": None}])
    assert (report.differences, report.right) == ([], 1)


def _json(tree: object) -> bytes:
    return json.dumps(tree).encode()


WORDS = (
    "ENERGY StatusSNS SML Total_in Time Epoch TempUnit Temperature Power params ts em:0 switch:0 devicepower:0 battery"
)
WORDS += (
    " aenergy ret_aenergy total voltage last_seen a object time rxInfo temperature timestamp value uplink_message air"
)
WORDS += " decoded_payload normalized_payload received_at nodes properties unit batteryLevel"
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=250, deadline=None)
@given(tail=st.sampled_from(TAILS), payload=st.binary(max_size=30) | TREES.map(_json))
def test_no_payload_makes_a_decoder_fail_otherwise_than_by_decode_error(tail: str, payload: bytes) -> None:
    for kind in formats():
        topic = {"tasmota": f"tele/some/device{tail}", "sparkplug_b": f"spBv1.0/works{tail}/edge1"}.get(kind)
        decoder = device(kind).decoder()
        try:
            decoded = decoder.decode(Message(topic or f"some/device{tail}", payload, NOW))
        except DecodeError:
            continue
        except Exception as defect:
            raise AssertionError(f"{kind} failed") from defect
        assert all(isinstance(value.value, float | int) and abs(value.value) < float("inf") for value in decoded.values)


@pytest.mark.parametrize("kind", formats())
@pytest.mark.parametrize("payload", [b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b" " * 1_000_000, b"{}{}"])
def test_hostile_payloads_are_decode_errors(kind: str, payload: bytes) -> None:
    topics = {
        "tasmota": "tele/some/device/SENSOR",
        "shelly_gen1": "some/device/info",
        "chirpstack": "some/device/event/up",
        "vzlogger": "some/device/chn0/raw",
        "homie": "some/device/$description",
        "sparkplug_b": "spBv1.0/works/NDATA/edge1",
    }
    try:
        decoded = device(kind).decoder().decode(Message(topics.get(kind, "some/device"), payload, NOW))
    except DecodeError:
        return
    assert decoded.refused, "a format of several lines refuses the lines"
    assert not decoded.values


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "Infinity", "-inf", "", "unavailable", "null", "23,5", "1_000", "0x1F", "١"]
)
def test_texts_that_are_no_numbers(text: str) -> None:
    assert text_number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_written_out_is_read_back(number: float) -> None:
    assert text_number(repr(number)) == number


def test_truth_is_no_number_and_neither_is_what_no_float_holds() -> None:
    assert [as_number(value) for value in (True, None, "1", 10**400)] == [None] * 4


def test_an_unset_or_wrong_clock_does_not_count() -> None:
    plug = device("zigbee2mqtt", "zigbee2mqtt/plug")
    for last_seen, taken in [
        ("2026-03-01T11:59:00Z", True),
        ("2026-03-01T12:09:00+00:00", True),
        ("2026-03-01T13:00:00Z", False),
        ("1970-01-01T00:00:01Z", False),
        ("2026-03-01T11:59:00", False),
    ]:
        (reading,) = readings(plug, "zigbee2mqtt/plug", f'{{"power":1,"last_seen":"{last_seen}"}}')
        assert reading.device_time is taken, last_seen
        assert reading.time_us == (parse(last_seen) if taken else NOW)


def test_epoch_times_are_exact() -> None:
    assert epoch_instant(1652345678123456789, 10**9) == 1652345678123456
    assert epoch_instant(1788820998.37, 1) == 1788820998370000
    assert epoch_instant(True, 1) is None


def test_local_time_counts_only_where_it_names_one_instant() -> None:
    assert local_instant("2026-01-21T11:07:31", "Europe/Berlin") == parse("2026-01-21T11:07:31+01:00")
    assert local_instant("2024-10-27T02:30:00", "Europe/Berlin") is None  # occurs twice
    assert local_instant("2024-03-31T02:30:00", "Europe/Berlin") is None  # never occurs
    meter = device("tasmota", "meter", timezone="Europe/Berlin")
    (reading,) = readings(meter, "tele/meter/SENSOR", '{"Time":"2026-02-28T12:00:00","ENERGY":{"Power":5}}')
    assert reading.time_us == parse("2026-02-28T12:00:00+01:00")


def test_retained_values_are_kept_only_with_a_time_of_their_own() -> None:
    plug = device("shelly_gen2", "plug")
    assert readings(plug, "plug/status/switch:0", '{"apower":5}', retained=True) == []
    said = f'{{"method":"NotifyStatus","params":{{"ts":{NOW / SECOND - 60},"switch:0":{{"apower":5}}}}}}'
    (reading,) = readings(plug, "plug/events/rpc", said, retained=True)
    assert reading.time_us == NOW - MINUTE


def test_one_device_for_each_part() -> None:
    payload = '{"HTU21":{"Temperature":20.7,"Humidity":58.5},"BMP280":{"Temperature":21.6,"Pressure":1020.3}}'
    topic = "tele/t/SENSOR"
    assert values(device("tasmota", "t", part="BMP280"), topic, payload) == {"temperature": 21.6, "pressure": 1020.3}
    heard = Listener(device("tasmota", "t")).hear(Message(topic, payload.encode(), NOW))
    assert {reading.quantity for reading in heard.readings} == {"humidity", "pressure"}
    assert [problem.split(":")[0] for problem in heard.refused] == [
        "temperature comes from several parts (HTU21, BMP280)"
    ]


def test_a_second_channel_never_mixes_with_the_first() -> None:
    said = '{"params":{"switch:1":{"apower":7.0}}}'
    assert values(device("shelly_gen2", "p"), "p/events/rpc", said) == {}
    assert values(device("shelly_gen2", "p", part="1"), "p/events/rpc", said) == {"active_power": 7.0}


def test_shelly_import_is_what_is_left_when_the_export_is_taken_off() -> None:
    listener = Listener(device("shelly_gen2", "p"))

    def hear(status: str) -> dict[str, float]:
        message = Message("p/status/switch:0", status.encode(), NOW)
        return {reading.quantity: reading.value for reading in listener.hear(message).readings}

    both = hear('{"aenergy":{"total":1500.5},"ret_aenergy":{"total":500.25}}')
    assert both == {"active_energy_import": 1.00025, "active_energy_export": 0.50025}
    assert hear('{"aenergy":{"total":1500.6}}') == {}, "the export at that moment is not known"


def test_a_gen1_counter_has_the_unit_of_its_kind() -> None:
    outlet, meter = device("shelly_gen1", "shellies/x"), device("shelly_gen1", "shellies/shellyem3-1")
    assert values(outlet, "shellies/x/relay/0/energy", "60000") == {"active_energy_import": 1.0}
    assert values(outlet, "shellies/x/relay/1/energy", "60000") == {}
    assert values(outlet, "shellies/x/emeter/0/total", "1000") == {"active_energy_import": 1.0}
    assert values(outlet, "shellies/x/temperature_f", "72.1") == values(outlet, "shellies/x/temperature", "22.3") == {}
    assert values(meter, "shellies/shellyem3-1/emeter/2/power", "-7.5") == {"active_power_l3": -7.5}
    with pytest.raises(DecodeError, match="not a number"):
        values(outlet, "shellies/x/relay/0/power", "nan")


def test_a_component_of_thousands_of_digits_is_none_of_a_gen1_device() -> None:
    outlet = device("shelly_gen1", "shellies/x")
    assert values(outlet, f"shellies/x/relay/{'9' * 5000}/power", "5") == {}


def test_a_heat_meter_s_volume_is_no_water_consumption() -> None:
    telegram = (
        '{"media":"heat","meter":"kamheat","id":"1","total_energy_consumption_kwh":44,"target_energy_kwh":40,'
        '"total_volume_m3":0.99,"power_kw":"1.900","t1_temperature_c":-2147483648,"timestamp":"1111-11-11T11:11:11Z"}'
    )
    assert values(device("wmbusmeters", "w/1"), "w/1", telegram) == {"heat_energy": 44, "heat_power": 1900}
    assert values(device("wmbusmeters", "w/1", part="circuit"), "w/1", telegram) == {"water_volume": 0.99}


def test_zigbee_voltage_is_mains_or_battery() -> None:
    plug = device("zigbee2mqtt", "zigbee2mqtt/x")
    assert values(plug, "zigbee2mqtt/x", '{"voltage":239.1,"power":1}') == {"voltage": 239.1, "active_power": 1}
    assert values(plug, "zigbee2mqtt/x", '{"voltage":3000,"battery":90}') == {"battery_voltage": 3.0, "battery": 90}
    assert values(plug, "zigbee2mqtt/x", '{"voltage":2985}') == {"battery_voltage": 2.985}


def test_configured_sml_keys_replace_the_conventions() -> None:
    keys = {"/SML/Total_in": {"quantity": "active_energy_import", "unit": "Wh"}}
    meter = device("tasmota", "m", keys=keys)
    assert values(meter, "tele/m/SENSOR", '{"SML":{"Total_in":34507476,"Power_curr":5}}') == {
        "active_energy_import": 34507.476
    }


@pytest.mark.parametrize(
    ("key", "meaning"),
    [
        ("Total_in", ("active_energy_import", "kWh")),
        ("Total_in_T1", ("active_energy_import_t1", "kWh")),
        ("E_out", ("active_energy_export", "kWh")),
        ("Einspeisung", ("active_energy_export", "kWh")),
        ("total_wh", ("active_energy_import", "Wh")),
        ("Leistung_L2", ("active_power_l2", "W")),
        ("Power_p3", ("active_power_l3", "W")),
        ("Spannung_L1", ("voltage_l1", "V")),
        ("Strom_L1", ("current_l1", "A")),
        ("Verbrauch_aktuell", ("active_power", "W")),
        ("Meter_number", None),
        ("Verbrauch_HT", None),
        ("Verbrauch_heute", None),
        ("phase_angle_L2_L1", None),
        ("Total_power", None),
        ("Count", None),
    ],
)
def test_conventions_of_meter_scripts(key: str, meaning: tuple[str, str] | None) -> None:
    assert guess(key) == meaning


def test_json_reads_the_listed_fields_and_no_other() -> None:
    meter = device(
        "json",
        values=[
            {"pointer": "/m/p~1q", "quantity": "active_power", "unit": "kW", "factor": 0.1},
            {"pointer": "/list/1", "quantity": "temperature", "unit": "F"},
            {"pointer": "/text", "quantity": "humidity", "unit": "%", "text": True},
            {"pointer": "/cos", "quantity": "power_factor", "unit": "%"},
        ],
        time={"pointer": "/t", "format": "unix_ms"},
    )
    payload = f'{{"m":{{"p/q":25}},"list":[1,71.06],"text":" 44.5 ","cos":95,"other":7,"t":{NOW // 1000 - 5}}}'
    heard = readings(meter, "some/device", payload)
    assert {reading.quantity: reading.value for reading in heard} == {
        "active_power": 2500.0,
        "temperature": pytest.approx(21.7),
        "humidity": 44.5,
        "power_factor": 0.95,
    }
    assert {reading.time_us for reading in heard} == {NOW - 5000}


def test_a_refused_field_costs_only_itself() -> None:
    heard = Listener(device("zigbee2mqtt", "z/x")).hear(Message("z/x", b'{"power":"23,5","voltage":230}', NOW))
    assert [reading.quantity for reading in heard.readings] == ["voltage"]
    assert heard.refused == ("/power is '23,5', not a number",)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": "tasmotta"}, ["'it'", "unknown payload format 'tasmotta'", "tasmota"]),
        ({"format": "tasmota", "options": {"fulltopic": "x"}}, ["'it'", "tasmota", "fulltopic"]),
        ({"format": "tasmota", "options": {"timezone": "Berlin"}}, ["'it'", "timezone", "Europe/Berlin"]),
        ({"format": "json"}, ["'it'", "values"]),
        (
            {"format": "json", "options": {"values": [{"pointer": "/p", "quantity": "power", "unit": "W"}]}},
            ["'it'", "values.0", "unknown quantity 'power'"],
        ),
        (
            {"format": "json", "options": {"values": [{"pointer": "/p", "quantity": "voltage", "unit": "kWh"}]}},
            ["'it'", "values.0", "'kWh'"],
        ),
    ],
)
def test_settings_errors_name_device_and_option(fields: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the words are checked below
        MqttDevice.model_validate({"id": "it", "topic": "t", **fields})
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("topic", ["", "a/#", "a/+/b", "$SYS/broker"])
def test_a_device_has_one_topic(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        MqttDevice.model_validate({"id": "it", "format": "tasmota", "topic": topic})


def test_decoding_on_the_command_line_needs_no_settings() -> None:
    payload = b'{"DS18B20-1":{"Id":"00000566CC39","Temperature":13.3},"TempUnit":"C"}'
    decoding = decode("tele/cellar/SENSOR", payload, NOW)
    assert decoding.format == "tasmota"
    assert [
        (result.device, result.quantity, result.value, result.unit, result.time_us) for result in decoding.results
    ] == [("cellar/DS18B20-1", "temperature", 13.3, "°C", None)]
    with pytest.raises(DecodeError, match="no format recognises"):
        decode("some/topic", b'{"temperature":1}', NOW)
    with pytest.raises(ValueError, match="unknown payload format"):
        decode("some/topic", b"1", NOW, "nonsense")


def test_tasmota_tells_apparent_from_active_power_in_a_teleinfo_meter() -> None:
    meter = '{"METER":{"PH":1,"ISUB":30,"P":780,"W":702,"I":3.2,"U":236}}'
    expected = {"apparent_power": 780, "active_power": 702, "current": 3.2, "voltage": 236}
    assert values(device("tasmota", "tic"), "tele/tic/SENSOR", meter) == expected


def test_tasmota_with_an_array_of_one_channel() -> None:
    energy = '{"ENERGY":{"Total":7970.903,"Power":[780]}}'
    expected = {"active_energy_import": 7970.903, "active_power": 780}
    assert values(device("tasmota", "plug"), "tele/plug/SENSOR", energy) == expected


def test_sparkplug_topics_without_an_edge_node_are_nobodys() -> None:
    assert recognise("spBv1.0/town/DDEATH/", b"") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-0:1.8.1(000123.456*kWh)", {"active_energy_import_t1": 123.456}),
        (
            "/ISK5 1-0:1.8.0(005779.835*kWh) 1-0:2.8.0(1.0*kWh)",
            {"active_energy_import": 5779.835, "active_energy_export": 1},
        ),
        ("1-0:1.7.0(00.321*kW) 1-0:32.7.0(230.1*V)", {"active_power_import": 321, "voltage_l1": 230.1}),
        ("1-0:1.8.0(005779.835)", {}),  # without its unit
        ("1-0:1.8.0*1(005779.835*kWh)", {}),  # of a former period
        ("0-1:24.2.1(210204120000W)(00123.456*m3) 0-0:96.1.1(4530)", {}),  # gas, heat or water: it says elsewhere
        ("1-0:1.8.0(00.5.3*kWh) 1-0:1.7.0(5*kWh)", {}),
    ],
)
def test_tasmota_passes_on_a_meters_text(text: str, expected: Mapping[str, float]) -> None:
    payload = json.dumps({"SerialReceived": text})
    assert recognise("tele/dsmr/RESULT", payload.encode()) == ("tasmota", "dsmr")
    assert values(device("tasmota", "dsmr"), "tele/dsmr/RESULT", payload) == expected
    assert recognise("stat/dsmr/RESULT", b'{"POWER":"ON"}') is None
