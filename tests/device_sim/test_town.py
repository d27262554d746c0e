"""The town's balances, registers and plausibility."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.modbus.shelf import load_template
from collectors.mqtt.format import Message
from collectors.mqtt.formats import format_named
from device_sim.device import ModbusLink, MqttLink, SimDevice
from device_sim.mqtt.encoders import encoder
from device_sim.plan import TownPlan, town_plan
from device_sim.town import Town
from metering.estate import Carrier, Role
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, SECOND, Window, parse
from metering.quantities import QUANTITIES, Kind

START = parse("2026-10-10T00:00:42Z")  # in front of the day with 25 hours
END = START + 30 * DAY
TOWN = Town(1, START)
DEVICES = {device.id: device for device in TOWN.devices}
METERS = TOWN.estate.meters
TIMES = np.arange(TOWN.start_us, END, QUARTER_HOUR)

WINDOWS = st.tuples(st.integers(TOWN.start_us, END), st.integers(TOWN.start_us, END)).map(
    lambda ends: Window(min(ends), max(ends))
)
SLOW = settings(max_examples=25, deadline=None)


def register_difference(meter_id: str, window: Window) -> float:
    meter = METERS[meter_id]
    readings = DEVICES[meter.device].at(np.array([window.start_us, window.end_us]))[meter.register]
    return float(readings[1] - readings[0])


def loads_of(*devices: str) -> list[str]:
    return [load for load in TOWN.loads if load.partition("/")[0] in devices]


@SLOW
@given(window=WINDOWS)
def test_what_the_school_takes_is_what_its_parts_take(window: Window) -> None:
    parts = loads_of("school-main", "school-kitchen", "school-lighting", "school-server", "school-circulation")
    consumed = sum(TOWN.load_consumption(load, window) for load in parts)
    supply, feed_in = (TOWN.consumption(f"school-main.{role}", window) for role in (Role.SUPPLY, Role.FEED_IN))
    generation = TOWN.consumption("school-pv.generation", window)
    assert supply - feed_in + generation == pytest.approx(consumed, abs=1e-6)


@SLOW
@given(window=WINDOWS)
def test_submeters_and_the_rest_sum_to_the_main_meter(window: Window) -> None:
    for main in ("townhall-main", "pool-main", "depot-main", "waterworks-main"):
        children = [meter.id for meter in METERS.values() if meter.parent == f"{main}.supply"]
        assert children
        rest = sum(TOWN.load_consumption(load, window) for load in loads_of(main))
        parts = sum(TOWN.consumption(child, window) for child in children)
        assert TOWN.consumption(f"{main}.supply", window) == pytest.approx(rest + parts, abs=1e-6)


@SLOW
@given(window=WINDOWS)
def test_registers_count_what_flows_to_their_last_digit(window: Window) -> None:
    digits = {device.id: device.kind.digits for device in town_plan().devices}
    for id_, meter in METERS.items():
        resolution = 10.0 ** -digits[meter.device]
        assert register_difference(id_, window) == pytest.approx(
            TOWN.consumption(id_, window), abs=resolution + 1e-6
        ), id_


@SLOW
@given(window=WINDOWS, cut=st.floats(0, 1))
def test_consumption_adds_up_over_time(window: Window, cut: float) -> None:
    middle = window.start_us + round(cut * window.duration_us)
    for id_ in ("school-main.supply", "school-water.supply"):
        first = TOWN.consumption(id_, Window(window.start_us, middle))
        second = TOWN.consumption(id_, Window(middle, window.end_us))
        assert first + second == pytest.approx(TOWN.consumption(id_, window), abs=1e-9)


def test_registers_are_the_integral_of_the_power_shown() -> None:
    minutes = np.arange(TOWN.start_us, TOWN.start_us + 10 * DAY, MINUTE)
    window = Window(int(minutes[0]), int(minutes[-1]) + MINUTE)
    for meter in METERS.values():
        if meter.power is None:
            continue
        shown = DEVICES[meter.device].at(minutes)[meter.power]
        per_hour = shown / 1000 if QUANTITIES[meter.power].unit == "W" else shown
        assert per_hour.sum() / 60 == pytest.approx(register_difference(meter.id, window), rel=2e-4, abs=0.15), meter.id


@pytest.mark.parametrize("device", TOWN.devices, ids=lambda device: device.id)
def test_values_are_plausible_and_registers_never_fall(device: SimDevice) -> None:
    shown = device.at(TIMES)
    assert tuple(shown) == device.quantities
    for name, values in shown.items():
        quantity = QUANTITIES[name]
        assert len(values) == len(TIMES)
        assert np.isfinite(values).all(), name
        assert (values >= quantity.low).all(), name
        assert (values <= quantity.high).all(), name
        if quantity.kind is Kind.REGISTER:
            assert (np.diff(values) >= 0).all(), name
        elif quantity.kind is Kind.GAUGE and name not in ("frequency", "battery", "battery_voltage"):
            assert values.std() > 0, name


def test_registers_begin_at_the_readings_of_the_plan() -> None:
    for plan in town_plan().devices:
        if plan.roles:
            principal = plan.kind.registers[0]
            assert DEVICES[plan.id].at(np.array([TOWN.start_us]))[principal][0] == pytest.approx(plan.reading)
            assert plan.reading > 0


def test_three_phases_make_the_whole() -> None:
    for device in TOWN.devices:
        if "active_power_l1" not in device.quantities:
            continue
        shown = device.at(TIMES)
        parts = sum(shown[f"active_power_l{phase}"] for phase in (1, 2, 3))
        np.testing.assert_allclose(parts, shown["active_power"], atol=1e-6)
        if "power_factor" in shown:
            for phase in (1, 2, 3):
                apparent = shown[f"voltage_l{phase}"] * shown[f"current_l{phase}"]
                expected = np.abs(shown[f"active_power_l{phase}"] / shown["power_factor"])
                np.testing.assert_allclose(apparent, expected, rtol=2e-3, atol=1.0)


def test_import_and_export_are_split_by_the_minute() -> None:
    summer = Town(1, parse("2026-07-01T00:00Z"))
    main = next(device for device in summer.devices if device.id == "school-main")
    times = np.arange(summer.start_us, summer.start_us + 14 * DAY, MINUTE)
    shown = main.at(times)
    imported, exported = np.diff(shown["active_energy_import"]), np.diff(shown["active_energy_export"])
    assert exported.sum() > 1000
    assert imported.sum() > 100
    assert (np.minimum(imported, exported) < 0.0021).all()
    takes = shown["active_power"][:-1] > 100
    assert (exported[takes] == 0).all()


TWIN = Town(1, START)


@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(0, len(TOWN.devices) - 1),
    times=st.lists(st.integers(TOWN.start_us - DAY, END), min_size=1, max_size=8, unique=True),
)
def test_the_same_instant_always_shows_the_same(number: int, times: list[int]) -> None:
    together = TOWN.devices[number].at(np.array(sorted(times)))
    for time in times:  # in any order, one by one, in another town of the same seed
        alone = TWIN.devices[number].at(np.array([time]))
        for quantity, values in together.items():
            np.testing.assert_array_equal(alone[quantity][0], values[sorted(times).index(time)], quantity)


def test_seeds_make_different_towns() -> None:
    other = Town(2, START)
    window = Window(START, END)
    assert other.consumption("townhall-main.supply", window) != TOWN.consumption("townhall-main.supply", window)


def test_nothing_is_shown_before_the_town_begins() -> None:
    before = np.array([TOWN.start_us - 1, TOWN.start_us])
    for device in TOWN.devices:
        for values in device.at(before).values():
            assert np.isnan(values[0])
            assert np.isfinite(values[1])


@pytest.mark.parametrize(
    ("meter", "low", "high"),
    [  # kWh or m³ a year and m², German benchmarks (BMWK/BMI comparison values for public buildings), generous
        ("school-heat.supply", 40, 130),
        ("townhall-heat.supply", 30, 120),
        ("townhall-main.supply", 20, 70),
        ("school-water.supply", 0.05, 0.6),
        ("pool-main.supply", 80, 300),
        ("kita-gas.supply", 4, 16),
    ],
)
def test_a_year_is_what_such_buildings_need(meter: str, low: float, high: float) -> None:
    building = TOWN.estate.buildings[METERS[meter].building]
    assert building.floor_area_m2 is not None
    assert low < in_a_year(meter) / building.floor_area_m2 < high


def test_photovoltaics_yield_what_they_do_in_hesse() -> None:
    assert 700 < in_a_year("school-pv.generation") / 48.6 < 1250  # kWh for each kWp


def in_a_year(meter: str) -> float:
    """Estimated from every fourth week, which keeps the test short."""
    weeks = range(0, 52, 4)
    begins = [YEAR.start_us + week * 7 * DAY for week in weeks]
    consumed = sum(YEAR.consumption(meter, Window(begin, begin + 7 * DAY)) for begin in begins)
    return consumed / len(weeks) * 365 / 7


YEAR = Town(1, parse("2026-01-01T00:00Z"))


def test_working_hours_follow_the_clock_on_the_wall() -> None:
    """In the last week of October the offices start an hour later in UTC."""
    device = DEVICES["townhall-ventilation"]
    summer, winter = parse("2026-10-23T00:00Z"), parse("2026-10-30T00:00Z")

    def starts(day: int) -> int:
        minutes = np.arange(day, day + 12 * HOUR, MINUTE)
        power = device.at(minutes)["active_power"]
        return int(np.argmax(power > 5000))

    assert starts(winter) - starts(summer) == 60


def test_nights_weekends_and_breaks_are_quiet() -> None:
    def mean(load: str, begin: str, hours: int) -> float:
        start = parse(begin)
        return TOWN.load_consumption(load, Window(start, start + hours * HOUR)) / hours

    school_day = mean("school-main/classrooms", "2026-11-04T08:00:00+01:00", 6)
    assert mean("school-main/classrooms", "2026-11-04T23:00:00+01:00", 5) < 0.25 * school_day
    assert mean("school-main/classrooms", "2026-11-07T08:00:00+01:00", 6) < 0.25 * school_day
    assert mean("school-main/classrooms", "2026-10-14T08:00:00+02:00", 6) < 0.25 * school_day
    water = mean("school-water/taps", "2026-11-04T08:00:00+01:00", 6)
    assert mean("school-water/taps", "2026-11-05T01:00:00+01:00", 4) < 0.05 * water
    district = mean("zone-centre-inflow/district", "2026-11-04T07:00:00+01:00", 1)
    assert 0.1 < mean("zone-centre-inflow/district", "2026-11-05T02:00:00+01:00", 2) / district < 0.4


def test_every_device_says_all_it_measures_over_its_link() -> None:
    now = parse("2026-11-04T10:00:00Z")
    for device in TOWN.devices:
        values = {name: float(series[0]) for name, series in device.at(np.array([now])).items()}
        if isinstance(device.link, ModbusLink):
            template = load_template(device.link.template)
            blocks = [template.registers, *(model.registers for model in template.sunspec)]
            assert set(values) <= {register.quantity for block in blocks for register in block}
            continue
        link: MqttLink = device.link
        sent = encoder(link.format).encode(link.topic, values, now, link.options)
        kind = format_named(link.format)
        heard = kind(link.topic, kind.Options.model_validate(dict(link.options))).decode(
            Message(sent.topic, sent.payload, now)
        )
        assert not heard.refused
        assert {value.quantity for value in heard.values} == set(values)


def test_estate() -> None:
    estate = TOWN.estate
    assert 30 <= len(estate.devices) <= 45
    assert {meter.carrier for meter in METERS.values()} == set(Carrier)
    assert {meter.role for meter in METERS.values()} == set(Role)
    assert {building.usage for building in estate.buildings.values()} >= {"school", "office", "pool", "waterworks"}
    links = Counter(
        device.link.template if isinstance(device.link, ModbusLink) else device.link.format for device in TOWN.devices
    )
    assert links.keys() >= {"eastron/sdm630", "janitza/umg96rm", "sunspec/inverter", "keba/p30"}
    assert links.keys() >= {"tasmota", "shelly_gen2", "zigbee2mqtt", "json"}
    addresses = [(device.link.bus, device.link.unit) for device in TOWN.devices if isinstance(device.link, ModbusLink)]
    topics = [device.link.topic for device in TOWN.devices if isinstance(device.link, MqttLink)]
    assert len(set(addresses)) == len(addresses)
    assert len(set(topics)) == len(topics)
    for site in estate.sites.values():
        assert site.latitude == pytest.approx(50.1, abs=0.04)
        assert site.longitude == pytest.approx(8.78, abs=0.06)


def test_every_device_speaks_as_often_as_expected() -> None:
    for device in TOWN.devices:
        if isinstance(device.link, MqttLink):
            assert device.link.interval_s == TOWN.estate.devices[device.id].interval_s


def test_a_plan_must_fit_together() -> None:
    plan = {
        "id": "a",
        "name": "A",
        "latitude": 50.1,
        "longitude": 8.7,
        "buildings": [{"id": "b", "name": "B", "usage": "x", "devices": []}],
    }

    def with_device(**device: object) -> TownPlan:
        plan["buildings"][0]["devices"] = [{"id": "d", "name": "D", **device}]  # type: ignore[index]
        return TownPlan.model_validate({"sites": [plan]})

    assert with_device(model="eastron/sdm630", bus="x", unit=1).devices[0].id == "d"
    with pytest.raises(ValueError, match="d: a eastron/sdm630 needs unit"):
        with_device(model="eastron/sdm630", bus="x")
    with pytest.raises(ValueError, match="parent 'e' is not among"):
        with_device(model="eastron/sdm630", bus="x", unit=1, parent="e")
    with pytest.raises(ValueError, match="needs a room"):
        with_device(model="zigbee/climate", topic="x")


def test_live_values_move() -> None:
    main = DEVICES["townhall-main"]
    seconds = np.arange(START, START + MINUTE, SECOND)
    shown = main.at(seconds)
    assert len(np.unique(shown["voltage_l1"])) > 3
    assert (np.diff(shown["active_energy_import"]) > 0).any()
    assert TOWN.start_us == START - 42 * SECOND
