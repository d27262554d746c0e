"""Every template in the folder loads, means what its examples say, and survives encoding; errors name the line."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.modbus.codec import DataType, Layout, decode, encode
from collectors.modbus.decoding import decode_words
from collectors.modbus.point import Part, Point, encode_points
from collectors.modbus.shelf import SHELF, TemplateError, also, load_template, read_template, template_ids
from collectors.modbus.sunspec import COMMON, COMMON_LENGTH, Model, chain
from collectors.modbus.template import Example, Pulses
from metering.quantities import QUANTITIES, Kind
from metering.units import conversion

EXAMPLES = [
    pytest.param(template_id, example, id=f"{template_id}-{number}")
    for template_id in template_ids()
    for number, example in enumerate(load_template(template_id).examples, 1)
]


def points_of(template_id: str) -> tuple[Point, ...]:
    template = load_template(template_id)
    if not template.is_sunspec:
        return template.points
    first = template.sunspec[0]
    return template.points_in([Model(first.models[0], 40069, first.length)])


def fullest(point: Point) -> float:
    """The highest value that the register of the point holds, with one left over for "no value"."""
    part = point.parts[0]
    if part.layout.type.is_float or point.exponent is not None or len(point.parts) > 1:
        return math.inf
    factor, offset = conversion(point.unit, QUANTITIES[point.quantity].unit)
    return (part.layout.type.limits[1] - 1) * float(part.scale) * factor + offset


@pytest.mark.parametrize(("template_id", "example"), EXAMPLES)
def test_example(template_id: str, example: Example) -> None:
    decoded = decode_words(template_id, example.words)
    assert {entry.quantity: entry.value for entry in decoded} == example.readings
    assert all(entry.unit == QUANTITIES[entry.quantity].unit for entry in decoded)


@pytest.mark.parametrize("template_id", template_ids())
def test_every_template_has_an_example(template_id: str) -> None:
    assert load_template(template_id).examples


@pytest.mark.parametrize("template_id", template_ids())
@settings(max_examples=20)
@given(data=st.data())
def test_what_is_encoded_is_decoded(template_id: str, data: st.DataObject) -> None:
    points = points_of(template_id)
    values = {
        point.quantity: data.draw(st.floats(max(low, -30e3), min(high, 30e3, fullest(point))), label=point.quantity)
        for point in points
        for low, high in [(QUANTITIES[point.quantity].low, QUANTITIES[point.quantity].high)]
    }
    image = encode_points(points, values)
    for point in points:
        part = point.parts[-1]
        factor, _ = conversion(point.unit, QUANTITIES[point.quantity].unit)
        exponent = 0 if point.exponent is None else decode([image[point.exponent]], Layout(DataType.I16))
        step = 0.0 if part.layout.type.is_float else abs(float(part.scale)) * factor * 10.0 ** (exponent or 0)
        decoded = point.value(image)
        expected = values[point.quantity]
        low = -math.inf if part.layout.type.is_float else part.layout.type.limits[0]
        if decoded is None:
            assert expected == pytest.approx(0, abs=step)  # SunSpec counters say "nothing counted" by 0
        elif low == 0 and expected < 0 and len(point.parts) == 1:
            assert decoded == 0
        else:
            assert decoded == pytest.approx(expected, rel=2e-7, abs=step + 1e-30)


@pytest.mark.parametrize("template_id", template_ids())
def test_the_fingerprint_fits_its_own_kind(template_id: str) -> None:
    template = load_template(template_id)
    middle = {name: (low + high) / 2 for name, (low, high) in template.fingerprint.items()}
    image = encode_points(points_of(template_id), middle)
    read = {point.quantity: point.value(image) for point in points_of(template_id)}
    assert template.fits({name: value for name, value in read.items() if value is not None})
    assert template.fingerprint or not any(point.quantity == "voltage_l1" for point in template.points)


@pytest.mark.parametrize(
    ("is_one", "read_as"),
    [
        ("eltako/dsz15dzmod", "eastron/sdm630"),  # same addresses, integers for floats
        ("eastron/sdm630", "eltako/dsz15dzmod"),
        ("carlo_gavazzi/em24", "carlo_gavazzi/em340"),  # frequency is where the other has a power factor
        ("carlo_gavazzi/em340", "carlo_gavazzi/em24"),
        ("siemens/pac2200", "eastron/sdm630"),
        ("siemens/7kt1665", "siemens/pac2200"),  # integers for floats again
        ("siemens/pac2200", "siemens/7kt1665"),
    ],
)
def test_the_fingerprint_tells_types_apart(is_one: str, read_as: str) -> None:
    points = points_of(is_one)
    values = {"frequency": 50.0, "power_factor": 0.95, "active_power": 3450.0}
    shown = {point.quantity: 230.5 if "voltage" in point.quantity else 5.0 for point in points} | values
    image = dict.fromkeys(range(0x60), 0) | encode_points(points, shown)
    template = load_template(read_as)
    read = {point.quantity: point.value(image) for point in template.points if point.addresses <= image.keys()}
    assert not template.fits({name: value for name, value in read.items() if value is not None})


def test_channels_are_one_step_apart() -> None:
    counter = load_template("saia/h104")
    assert [counter.of_channel(number).points[0].start for number in (1, 2, 3, 4)] == [27, 29, 31, 33]
    string = load_template("sunspec/mppt").of_channel(2)
    (power,) = [point for point in string.points_in([Model(160, 40253, 48)]) if point.quantity == "dc_power"]
    assert (power.parts[0].address, power.exponent) == (40253 + 41, 40253 + 4)
    assert load_template("sunspec/mppt").of_channel(3).points_in([Model(160, 40253, 48)]) == ()


def test_pulses_become_what_they_stand_for() -> None:
    pulses = Pulses(quantity="active_energy_import", unit="kWh", per_pulse=0.0005, start=1000.0)
    template = load_template("saia/h104").of_channel(3).counting(pulses)
    (point,) = template.points
    assert point.quantity == "active_energy_import"
    assert point.value({31: 13, 32: 60383}) == 1456.1755  # 456.2 kWh in the manual's example
    assert template.wraps == {"active_energy_import": 2**32 / 2000}


@pytest.mark.parametrize(
    ("pulses", "message"),
    [
        ({"quantity": "water_volume", "unit": "kWh", "per_pulse": 1}, "a value in 'kWh' cannot become 'm³'"),
        ({"quantity": "water", "unit": "l", "per_pulse": 1}, "unknown quantity 'water'"),
        ({"quantity": "active_power", "unit": "W", "per_pulse": 1}, "it is no counter"),
        ({"quantity": "water_volume", "unit": "l", "per_pulse": 0}, "greater than 0"),
    ],
)
def test_pulses_that_stand_for_nothing(pulses: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Pulses.model_validate(pulses)


FLOAT_METER = {"frequency": 50.01, "active_power": -3450.5, "voltage_l2": 231.25, "active_energy_import": 4711.25}


@pytest.mark.parametrize(("model", "length"), [(203, 105), (201, 105), (213, 124), (211, 124)])
def test_every_model_of_a_sunspec_meter(model: int, length: int) -> None:
    template = load_template("sunspec/meter")
    body = encode_points(template.points_in([Model(model, 0, length)]), FLOAT_METER)
    image = chain({COMMON: {}, model: body}, {COMMON: COMMON_LENGTH, model: length})
    words = {40000: [image[address] for address in sorted(image)]}
    decoded = {entry.quantity: entry.value for entry in decode_words("sunspec/meter", words)}
    assert decoded == pytest.approx(FLOAT_METER, abs=0.5)


@pytest.mark.parametrize("template_id", template_ids())
def test_no_value_is_encoded_so_that_none_is_decoded(template_id: str) -> None:
    points = points_of(template_id)
    image = encode_points(points, {point.quantity: math.nan for point in points})
    assert [point.value(image) for point in points] == [None] * len(points)


@pytest.mark.parametrize("template_id", ["keba/p30", "sunspec/inverter"])
def test_a_counter_rolls_over_at_the_width_of_its_register(template_id: str) -> None:
    (counter,) = [point for point in points_of(template_id) if QUANTITIES[point.quantity].kind is Kind.REGISTER]
    step = float(counter.parts[0].scale) / 1000
    image = encode_points([counter], {counter.quantity: (2**32 + 5) * step})
    assert counter.value(image) == pytest.approx(5 * step)


def test_a_scale_factor_is_the_finest_with_which_all_its_points_fit() -> None:
    points = points_of("sunspec/inverter")
    image = encode_points(points, {"current": 700.0, "current_l1": 1.23, "dc_power": 5604.0, "dc_voltage": 761.6})
    shown = {point.quantity: point.value(image) for point in points if point.value(image) is not None}
    assert shown == {"current": 700.0, "current_l1": 1.2, "dc_power": 5604.0, "dc_voltage": 761.6}


def test_the_wrap_is_told_in_the_canonical_unit() -> None:
    assert load_template("keba/p30").wraps == {"active_energy_import": pytest.approx(429496.7296)}  # 2^32 × 0.1 Wh
    assert load_template("eastron/sdm630").wraps == {}  # floats do not wrap


def test_whole_and_decimal_part_are_one_value() -> None:
    points = load_template("dynaflox/ultrad").points
    image = encode_points(points, {"water_volume": 1234.567891})
    assert (image[2], image[3]) == (0, 1234)
    assert image[4] << 16 | image[5] == 567891
    assert {point.quantity: point.value(image) for point in points}["water_volume"] == 1234.567891


NAMED = """eastron/sdm120 eastron/sdm220 eastron/sdm630 janitza/umg96rm janitza/umg604 siemens/pac2200 siemens/pac3200
abb/b23 abb/b24 schneider/iem3155 schneider/iem3255 schneider/pm5xxx carlo_gavazzi/em24 carlo_gavazzi/em340
eltako/dsz15dzmod chint/dtsu666 wago/879 inepro/pro380 sunspec/inverter sunspec/meter sunspec/mppt keba/p30"""


@pytest.mark.parametrize("template_id", NAMED.split())
def test_every_type_is_found_under_its_name(template_id: str) -> None:
    assert load_template(template_id).id in (template_id, also().get(template_id))


def test_no_other_name_is_a_file_or_stands_twice() -> None:
    names = [name for template_id in template_ids() for name in load_template(template_id).also]
    assert len(names) == len(set(names)) == len(also())
    assert not set(names) & set(template_ids())
    with pytest.raises(TemplateError, match="did you mean janitza/umg604"):
        load_template("janitza/umg605")


def test_unknown_template_names_the_near_ones() -> None:
    with pytest.raises(TemplateError, match=r"no device template 'eastron/sdm63'; did you mean eastron/sdm630"):
        load_template("eastron/sdm63")


GOOD = """\
name: Meter
sources: [the manual]
type: u16
registers:
  - { address: 0, quantity: voltage_l1, unit: V }
  - address: 1
    quantity: current_l1
    unit: A
