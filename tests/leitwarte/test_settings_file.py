"""A settings file is either right, or every mistake in it is said with its line and what to do."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.carbon.energy import HsEnergy, metered_energy
from leitwarte.settings_file import SettingsError, load
from metering.estate import Carrier, Role
from metering.instant import isoformat

GOOD = """\
language: de
store:
  kind: influxdb
  url: http://localhost:8086
  version: 1
sites:
  - id: campus
    buildings:
      - id: school
        usage: school
        meters:
          - id: school-supply
            carrier: electricity
            device: school-main
            register: active_energy_import
modbus:
  - id: school-bus
    host: 10.0.0.5
    devices:
      - id: school-main
        unit: 1
        template: eastron/sdm630
        building: school
"""


def problems(tmp_path: Path, text: str) -> list[tuple[int | None, str, str]]:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [(problem.line, problem.message, problem.remedy) for problem in caught.value.problems]


def test_a_good_file_describes_the_estate(tmp_path: Path) -> None:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(GOOD, "utf-8")
    loaded = load(path)
    assert list(loaded.settings.estate().meters) == ["school-supply"]
    assert loaded.settings.data_dir == tmp_path / "leitwarte-data"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "message", "remedy"),
    [
        ("hots: 10.0.0.5", "host: 10.0.0.5", 18, "unknown key 'hots'", "did you mean 'host'?"),
        ("unit: one", "unit: 1", 21, "valid integer", ""),
        ("unit: 900", "unit: 1", 21, "less than or equal to 255", ""),
        ("template: eastron/sdm631", "template: eastron/sdm630", 22, "'eastron/sdm631'", ""),
        ("building: scool", "building: school", 23, "no building 'scool'", "did you mean 'school'?"),
        ("device: school-mian", "device: school-main", 14, "no device 'school-mian'", "did you mean 'school-main'?"),
        ("register: active_power", "register: active_energy_import", 15, "no register quantity 'active_power'", ""),
        ("carrier: elektro", "carrier: electricity", 13, "'electricity'", ""),
        ("kind: postgres", "kind: influxdb", 2, "influxdb", ""),
        ("    host: 10.0.0.5\n", "", None, "", ""),
    ],
)
def test_each_mistake_is_named_with_its_line(  # noqa: PLR0917
    wrong: str, right: str, line: int | None, message: str, remedy: str, tmp_path: Path
) -> None:
    if line is None:
        found = problems(tmp_path, GOOD.replace(wrong, right))
        assert found == [(17, "the key 'host' is missing", "add it")]
        return
    assert right in GOOD
    found = problems(tmp_path, GOOD.replace(right, wrong))
    assert [entry for entry in found if entry[0] == line and message in entry[1] and remedy in entry[2]], found


VIRTUAL = """\
          - id: rest
            carrier: electricity
            formula: school-supply - kitchen
          - id: kitchen
            carrier: electricity
            role: submeter
            device: school-main
            register: active_energy_export
            exchanges:
              - { time: 2026-05-04 10:30:00+02:00, end: 901.3, start: 137.4, serial: 1EMH0012345678 }
modbus:
"""


GAS_TABLE = """\
month;state_number;calorific_value;source
2026-01;0,9650;11,400;Netz Nord
2026-02;0,9640;11,500;Netz Nord
"""

GAS_AREAS = """\
carbon:
  gas_tables:
    north: ${file:north.csv}
  gas:
    - { start: 2026-01-01, state_number: 0.96, calorific_value: 11.2, source: bill }
