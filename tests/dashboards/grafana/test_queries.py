"""Every query of every dashboard, on a real InfluxDB that holds days of the simulated town and the results on them."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pytest

from analytics.carbon.emissions import interval_emissions
from analytics.carbon.factors import FactorSet
from analytics.carbon.settings import CarbonSettings, GasPeriodSettings
from analytics.carbon.target import Target
from analytics.energy.consumption import consumption
from analytics.energy.intervals import Intervals
from dashboards.grafana.boards.network import QUICK_S
from dashboards.grafana.build import DASHBOARDS, Json, build
from dashboards.grafana.rules import rules
from device_sim.history import readings
from device_sim.town import Town
from metering.estate import Meter
from metering.event import Event, Severity
from metering.heartbeat import GATEWAY, beat, of_gateway
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading
from metering.samples import Floats, Samples
from storage.factory import open_store
from storage.settings import InfluxSettings
from tests.servers import Server

DATABASE = "grafana"
SILENT = "gym-climate"
BERLIN = LocalCalendar()
GAS = CarbonSettings(
    gas=(GasPeriodSettings(start="2020-01-01", state_number="0.965", calorific_value="11.4", source="Gasrechnung"),)
).gas_quality()


@dataclass(frozen=True)
class Filled:
    """A database with history up to ``now_us``, and the dashboards of its town."""

    url: str
    now_us: int
    dashboards: dict[str, Json]
    client: httpx.Client


@pytest.fixture(scope="module")
def filled(influxd: Server) -> Iterator[Filled]:
    wall_us = time.time_ns() // 1000
    now_us = max(wall_us, BERLIN.midnight(BERLIN.date_of(wall_us)) + HOUR)  # so that today has quarter-hours
    town = Town(7, now_us - 3 * DAY)
    asyncio.run(fill(influxd.url, town, now_us))
    with httpx.Client(timeout=30.0) as client:
        yield Filled(influxd.url, now_us, build(town.estate, "Europe/Berlin", target=target(now_us)), client)


def target(now_us: int) -> Target:
    """A path whose only year without a known figure is the present one."""
    year = BERLIN.date_of(now_us).year
    known = {year - 2: Decimal(2_000_000), year - 1: Decimal(1_900_000)}
    return Target(year - 2, {year: Decimal("0.25")}, known, "Beschluss")


async def fill(url: str, town: Town, now_us: int) -> None:
    store = open_store(InfluxSettings(kind="influxdb", url=url, version=1, database=DATABASE))
    await store.start()
    try:
        for device in town.devices:
            recent = readings(device, Window(now_us - 20 * MINUTE, now_us), MINUTE) if device.id != SILENT else []
            until_us = now_us - HOUR if device.id == SILENT else now_us  # else it speaks on the hour
            await store.write(readings(device, Window(now_us - DAY, until_us), HOUR) + recent)
        doubted = Reading("school-main", "active_power", 9e6, now_us - HOUR, Quality.SUSPECT, "range")
        await store.write([doubted, *(beat(now_us - n * MINUTE, well=True) for n in range(4))])
        await store.write(list(of_itself(town, now_us)))
        for meter in town.estate.meters.values():
            await store.write(results(town, meter, now_us))
        await store.write_events(
            [
                Event(
                    f"e{n}", now_us - n * HOUR, end, "base_load", Severity.WARNING, "school-main.supply", "school", "x"
                )
                for n, end in ((2, now_us - HOUR), (1, None))
            ]
            + [Event("d", now_us - 2 * HOUR, now_us - HOUR, "device_error", Severity.INFO, SILENT, "gym", "no answer")]
            + [Event("s", now_us - 3 * HOUR, None, "device_silent", Severity.WARNING, SILENT, "gym", "stumm")]
        )
    finally:
        await store.close()


def of_itself(town: Town, now_us: int) -> Iterator[Reading]:
    """What the gateway says of itself and its devices."""
    for quarter in range(4):
        time_us = now_us - quarter * QUARTER_HOUR
        yield Reading(GATEWAY, "queued", 3.0, time_us)
        yield Reading(GATEWAY, "lag", 0.2, time_us)
        yield Reading(of_gateway("dead_letter"), "set_aside", 10.0 - quarter, time_us)
        for device in town.estate.devices:
            yield Reading(of_gateway(device), "state", 2.0 if device == SILENT else 0.0, time_us)


def results(town: Town, meter: Meter, now_us: int) -> list[Reading]:
    """Three days of interval results: consumption from the register; the day before stands in for a model."""
    end_us = now_us - now_us % QUARTER_HOUR
    window = Window(end_us - 3 * DAY + HOUR, end_us)
    (device,) = [device for device in town.devices if device.id == meter.device]
    times = np.arange(window.start_us, end_us + 1, QUARTER_HOUR, dtype=np.int64)
    found = consumption(Samples.of(times, device.at(times)[meter.register]), window, QUARTER_HOUR)
    expected = np.roll(found.consumption, DAY // QUARTER_HOUR)
    kg = interval_emissions(meter, found, FactorSet.load(), BERLIN, gas=GAS)
    named: dict[str, Floats] = {
        "consumption": found.consumption,
        "anomaly_score": found.completeness * 0.5,
        "completeness": found.completeness,
        "emissions": kg,
    }
    named |= {"expected": expected, "expected_lower": expected * 0.8, "expected_upper": expected * 1.2}
    return [reading for quantity, values in named.items() for reading in stored(meter.id, quantity, found, values)]


def stored(meter: str, quantity: str, intervals: Intervals, values: Floats) -> Iterator[Reading]:
    for start, value in zip(intervals.start_us.tolist(), values.tolist(), strict=True):
        if np.isfinite(value):
            yield Reading(meter, quantity, value, start)


def began(relative: str | None, now_us: int) -> int:
    """When a panel's own time range, such as 90d or now/M, began; a day ago if it has none."""
    today = BERLIN.date_of(now_us)
    starts = {"now/d": today, "now/M": today.replace(day=1), "now/y": today.replace(month=1, day=1)}
    if relative in starts:
        return BERLIN.midnight(starts[relative])
    number, unit = int((relative or "1d")[:-1]), (relative or "1d")[-1]
    return now_us - number * {"m": MINUTE, "h": HOUR, "d": DAY}[unit]