"""


@pytest.mark.parametrize(
    ("broken", "line", "message"),
    [
        (GOOD.replace("current_l1", "amperage_l1"), 7, "registers.1.quantity: unknown quantity 'amperage_l1'"),
        (GOOD.replace("unit: A", "unit: V"), 6, "registers.1: a value in 'V' cannot become 'A'"),
        (GOOD.replace("unit: A", "unit: amperage"), 6, "registers.1: unknown unit 'amperage'"),
        (GOOD.replace("    unit: A", "    units: A"), 8, "registers.1.units: Extra inputs are not permitted"),
        (GOOD.replace("address: 1", "address: 70000"), 6, "registers.1.address: Input should be less than"),
        (GOOD.replace("type: u16", "type: u17"), 3, "type: Input should be 'u16'"),
        (GOOD.replace("type: u16\n", ""), 1, "template: voltage_l1 has no type"),
        (GOOD.replace("type: u16", "type: u32"), 1, "template: current_l1 at 1 begins inside voltage_l1, which is u32"),
        (GOOD.replace("current_l1\n    unit: A", "voltage_l1\n    unit: V"), 1, "template: voltage_l1 is read twice"),
        (GOOD.replace("name: Meter\n", ""), 1, "name: Field required"),
        (GOOD + "fingerprint: { frequency: [45, 65] }\n", 1, "template: the fingerprint names frequency, which no"),
        (GOOD + "limits: { max_registers: 126 }\n", 9, "limits.max_registers: Input should be less than"),
        (GOOD.replace("registers:", "registers: ["), 5, "no valid YAML"),
        ("- a list", None, "holds no template"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, broken: str, line: int | None, message: str) -> None:
    path = tmp_path / "meter.yaml"
    path.write_text(broken, "utf-8")
    with pytest.raises(TemplateError) as caught:
        read_template(path, "maker/meter")
    where = str(path) if line is None else f"{path}:{line}"
    assert f"{where}: {message}" in str(caught.value)


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "meter.yaml"
    path.write_text(GOOD, "utf-8")
    assert [point.quantity for point in read_template(path, "maker/meter").points] == ["voltage_l1", "current_l1"]


def test_the_shelf_holds_nothing_but_templates_and_its_manual() -> None:
    strangers = [path for path in SHELF.rglob("*") if path.is_file() and path.suffix != ".yaml"]
    assert [path.name for path in strangers] == ["README.md"]


@given(st.floats())
def test_no_float64_breaks_a_conversion(number: float) -> None:
    layout = Layout(DataType.F64)
    point = Point("active_energy_import", "MWh", 3, (Part(0, layout, Fraction(1), ()),))
    value = point.value(dict(enumerate(encode(number, layout))))
    assert value is None or math.isfinite(value)
