"""Formats whose names or units are somebody's choice: what is read by convention, what only by the options."""

from typing import Any

import pytest

from collectors.mqtt.decode import decode
from collectors.mqtt.format import Message
from collectors.mqtt.formats._point_names import meaning
from collectors.mqtt.listener import Heard, Listener
from collectors.mqtt.payload import DecodeError
from collectors.mqtt.settings import MqttDevice
from metering.instant import parse

NOW = parse("2026-03-01T12:00:00Z")


def listener(kind: str, topic: str, part: str = "", **options: Any) -> Listener:
    fields = {"id": "it", "format": kind, "topic": topic, "part": part, "options": options}
    return Listener(MqttDevice.model_validate(fields))


def said(heard: Heard) -> dict[str, float]:
    return {reading.quantity: reading.value for reading in heard.readings}


def hear(listening: Listener, topic: str, payload: str, *, retained: bool = False) -> dict[str, float]:
    return said(listening.hear(Message(topic, payload.encode(), NOW, retained)))


@pytest.mark.parametrize(
    ("name", "unit", "wanted"),
    [
        ("Meter/P_total", "W", ("active_power", "W")),
        ("Meter/P_L2", "kW", ("active_power_l2", "kW")),
        ("Meter/E_import", "Wh", ("active_energy_import", "Wh")),
        ("Meter/E_import_T2", "kWh", ("active_energy_import_t2", "kWh")),
        ("Zähler/Wärmeenergie", "MWh", ("heat_energy", "MWh")),
        ("Wärmepumpe/E", "kWh", None),
        ("Heatpump/P", "kW", None),
        ("Gas/E", "kWh", None),
        ("Waerme/E", "MWh", ("heat_energy", "MWh")),
        ("Kälte E", "MWh", ("cooling_energy", "MWh")),
        ("Einspeisung", "kWh", ("active_energy_export", "kWh")),
        ("PV/Ertrag", "kWh", ("active_energy_generation", "kWh")),
        ("PV/Ertrag heute", "kWh", None),
        ("P_max", "W", None),
        ("E_L1", "kWh", None),
        ("U_L1_L2", "V", None),
        ("SupplyVoltage", None, ("voltage", "V")),
        ("Battery voltage", "mV", ("battery_voltage", "mV")),
        ("Vorlauf", "°C", ("flow_temperature", "°C")),
        ("T_return", "°C", ("return_temperature", "°C")),
        ("flow-return difference", "K", None),
        ("Aussentemperatur", "°C", ("outdoor_temperature", "°C")),
        ("Gas volume", "m³", ("gas_volume", "m³")),
        ("volume", "m³", None),
        ("Warmwasser", "m³", ("hot_water_volume", "m³")),
        ("pipe pressure", "bar", None),
        ("humidity", "%", ("humidity", "%")),
        ("valve", "%", None),
        ("power", None, None),
        ("energy", None, None),
        ("state", "furlong", None),
    ],
)
def test_names_of_points(name: str, unit: str | None, wanted: tuple[str, str] | None) -> None:
    assert meaning(name, unit) == wanted


def test_homie_5_is_read_with_its_description() -> None:
    heat = listener("homie", "homie/5/heat")
    assert hear(heat, "homie/5/heat/meter/power", "1.5") == {}, "power has no unit that goes without saying"
    description = """{"homie":"5.0","version":7,"nodes":{"meter":{"properties":{
        "power":{"datatype":"float","unit":"kW"},"flow-temperature":{"datatype":"float","unit":"°C"},
        "mode":{"datatype":"enum","unit":"kW"}}}}}"""
    assert hear(heat, "homie/5/heat/$description", description, retained=True) == {}
    assert hear(heat, "homie/5/heat/meter/power", "1.5") == {"active_power": 1500}
    assert hear(heat, "homie/5/heat/meter/flow-temperature", "71.5") == {"flow_temperature": 71.5}
    assert hear(heat, "homie/5/heat/meter/mode", "eco") == {}
    assert hear(heat, "homie/5/heat/meter/power/set", "9") == {}
    assert hear(heat, "homie/5/heat/meter/power/$target", "9") == {}
    assert hear(heat, "homie/5/heat/meter/power", "1.5", retained=True) == {}
    for text in ("", "NaN", "1,5"):
        with pytest.raises(DecodeError):
            hear(heat, "homie/5/heat/meter/power", text)
    lost = heat.hear(Message("homie/5/heat/$state", b"lost", NOW))
    assert lost.offline == "offline, says Homie (lost)"


def test_homie_4_has_a_topic_for_each_attribute() -> None:
    meter = listener("homie", "homie/meter")
    hear(meter, "homie/meter/grid/power/$unit", "W")
    hear(meter, "homie/meter/grid/power/$datatype", "float")
    assert hear(meter, "homie/meter/grid/power", "-36") == {"active_power": -36}
    assert decode("homie/meter/grid/voltage", b"230.1", NOW).results[0][:3] == ("homie/meter", "voltage", 230.1)