"""


def test_a_meter_of_imported_files_needs_no_device_and_may_have_none(tmp_path: Path) -> None:
    path = tmp_path / "leitwarte.yaml"
    own = "          - { id: rlm, carrier: electricity, imported: true, contracted_kw: 120 }\nmodbus:\n"
    path.write_text(GOOD.replace("modbus:\n", own), "utf-8")
    meter = load(path).settings.estate().meters["rlm"]
    assert (meter.is_imported, meter.role, meter.series, meter.contracted_kw) == (
        True,
        "supply",
        ("rlm", "consumption"),
        120,
    )
    ((_, message, _),) = problems(tmp_path, GOOD.replace("modbus:\n", own.replace("imported:", "power: p, imported:")))
    assert "known by imported files alone; leave out power" in message


def test_a_meter_knows_its_rollover_its_exchanges_and_its_formula(tmp_path: Path) -> None:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(GOOD.replace("modbus:\n", VIRTUAL).replace("eastron/sdm630", "keba/p30"), "utf-8")
    meters = load(path).settings.estate().meters
    assert meters["school-supply"].counter.rollover == pytest.approx(429496.7296), "kWh, as the template tells"
    (exchange,) = meters["kitchen"].counter.exchanges
    assert (isoformat(exchange.time_us), exchange.end, exchange.start) == ("2026-05-04T08:30:00Z", 901.3, 137.4)
    rest = meters["rest"]
    assert (str(rest.formula), rest.role) == ("school-supply - kitchen", Role.SUBMETER)
    assert [[meter.id for meter in group] for group in load(path).settings.estate().computed_after()] == [
        ["school-supply", "kitchen"],
        ["rest"],
    ]


def test_each_supply_area_has_its_gas_month_by_month(tmp_path: Path) -> None:
    (tmp_path / "north.csv").write_text(GAS_TABLE, "utf-8")
    path = tmp_path / "leitwarte.yaml"
    path.write_text(GOOD + GAS_AREAS, "utf-8")
    quality = load(path).settings.rules().gas
    assert quality is not None
    energy = metered_energy(Carrier.GAS, Decimal(10_000), date(2026, 1, 31), quality, "north")
    assert energy == HsEnergy(Decimal("110010.00000"))
    assert quality.on(date(2026, 2, 1), "north").calorific_value == Decimal("11.5")
    assert quality.on(date(2026, 2, 1)).calorific_value == Decimal("11.2")
    with pytest.raises(LookupError, match=r"in 'north' are known for 2026-03-01"):
        quality.on(date(2026, 3, 1), "north")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (GAS_TABLE.replace("2026-02", "2026-13"), "line 3: '2026-13' is no month"),
        (GAS_TABLE.replace("11,500", "11.500,0"), "line 3: '11.500,0' is no number"),
        (GAS_TABLE.replace("11,400", "114"), "line 2: calorific value (Brennwert) 114 kWh/m³ is not between"),
        (GAS_TABLE.replace("month", "Monat"), "line 1: the header must be month;state_number"),
        (GAS_TABLE.replace("2026-02", "2026-01"), "overlaps"),
    ],
)
def test_what_is_wrong_in_a_gas_table_is_named_with_its_line(table: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "north.csv").write_text(table, "utf-8")
    found = problems(tmp_path, GOOD + GAS_AREAS)
    assert [(line, told) for line, told, _ in found if line == 25 and message in told], found


def test_a_plant_that_names_a_meter_of_something_else_is_told(tmp_path: Path) -> None:
    plant = "fuel_kwh: 100, electricity_kwh: 35, heat_kwh: 50, supply_k: 363, source: sheet"
    text = f"{GOOD}carbon:\n  plants:\n    - {{id: chp, {plant}, electricity: [school-supply]}}\n"
    ((line, message, remedy),) = problems(tmp_path, text)
    assert (line, message) == (26, "meter 'school-supply' counts electricity supply, not electricity generation")
    assert "correct its role" in remedy


def test_an_unknown_gas_area_is_named(tmp_path: Path) -> None:
    found = problems(
        tmp_path, GOOD.replace("            device:", "            gas_area: south\n            device:", 1)
    )
    assert (14, "there is no gas supply area 'south'") in [entry[:2] for entry in found]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message", "remedy"),
    [
        ("- kitchen\n", "- kitchn\n", 18, "there is no meter 'kitchn'", "did you mean 'kitchen'?"),
        ("- kitchen\n", "-kitchen\n", 18, "'school-supply -kitchen' in the formula", ""),
        ("- kitchen\n", "- rest\n", 18, "in a circle: rest → rest", "take one of these meters out"),
        ("- kitchen\n", "- kitchen\n            power: active_power\n", 16, "computed by its formula; leave out", ""),
        ("10:30:00+02:00", "10:30:00", 25, "timezone", ""),
        ("            formula: school-supply - kitchen\n", "", 16, "needs device and register, or a formula", ""),
    ],
)
def test_mistakes_in_virtual_meters_and_exchanges_are_named_with_their_line(  # noqa: PLR0917
    right: str, wrong: str, line: int, message: str, remedy: str, tmp_path: Path
) -> None:
    text = GOOD.replace("modbus:\n", VIRTUAL)
    assert right in text
    found = problems(tmp_path, text.replace(right, wrong))
    assert [entry for entry in found if entry[0] == line and message in entry[1] and remedy in entry[2]], found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("unit: 1", "unit: x").replace("host: 10.0.0.5", "hots: 10.0.0.5")
    assert {entry[0] for entry in problems(tmp_path, text)} >= {18, 21}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "holds no settings"),
        ("- a list\n", 1, "holds no settings"),
        ("store:\n  kind: embedded\n   path: x\n", 3, "not valid YAML"),
        ("store: {}\nstore: {}\n", 2, "stands twice"),
        ("a: \tb: c\n", 1, "not valid YAML"),
    ],
)
def test_what_is_no_settings_file_is_said_so(text: str, line: int, message: str, tmp_path: Path) -> None:
    ((found_line, found, _),) = problems(tmp_path, text)
    assert (found_line, message in found) == (line, True), found


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "nowhere.yaml")


def test_secrets_come_from_environment_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_USER", "leitwarte")
    (tmp_path / "password").write_text("s3cret\n", "utf-8")
    text = GOOD.replace("version: 1", "version: 1\n  username: ${env:INFLUX_USER}\n  password: ${file:password}")
    path = tmp_path / "leitwarte.yaml"
    path.write_text(text, "utf-8")
    store = load(path).settings.store
    assert store.kind == "influxdb"
    assert store.password is not None
    assert (store.username, store.password.get_secret_value()) == ("leitwarte", "s3cret")
    assert "s3cret" not in repr(store)


def test_a_secret_that_cannot_be_one_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(
        "store: {kind: influxdb, url: http://db, version: 2, org: o, token: 123456}\n"
        "mqtt:\n  - {id: b, host: h, username: u, password: 123456}\n"
        "analytics:\n  notify: [123456]\n  alerts: {recipients: [{id: a, urls: [123456]}]}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert {problem.line for problem in caught.value.problems} == {1, 3, 5, 6}
    assert "123456" not in str(caught.value)
    assert "in quotes" in str(caught.value)


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("version: 1", "version: 1\n  username: ${env:NOBODY_SET_THIS}\n  password: ${file:nowhere}")
    found = problems(tmp_path, text)
    assert (6, "the environment has no variable NOBODY_SET_THIS", "set NOBODY_SET_THIS before starting") in found
    assert any(entry[0] == 7 and "nowhere cannot be read" in entry[1] for entry in found)


def test_a_credential_of_systemd_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    text = GOOD.replace("version: 1", "version: 1\n  username: u\n  password: ${credential:influx}")
    (found,) = [entry for entry in problems(tmp_path, text) if entry[0] == 7]
    assert "systemd has handed over none" in found[1]
    (tmp_path / "credentials").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (found,) = [entry for entry in problems(tmp_path, text) if entry[0] == 7]
    assert "the credential influx cannot be read" in found[1]
    (tmp_path / "credentials" / "influx").write_text("s3cret\n", "utf-8")
    (tmp_path / "leitwarte.yaml").write_text(text, "utf-8")
    store = load(tmp_path / "leitwarte.yaml").settings.store
    assert store.kind == "influxdb"
    assert store.password is not None
    assert store.password.get_secret_value() == "s3cret"


def test_late_readings_must_still_be_there_to_be_computed_anew(tmp_path: Path) -> None:
    lines = GOOD.rstrip().count("\n") + 1
    ((line, message, remedy),) = problems(tmp_path, GOOD.rstrip() + "\nanalytics:\n  late_days: 90\n")
    assert line == lines + 2
    assert "late_days (90) must be less than store.retention.raw_days (90)" in message
    assert "keep readings for longer" in remedy
    fitting = tmp_path / "fitting.yaml"
    fitting.write_text(GOOD.rstrip() + "\nanalytics:\n  late_days: 89\n", "utf-8")
    assert load(fitting).settings.analytics.late_days == 89


SHARED = """\
store: { kind: influxdb, url: http://localhost:8086, version: 1 }
mqtt:
  - id: city
    host: broker
    share: leitwarte
    devices:
      - id: lamp
        format: number
        topic: lamp
        options: { quantity: illuminance, unit: lx }
modbus:
  - id: cellar
    serial: { port: /dev/ttyUSB0 }
    replica: a
    devices: [{ id: meter, unit: 1, template: eastron/sdm630 }]
gateway:
  sharing: { replica: a, broker: city }
"""


def test_what_can_be_shared_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(SHARED, "utf-8")
    assert load(path).settings.gateway.sharing is not None


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message", "remedy"),
    [
        ("broker: city", "broker: cty", 17, "no MQTT connection 'cty'", "did you mean 'city'?"),
        ("format: number", "format: shelly_gen2", 8, "understood by those before it only", "without share"),
        ("host: broker", "host: broker\n    protocol: 3.1.1", 5, "3.1.1 has no shared", "take this line out"),
        ("    replica: a\n", "", 12, "/dev/ttyUSB0 is on one machine", "replica: NAME"),
        ("influxdb, url: http://localhost:8086, version: 1", "embedded", 17, "embedded store", "influxdb"),
        ("gateway:\n  sharing: { replica: a, broker: city }\n", "", 5, "gateway.sharing is missing", "say who"),
    ],
)
def test_what_cannot_be_shared_is_named_with_its_line(  # noqa: PLR0917
    right: str, wrong: str, line: int, message: str, remedy: str, tmp_path: Path
) -> None:
    text = SHARED.replace(right, wrong)
    if "shelly" in wrong:
        text = text.replace("        options: { quantity: illuminance, unit: lx }\n", "")
    found = problems(tmp_path, text)
    assert any(at == line and message in said and remedy in todo for at, said, todo in found), found