def expanded(query: str, panel: Json, choice: tuple[str, str], now_us: int) -> str:
    """The query as Grafana's backend sends it: macros and variables filled in."""
    start_us = began(panel.get("timeFrom"), now_us)
    query = query.replace("$timeFilter", f"time >= {start_us // 1000}ms and time <= {now_us // 1000}ms")
    query = query.replace("$__interval", panel.get("interval") or "1m")
    query = query.replace(f"${{{choice[0]}:raw}}", choice[1])
    assert "$" not in query.replace("$/", ""), f"a macro was left in {query}"
    return query


def options(dashboard: Json) -> list[tuple[str, str]]:
    """Everything that can be chosen at the top: name of the variable, and value."""
    (variable,) = dashboard["templating"]["list"]
    return [(variable["name"], option.split(" : ")[1]) for option in variable["query"].split(", ")]


def everything(dashboard: Json) -> tuple[str, str]:
    return options(dashboard)[0]


async def answered(filled: Filled, query: str) -> list[Any]:
    form = {"db": DATABASE, "q": query, "epoch": "ms"}
    answer = await asyncio.to_thread(filled.client.post, f"{filled.url}/query", data=form)
    answer.raise_for_status()
    (result,) = answer.json()["results"]
    assert "error" not in result, f"{result['error']}: {query}"
    return list(result.get("series", []))