def test_vzlogger_reads_the_configured_channels_of_one_kind() -> None:
    channels = {
        "chn0": {"quantity": "active_energy_import", "unit": "Wh"},
        "chn1": {"quantity": "active_power", "unit": "W"},
    }
    meter = listener("vzlogger", "vzlogger/data", channels=channels)
    assert meter.subscriptions() == ("vzlogger/data/chn0/raw", "vzlogger/data/chn1/raw")
    assert hear(meter, "vzlogger/data/chn0/raw", "50913.538000") == {"active_energy_import": 50.913538}
    assert hear(meter, "vzlogger/data/chn0/agg", "50913.538000") == {}
    assert hear(meter, "vzlogger/data/chn7/raw", "50913.538000") == {}
    with pytest.raises(DecodeError):
        hear(meter, "vzlogger/data/chn1/raw", '{"timestamp":1}')


def test_a_vzlogger_channel_tells_its_name_beside_its_values() -> None:
    for last, payload in (("id", b"1-0:1.8.0"), ("uuid", b"a8da012a-9eb4-49ed-b7f3-38c95142a90c")):
        assert decode(f"vzlogger/data/chn1/{last}", payload, NOW).results == []


def test_lines_are_chosen_by_measurement_and_tags_and_one_bad_line_costs_itself() -> None:
    field = {
        "measurement": "inverter",
        "field": "p",
        "tags": {"host": "roof"},
        "quantity": "active_power",
        "unit": "kW",
    }
    lines = (
        'inverter,host=roof p=1.5,note="a, b=c \\"d\\"",ok=t 1772366340000\n'
        "inverter,host=cellar p=9 1772366340000\n"
        "inverter,host=roof p=9223372036854775808i\n"
        "inverter,host=roof p= 7\r\n"
        "# comment\n\n"
        "other,host=roof p=8"
    )
    heard = listener("influx_line", "lp", fields=[field], precision="ms").hear(Message("lp", lines.encode(), NOW))
    assert said(heard) == {"active_power": 1500}
    assert heard.readings[0].time_us == 1772366340000000
    assert [problem.split(":")[0] for problem in heard.refused] == ["line 3", "line 4"]


def test_a_line_of_backslashes_is_refused_in_no_time() -> None:
    with pytest.raises(DecodeError):
        decode("lp", b"\\a" * 50_000 + b"=", NOW, "influx_line")


def test_lorawan_names_are_read_and_ambiguous_ones_only_by_the_options() -> None:
    topic, event = "application/a/device/0102", "application/a/device/0102/event/up"
    payload = '{"time":"2026-03-01T11:00:00+00:00","object":{"temperature":16.3,"water":480700,"battery":3.6,"ILL":1}}'
    assert hear(listener("chirpstack", topic), event, payload) == {"temperature": 16.3}
    water = listener("chirpstack", topic, keys={"/water": {"quantity": "water_volume", "unit": "l"}})
    assert hear(water, event, payload) == {"water_volume": 480.7}
    version_3 = '{"rxInfo":[{"time":null},{"time":"2026-03-01T11:00:00Z"}],"object":{"humidity":50}}'
    (reading,) = listener("chirpstack", topic).hear(Message(event, version_3.encode(), NOW)).readings
    assert reading.time_us == parse("2026-03-01T11:00:00Z")


def test_a_probe_on_a_cable_is_a_part_and_none_without_the_probe() -> None:
    topic = "v3/a@t/devices/d"
    decoded = '{"TempC_SHT":14.65,"TempC_DS":13.18}'
    payload = f'{{"uplink_message":{{"decoded_payload":{decoded},"received_at":"0001-01-01T00:00:00Z"}}}}'
    assert hear(listener("tts", topic), topic + "/up", payload) == {"temperature": 14.65}
    assert hear(listener("tts", topic, "external"), topic + "/up", payload) == {"temperature": 13.18}
    assert hear(listener("tts", topic, "external"), topic + "/up", payload.replace("13.18", "327.67")) == {}


def test_defined_units_come_before_the_makers_words_and_simulations_never() -> None:
    topic = "v3/a@t/devices/d"
    uplink = (
        '"uplink_message":{"decoded_payload":{"temperature":212},"normalized_payload":[{"air":{"temperature":100}}]}'
    )
    assert hear(listener("tts", topic), topic + "/up", f"{{{uplink}}}") == {"temperature": 100}
    assert hear(listener("tts", topic), topic + "/up", f'{{{uplink},"simulated":true}}') == {}


def test_without_options_the_numbers_are_shown_and_not_named() -> None:
    shown = [
        decode("some/topic", b" 290.00\n", NOW, "number"),
        decode("vz/chn1/agg", b'{"timestamp": 1752348271769, "value": 5}', NOW),
        decode("lp", b"cpu,host=a value=42,n=7i", NOW),
        decode("some/topic", b'{"a/b":[1,true,{"c":2.5}],"d":"3"}', NOW, "json"),
    ]
    assert [[(result.device, result.value, result.source) for result in decoding.results] for decoding in shown] == [
        [("some/topic", 290.0, "")],
        [("vz/chn1", 5.0, "/value")],
        [("lp/cpu.value", 42.0, "line 1: value"), ("lp/cpu.n", 7.0, "line 1: n")],
        [("some/topic/a~1b/0", 1.0, "/a~1b/0"), ("some/topic/a~1b/2/c", 2.5, "/a~1b/2/c")],
    ]
    assert {(result.quantity, result.unit) for decoding in shown for result in decoding.results} == {
        ("unknown", "unknown")
    }
    with pytest.raises(ValueError, match="unit"):
        decode("some/topic", b"1", NOW, "number", {"quantity": "active_power"})
