"""Checks over several series: on the simulated town, sound and with the fault, and by hand-made days."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analytics.alerts.alert import Finding
from analytics.alerts.kinds import KINDS
from analytics.alerts.wording import Wording
from analytics.checks.balance import balance
from analytics.checks.heating import against_cooling, in_summer
from analytics.checks.look import Look
from analytics.checks.peak import above_contract
from analytics.checks.plants import underperforming
from analytics.checks.settings import CheckSettings
from analytics.checks.sign import lasting
from device_sim.faults.load import PvStringLoss
from device_sim.faults.metering import PhaseLoss
from device_sim.faults.scenario import AnyFault, Scenario
from device_sim.town import Town
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window, parse
from metering.localtime import LocalCalendar
from metering.reading import Reading
from metering.samples import Floats, Int64s
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

NOW = parse("2026-06-20T06:00:00Z")
PAST = Window(NOW // DAY * DAY - 36 * DAY, NOW)
WORDING = Wording("de", LocalCalendar())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    yield store
    await store.close()


def look(store: EmbeddedStore, estate: Estate, step_us: int = HOUR) -> Look:
    return Look(store, estate, CheckSettings(), "weather", step_us, WORDING)


async def keep(store: EmbeddedStore, meter: str, starts: Int64s, values: Floats) -> None:
    made = [Reading(meter, "consumption", v, t) for t, v in zip(starts.tolist(), values.tolist(), strict=True)]
    await store.write([*made, *(Reading(meter, "completeness", 1.0, t) for t in starts.tolist())])


async def town_days(store: EmbeddedStore, building: str, faults: Sequence[AnyFault] = ()) -> Estate:
    """The electricity meters of a building of the town and its irradiance, by hours, as their registers show them."""
    town = Town(7, PAST.start_us, Scenario(faults=tuple(faults)).place(NOW))
    starts = np.arange(PAST.start_us, PAST.end_us - HOUR + 1, HOUR, dtype=np.int64)
    meters = [m for m in town.estate.meters_in(building) if m.carrier is Carrier.ELECTRICITY]
    shown = {
        d.id: d.at(np.append(starts, starts[-1] + HOUR)) for d in town.devices if d.id in {m.device for m in meters}
    }
    for meter in meters:
        await keep(store, meter.id, starts, np.diff(shown[meter.device][meter.register]))
    weather = next(d for d in town.devices if d.id == "weather").at(starts)["irradiance"]
    await store.write(
        [Reading("weather", "irradiance", v, t) for t, v in zip(starts.tolist(), weather.tolist(), strict=True)]
    )
    devices = [town.estate.devices[m.device] for m in meters] + [replace(town.estate.devices["weather"], building=None)]
    buildings = [town.estate.buildings[building]]
    site = town.estate.sites[buildings[0].site]
    return Estate.of([site], buildings, {d.id: d for d in devices}.values(), meters)


async def test_a_sound_school_balances_and_its_plant_is_well(store: EmbeddedStore) -> None:
    estate = await town_days(store, "school")
    assert await look(store, estate).balances(NOW) == []
    assert await look(store, estate).plants(NOW) == []


async def test_a_lost_string_of_a_pv_plant_is_told(store: EmbeddedStore) -> None:
    fault = PvStringLoss(kind="pv_string", loads=("school-pv/string-2",), begin="-6d")
    estate = await town_days(store, "school", [fault])
    found = await look(store, estate).plants(NOW)
    assert [(f.kind, f.subject) for f in found] == [("pv_low", "school-pv.generation")]
    assert "erzeugt zu wenig" in found[0].title
    assert found[0].first_us >= NOW - 8 * DAY
    assert found[0].last_us == NOW, "it goes on"


@pytest.mark.parametrize(("latitude", "told"), [(50.2, ["pv_low"]), (51.0, []), (None, [])])
async def test_the_sun_is_measured_at_the_nearest_weather_station_under_the_same_sky(
    store: EmbeddedStore, latitude: float | None, told: list[str]
) -> None:
    fault = PvStringLoss(kind="pv_string", loads=("school-pv/string-2",), begin="-6d")
    estate = await town_days(store, "school", [fault])
    elsewhere = Building("office", "Büro", "away", "office")
    station = replace(estate.devices["weather"], building="office")
    away = Site("away", "Woanders", latitude, 8.77)
    estate = replace(
        estate,
        sites=estate.sites | {"away": away},
        buildings=estate.buildings | {"office": elsewhere},
        devices=estate.devices | {"weather": station},
    )
    assert [found.kind for found in await look(store, estate).plants(NOW)] == told


async def test_a_phase_that_a_sub_meter_lost_is_told_at_the_main_meter(store: EmbeddedStore) -> None:
    fault = PhaseLoss(kind="phase_loss", devices=("waterworks-pump-1",), begin="-5d", phase=2)
    estate = await town_days(store, "waterworks", [fault])
    found = await look(store, estate).balances(NOW)
    assert [(f.kind, f.subject) for f in found] == [("balance", "waterworks-main.supply")]


def estate_of(*meters: Meter) -> Estate:
    devices = [Device(name, name, 900.0) for name in {m.device for m in meters} | {"weather"}]
    return Estate.of([Site("s", "s")], [Building("b", "b", "s", "office")], devices, meters)


def heat_meter(name: str, register: str = "heat_energy", contracted_kw: float | None = None) -> Meter:
    return Meter(name, name, "b", Carrier.HEAT, Role.SUPPLY, name, register, contracted_kw=contracted_kw)


async def test_power_above_the_contract_names_both_figures(store: EmbeddedStore) -> None:
    starts = np.arange(NOW - 3 * DAY, NOW, QUARTER_HOUR, dtype=np.int64)
    values = np.full(len(starts), 20.0)
    values[100] = 30.5  # 122 kW
    await keep(store, "main", starts, values)
    estate = estate_of(heat_meter("main", contracted_kw=100.0))
    (found,) = await look(store, estate, QUARTER_HOUR).peaks(NOW)
    assert (
        found.explanation == f"Höchste Leistung 122 kW am {WORDING.moment(int(starts[100]))}; vereinbart sind 100 kW."
    )
    assert (found.first_us, found.last_us) == (starts[100], starts[101])
    assert await look(store, estate_of(heat_meter("main")), QUARTER_HOUR).peaks(NOW) == []


async def test_heat_on_summer_days_is_told(store: EmbeddedStore) -> None:
    starts = np.arange(NOW // DAY * DAY - 200 * DAY, NOW // DAY * DAY, HOUR, dtype=np.int64)
    outdoor = np.where(starts < NOW - 60 * DAY, 3.0, 22.0)
    await store.write(
        [
            Reading("weather", "outdoor_temperature", v, t)
            for t, v in zip(starts.tolist(), outdoor.tolist(), strict=True)
        ]
    )
    for meter, summer in (("off", 1.0), ("on", 6.0)):
        await keep(store, meter, starts, np.where(outdoor < 10, 20.0, summer))
    found = await look(store, estate_of(heat_meter("off"), heat_meter("on"))).summer_heat(NOW)
    assert [(f.kind, f.subject) for f in found] == [("summer_heat", "on")]


async def test_heating_while_cooling_is_told(store: EmbeddedStore) -> None:
    starts = np.arange(NOW - 20 * DAY, NOW, HOUR, dtype=np.int64)
    hour = (starts // HOUR) % 24
    await keep(store, "heat", starts, np.where(hour < 10, 10.0, 0.0))
    await keep(store, "cold", starts, np.where(hour > 12, 8.0, 0.0))
    estate = estate_of(heat_meter("heat"), heat_meter("cold", "cooling_energy"))
    assert await look(store, estate).heat_and_cool(NOW) == []
    await keep(store, "cold", starts[-24:], np.full(24, 8.0))
    found: list[Finding] = await look(store, estate).heat_and_cool(NOW)
    assert [(f.kind, f.subject) for f in found] == [("heat_and_cool", "heat")]
    assert "„cold“" in found[0].explanation


def test_parts_above_the_main_meter_are_wrong_even_without_a_past() -> None:
    main, parts = np.full(9, 100.0), np.full(9, 80.0)
    assert not balance(main, parts, 7, 0.05).holds.any()
    parts[-2:] = 110.0
    assert balance(main, parts, 7, 0.05).holds.nonzero()[0].tolist() == [7, 8]


def test_a_day_that_is_not_wholly_known_is_passed_over() -> None:
    main, parts = np.full(35, 100.0), 80 + np.random.default_rng(9).normal(0, 1, 35)
    parts[-2:] = 40.0
    assert balance(main, parts, 7, 0.05).holds.any()
    parts[-1] = np.nan
    assert not balance(main, parts, 7, 0.05).holds.any()


def test_a_plant_in_its_neighbours_weather_is_well() -> None:
    noise = np.random.default_rng(9)
    sun = noise.uniform(0.1, 1, 35)
    plant, neighbour = 50 * sun, 80 * sun * noise.normal(1, 0.02, 35)
    assert not underperforming(plant, neighbour[None], 7, 0.85).holds.any()
    weak = np.where(np.arange(35) >= 28, 0.6, 1.0)
    assert underperforming(plant * weak, neighbour[None], 7, 0.85).holds.any()
    assert not underperforming(plant * weak, np.empty((0, 35)), 7, 0.85).holds.any(), "nothing to compare with"


def test_heat_in_summer_needs_cold_days_to_compare_with() -> None:
    warm = np.full(30, 22.0)
    assert not in_summer(np.full(30, 50.0), warm, 18.0, 0.25).holds.any()
    assert not against_cooling(np.zeros(24), np.ones(24)).holds.any()


def test_power_is_energy_over_time() -> None:
    sign = above_contract(np.array([25.0, 25.1, np.nan]), QUARTER_HOUR, 100.0)
    assert sign.holds.tolist() == [False, True, False]


def test_short_stretches_do_not_last() -> None:
    holds = np.array([True, False, True, True, False, True])
    assert lasting(holds, 2).tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("kind", ["balance", "pv_low", "peak_power", "summer_heat", "heat_and_cool"])
def test_every_kind_has_its_words(kind: str) -> None:
    assert kind in KINDS
    for language in ("de", "en"):
        wording = Wording(language, LocalCalendar())
        assert wording.say(f"title.{kind}", name="X")
        assert wording.check_first(kind) != wording.check_first("other")