@pytest.mark.parametrize("name", DASHBOARDS)
async def test_every_query_has_rows(filled: Filled, name: str) -> None:
    """For some choice: not every building has gas, not every meter phases."""
    dashboard = filled.dashboards[name]
    targets = [(panel, target) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(targets) >= 4
    for panel, target in targets:
        for choice in options(dashboard):
            query = expanded(target["query"], panel, choice, filled.now_us)
            if valued(await answered(filled, query)):
                break
        else:
            pytest.fail(f"{panel['title']} has no rows: {query}")


def valued(series: list[Any]) -> bool:
    return any(value is not None for one in series for row in one["values"] for value in row[1:])


@pytest.mark.parametrize("name", DASHBOARDS)
async def test_annotations_say_when_an_anomaly_ended(filled: Filled, name: str) -> None:
    dashboard = filled.dashboards[name]
    for annotation in dashboard["annotations"]["list"]:
        found = []
        for choice in options(dashboard):
            query = expanded(annotation["target"]["query"], {}, choice, filled.now_us)
            series = await answered(filled, query)
            found += series[:1] if not found else []
        rows = [dict(zip(found[0]["columns"], row, strict=True)) for row in found[0]["values"]]
        rows = [row for row in rows if row["kind"] == "base_load"]
        assert len(rows) == 2
        assert rows[0]["end_ms"] == pytest.approx((filled.now_us - HOUR) / 1000)
        assert rows[1]["end_ms"] is None
        assert {annotation["target"][key] for key in ("textColumn", "timeEndColumn")} < set(found[0]["columns"])


async def test_a_site_is_on_the_map_with_its_energy(filled: Filled) -> None:
    dashboard, panel = filled.dashboards["network-overview"], panel_of(filled, "Strombezug je Standort")
    town = Town(7, 0).estate
    rows = []
    for target in panel["targets"]:
        (series,) = await answered(filled, expanded(target["query"], panel, everything(dashboard), filled.now_us))
        rows += [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    assert {(row["latitude"], row["longitude"]) for row in rows} <= {
        (site.latitude, site.longitude) for site in town.sites.values()
    }
    assert all(row["energy"] > 0 for row in rows)
    assert len({row["site"] for row in rows}) == len(rows) >= 3


async def test_a_choice_narrows_to_its_building(filled: Filled) -> None:
    dashboard = filled.dashboards["building"]
    (panel,) = [panel for panel in dashboard["panels"] if panel["title"] == "Unterzähler und Erzeugung"]
    town = Town(7, 0).estate
    for building, choice in zip(town.buildings.values(), options(dashboard), strict=True):
        found = await answered(filled, expanded(panel["targets"][0]["query"], panel, choice, filled.now_us))
        parts = {m.id for m in town.meters_in(building.id) if m.role in ("submeter", "generation")}
        assert {one["tags"]["meter"] for one in found} == parts


def panel_of(filled: Filled, title: str, name: str = "network-overview") -> Json:
    (panel,) = [panel for panel in filled.dashboards[name]["panels"] if panel["title"] == title]
    return dict(panel)


async def test_the_network_load_is_the_sum_of_its_meters(filled: Filled) -> None:
    panel = panel_of(filled, "Netzlast jetzt")
    query = expanded(
        panel["targets"][0]["query"], panel, everything(filled.dashboards["network-overview"]), filled.now_us
    )
    (series,) = await answered(filled, query)
    town = Town(7, filled.now_us - 3 * DAY)
    mains = {
        meter.device
        for meter in town.estate.meters.values()
        if meter.role == "supply" and meter.carrier == "electricity"
    }
    newest = np.array([(filled.now_us - 1) // MINUTE * MINUTE], np.int64)
    wanted = sum(float(device.at(newest)["active_power"][0]) for device in town.devices if device.id in mains)
    assert series["values"][0][1] == pytest.approx(wanted)


async def test_a_buildings_power_is_that_of_its_main_meter(filled: Filled) -> None:
    panel = panel_of(filled, "Leistung je Gebäude")
    target = next(target for target in panel["targets"] if target["alias"] == "Hallenbad" or "pool" in target["query"])
    query = expanded(
        target["query"], {**panel, "interval": "1m"}, everything(filled.dashboards["network-overview"]), filled.now_us
    )
    (series,) = await answered(filled, query)
    (pool,) = [device for device in Town(7, filled.now_us - 3 * DAY).devices if device.id == "pool-main"]
    times = np.array([row[0] * 1000 for row in series["values"]], np.int64)
    assert [row[1] for row in series["values"]] == pytest.approx(pool.at(times)["active_power"].tolist())


async def test_days_are_local(filled: Filled) -> None:
    panel = panel_of(filled, "CO2 je Tag")
    query = expanded(
        panel["targets"][0]["query"], panel, everything(filled.dashboards["network-overview"]), filled.now_us
    )
    (series,) = await answered(filled, query)
    today = BERLIN.date_of(filled.now_us)
    midnights = {BERLIN.midnight(day) // 1000 for day in BERLIN.days(Window(filled.now_us - 3 * DAY, filled.now_us))}
    assert {row[0] for row in series["values"]} <= midnights
    assert BERLIN.midnight(today) // 1000 in {row[0] for row in series["values"]}


async def test_years_stand_against_the_path(filled: Filled) -> None:
    rows = await years_of(filled, panel_of(filled, "Pfad zum Klimaziel", "co2"))
    year = BERLIN.date_of(filled.now_us).year
    emitted = rows.pop((year, "emitted"))
    assert rows == {
        (year - 2, "path"): 2000.0,
        (year, "path"): 1500.0,
        (year - 2, "emitted"): 2000.0,
        (year - 1, "emitted"): 1900.0,
    }
    board = filled.dashboards["co2"]
    (figure,) = [panel for panel in board["panels"] if panel["title"] == "CO2 dieses Jahr"]
    (series,) = await answered(
        filled, expanded(figure["targets"][0]["query"], figure, everything(board), filled.now_us)
    )
    assert emitted * 1000 == pytest.approx(series["values"][0][1])

    computed = Target(year, {year + 1: Decimal("0.5")})
    (panel,) = [
        panel
        for panel in build(Town(7, 0).estate, "Europe/Berlin", target=computed)["co2"]["panels"]
        if panel["title"] == "Pfad zum Klimaziel"
    ]
    rows = await years_of(filled, panel)
    assert rows[year, "path"] == pytest.approx(emitted)
    assert rows[year + 1, "path"] == pytest.approx(emitted / 2)


async def years_of(filled: Filled, panel: Json) -> dict[tuple[int, str], float]:
    """Value by year and name: what Grafana merges into the rows of the panel."""
    found = {}
    for asked in panel["targets"]:
        for series in await answered(filled, expanded(asked["query"], panel, ("site", ".+"), filled.now_us)):
            for row in series["values"]:
                named = dict(zip(series["columns"], row, strict=True))
                (name,) = named.keys() - {"time", "year"}
                found[int(named["year"]), name] = named[name]
    return found


async def test_a_silent_device_shows(filled: Filled) -> None:
    dashboard = filled.dashboards["network-overview"]
    panel = panel_of(filled, "Geräte nach letztem Messwert", "data-quality")
    newest = {
        one["tags"]["device"]: one["values"][0][0]
        for one in await answered(
            filled, expanded(panel["targets"][0]["query"], panel, everything(dashboard), filled.now_us)
        )
    }
    assert len(newest) == len(Town(7, 0).estate.devices)
    assert min(newest, key=lambda device: newest[device]) == SILENT
    assert newest[SILENT] % (HOUR // 1000) == 0

    panel = panel_of(filled, "Geräte gehört")
    heard = await answered(filled, expanded(panel["targets"][0]["query"], panel, everything(dashboard), filled.now_us))
    quick = [device for device in Town(7, 0).estate.devices.values() if device.interval_s <= QUICK_S]
    assert len(heard) == len(quick) - 1
    assert SILENT not in {one["tags"]["device"] for one in heard}


async def test_states_and_errors_of_the_chosen_devices_show(filled: Filled) -> None:
    dashboard = filled.dashboards["data-quality"]
    states, errors = (
        panel_of(filled, title, "data-quality") for title in ("Zustand der Geräte", "Letzte Fehler der Geräte")
    )
    town = Town(7, 0).estate
    for choice in options(dashboard)[1:]:
        query = expanded(states["targets"][0]["query"], {"interval": "1m"}, choice, filled.now_us)
        found = {one["tags"]["device"]: one["values"][-1][-1] for one in await answered(filled, query)}
        here = {device for device in town.devices if re.fullmatch(choice[1], device)}
        assert found == {of_gateway(device): 2.0 if device == SILENT else 0.0 for device in here}
        query = expanded(errors["targets"][0]["query"], errors, choice, filled.now_us)
        rows = [row for one in await answered(filled, query) for row in one["values"]]
        assert [row[1:3] for row in rows] == ([[SILENT, "no answer"]] if SILENT in here else [])


@pytest.mark.parametrize("name", rules())
async def test_alert_rules_ask_what_there_is(filled: Filled, name: str) -> None:
    rule = rules()[name]
    start = f"time >= {(filled.now_us - rule.minutes * MINUTE) // 1000}ms"
    query = rule.query.replace("$timeFilter", f"{start} and time <= {filled.now_us // 1000}ms")
    assert valued(await answered(filled, query))
