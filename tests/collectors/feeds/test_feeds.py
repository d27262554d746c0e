"""Each feed against a real HTTP server. The samples are written in the sources' documented shape, not recorded."""

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.feeds.bright_sky import BrightSky
from collectors.feeds.electricity_maps import ElectricityMaps
from collectors.feeds.energy_charts import EnergyCharts
from collectors.feeds.entsoe import EntsoE
from collectors.feeds.generation import MODES, combined, encode
from collectors.feeds.requests import FeedError, Requests
from collectors.feeds.smard import Smard
from metering.instant import HOUR, QUARTER_HOUR, Window, parse
from metering.localtime import LocalCalendar

BERLIN = LocalCalendar()


def requests(source: Any, **options: Any) -> Requests:
    return Requests("the source", source.url, pause_s=0.01, **options)


# requests


async def test_a_busy_source_is_asked_again_when_it_wishes(source: Any) -> None:
    source.says("/x", {"ok": True})
    source.first = [(429, {"Retry-After": "0"}), (503, {}), (429, {"Retry-After": format_datetime(datetime.now(UTC))})]
    async with requests(source) as client:
        assert await client.json("/x") == {"ok": True}
    assert len(source.asked) == 4


async def test_a_source_that_stays_busy_is_given_up(source: Any) -> None:
    source.first = [(503, {})] * 3
    async with requests(source, attempts=3) as client:
        with pytest.raises(FeedError, match="the source could not be read after 3 attempts: HTTP 503; try again later"):
            await client.get("/x")


async def test_a_refusal_is_not_repeated(source: Any) -> None:
    async with requests(source) as client:
        with pytest.raises(FeedError, match="refused /x: HTTP 404 no such thing"):
            await client.get("/x")
    assert len(source.asked) == 1


async def test_an_answer_that_is_no_json(source: Any) -> None:
    source.says("/x", b"<html>")
    async with requests(source) as client:
        with pytest.raises(FeedError, match="no JSON"):
            await client.json("/x")


async def test_nobody_at_home() -> None:
    async with Requests("the source", "http://127.0.0.1:9", attempts=2, pause_s=0.01) as client:
        with pytest.raises(FeedError, match="could not be read after 2 attempts"):
            await client.get("/x")


# mixes


def test_a_part_does_not_pass_for_the_whole() -> None:
    series = [
        ("coal", {0: 1.0, 1: 2.0}),
        ("coal", {0: 3.0}),
        ("wind", {0: 1.0, 1: 1.0}),
        ("nuclear", {0: None, 1: None}),
    ]
    assert combined(series) == {0: {"coal": 4.0, "wind": 1.0}, 1: {"coal": None, "wind": 1.0}}


async def test_smard(source: Any) -> None:
    monday = BERLIN.midnight(date(2021, 8, 2)) // 1000
    assert monday == 1627855200000
    window = Window(monday * 1000 + HOUR, monday * 1000 + 3 * HOUR)
    for number in (1223, 4069, 4071, 1227, 1224, 4066, 1226, 1225, 4067, 4068, 1228, 4070):
        folder = f"/app/chart_data/{number}/DE"
        source.says(
            f"{folder}/index_hour.json", {"timestamps": [monday - 7 * 86_400_000, monday, monday + 7 * 86_400_000]}
        )
        values = [[monday + n * 3_600_000, None if (number, n) == (4068, 2) else float(n)] for n in range(4)]
        source.says(f"{folder}/{number}_DE_hour_{monday - 7 * 86_400_000}.json", {"meta_data": {}, "series": []})
        source.says(f"{folder}/{number}_DE_hour_{monday}.json", {"meta_data": {"version": 1}, "series": values})
    async with requests(source) as client:
        mix = await Smard(client).fetch(window)
    assert sorted(mix.mwh) == [window.start_us, window.start_us + HOUR]
    assert mix.mwh[window.start_us]["coal"] == 2.0
    assert mix.mwh[window.start_us + HOUR]["solar"] is None
    assert set(mix.mwh[window.start_us]) <= set(MODES)
    assert (mix.step_s, mix.licence, mix.attribution) == (3600, "CC BY 4.0", "Bundesnetzagentur | SMARD.de")


CHARTS = {
    "schema_version": "2.0",
    "endpoint": "public_power",
    "country": "de",
    "timezone": "Europe/Berlin",
    "interval_minutes": 15,
    "unit": "MW",
    "series": [
        {"id": "solar", "name": "Solar"},
        {"id": "fossil_gas", "name": "Fossil gas"},
        {"id": "load", "name": "Load"},
    ],
    "data": [
        {"timestamp": "2026-07-20T12:00:00+02:00", "values": {"solar": 42000.0, "fossil_gas": 4000.0, "load": 1.0}},
        {"timestamp": "2026-07-20T12:15:00+02:00", "values": {"solar": None, "fossil_gas": 4000.0, "load": 1.0}},
    ],
    "license": "CC BY 4.0 (creativecommons.org/licenses/by/4.0), attribution: energy-charts.info",
    "deprecated": False,
}
NOON = parse("2026-07-20T10:00:00Z")


async def test_energy_charts(source: Any) -> None:
    source.says("/v2/public_power", CHARTS)
    async with requests(source) as client:
        mix = await EnergyCharts(client).fetch(Window(NOON, NOON + HOUR))
    assert mix.mwh == {NOON: {"solar": 10500.0, "gas": 1000.0}, NOON + QUARTER_HOUR: {"solar": None, "gas": 1000.0}}
    assert "CC BY 4.0" in mix.licence
    assert source.asked[0][1] == {"country": "de", "start": "2026-07-20", "end": "2026-07-20"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"series": [{"id": "fusion", "name": "Fusion"}]}, "unknown series 'fusion'"),
        ({"unit": "GW"}, "gives GW, not MW"),
        ({"data": [{}]}, "another shape than documented"),
    ],
)
async def test_energy_charts_in_another_shape(source: Any, change: dict[str, object], complaint: str) -> None:
    source.says("/v2/public_power", {**CHARTS, **change})
    async with requests(source) as client:
        with pytest.raises(FeedError, match=complaint):
            await EnergyCharts(client).fetch(Window(NOON, NOON + HOUR))


A75 = """<?xml version="1.0" encoding="UTF-8"?>
<GL_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"><type>A75</type>
<TimeSeries><inBiddingZone_Domain.mRID codingScheme="A01">10Y1001A1001A83F</inBiddingZone_Domain.mRID>
<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType>
<MktPSRType><psrType>B02</psrType></MktPSRType><Period>
<timeInterval><start>2024-05-21T10:00Z</start><end>2024-05-21T11:00Z</end></timeInterval><resolution>PT15M</resolution>
<Point><position>1</position><quantity>7866</quantity></Point><Point><position>3</position><quantity>7790</quantity></Point>
</Period></TimeSeries>
<TimeSeries><outBiddingZone_Domain.mRID codingScheme="A01">10Y1001A1001A83F</outBiddingZone_Domain.mRID>
<curveType>A03</curveType><MktPSRType><psrType>B10</psrType></MktPSRType><Period>
<timeInterval><start>2024-05-21T10:00Z</start><end>2024-05-21T11:00Z</end></timeInterval><resolution>PT15M</resolution>
<Point><position>1</position><quantity>99</quantity></Point></Period></TimeSeries></GL_MarketDocument>"""
TEN = parse("2024-05-21T10:00:00Z")


async def test_entsoe_repeats_what_did_not_change_and_leaves_out_pumping(source: Any) -> None:
    source.says("/api", A75.encode())
    async with requests(source) as client:
        mix = await EntsoE(client, "secret").fetch(Window(TEN, TEN + HOUR))
    quarters = [TEN + n * QUARTER_HOUR for n in range(4)]
    assert [mix.mwh[at] for at in quarters] == [{"coal": mw / 4} for mw in (7866.0, 7866.0, 7790.0, 7790.0)]
    assert source.asked[0][1]["periodStart"] == "202405211000"


async def test_entsoe_of_a_curve_with_every_point_repeats_nothing(source: Any) -> None:
    source.says("/api", A75.replace("A03", "A01").encode())
    async with requests(source) as client:
        mix = await EntsoE(client, "secret").fetch(Window(TEN, TEN + HOUR))
    assert mix.mwh[TEN + QUARTER_HOUR] == {"coal": None}


async def test_entsoe_says_why_it_has_nothing(source: Any) -> None:
    answer = "<Refusal xmlns='urn:x'><Reason><text>No matching data</text></Reason></Refusal>"
    source.says("/api", answer.encode())
    async with requests(source) as client:
        with pytest.raises(FeedError, match="No matching data"):
            await EntsoE(client, "secret").fetch(Window(TEN, TEN + HOUR))


HISTORY = {
    "zone": "DE",
    "history": [
        {
            "zone": "DE",
            "datetime": f"2026-07-20T{hour:02}:00:00.000Z",
            "updatedAt": "2026-07-20T13:39:55.666Z",
            "powerProductionBreakdown": {"solar": 42000, "gas": gas, "geothermal": None, "hydro discharge": 500},
            "isEstimated": estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
        }
        for hour, gas, estimated in ((9, 1, False), (10, 4000, False), (11, 4100, True), (12, None, False))
    ],
}


async def test_electricity_maps_takes_for_known_what_was_measured(source: Any) -> None:
    source.says("/v3/power-breakdown/history", HISTORY)
    async with requests(source, headers={"auth-token": "t"}) as client:
        mix = await ElectricityMaps(client).fetch(Window(NOON, NOON + 3 * HOUR))
        with pytest.raises(FeedError, match="the last 24 hours only"):
            await ElectricityMaps(client).fetch(Window(0, HOUR))
    known = {"solar": 42000.0, "gas": 4000.0, "pumped_storage": 500.0}
    assert mix.mwh == {NOON: known, NOON + HOUR: dict.fromkeys(known), NOON + 2 * HOUR: {**known, "gas": None}}
    assert source.asked[0][2]["auth-token"] == "t"
    assert (mix.step_s, mix.region) == (3600, "DE")


@pytest.mark.parametrize("entry", [{}, {"datetime": "2026-07-20T10:00:00Z", "powerProductionBreakdown": 3}])
async def test_electricity_maps_in_another_shape(source: Any, entry: dict[str, object]) -> None:
    source.says("/v3/power-breakdown/history", {"history": [entry]})
    async with requests(source) as client:
        with pytest.raises(FeedError, match="another shape than documented"):
            await ElectricityMaps(client).fetch(Window(NOON, NOON + HOUR))


async def test_daily_means_of_a_short_day_and_of_one_with_a_gap(source: Any) -> None:
    """30 March 2025 has 23 hours in Berlin."""
    begin = datetime(2025, 3, 29, 23, tzinfo=UTC)
    hours = [begin + timedelta(hours=n) for n in range(23 + 24)]
    weather = [{"timestamp": at.isoformat(), "temperature": 10.0 if n < 23 else 4.0} for n, at in enumerate(hours)]
    weather[30]["temperature"] = None
    source.says("/weather", {"weather": weather, "sources": []})
    async with requests(source) as client:
        found = await BrightSky(client, 50.1, 8.8, BERLIN).daily_means(date(2025, 3, 30), date(2025, 4, 1))
    assert found == {date(2025, 3, 30): 10.0, date(2025, 3, 31): None}


async def test_a_fetched_mix_becomes_an_intensity_at_the_annual_level(source: Any, tmp_path: Path) -> None:
    from analytics.carbon.factors import FactorSet  # noqa: PLC0415 - the two floors meet in the file alone
    from analytics.carbon.mix import intensity, read_mix  # noqa: PLC0415

    source.says("/v2/public_power", CHARTS)
    async with requests(source) as client:
        fetched = await EnergyCharts(client).fetch(Window(NOON, NOON + HOUR))
    file = tmp_path / "mix.csv"
    file.write_bytes(encode(fetched))
    mix = read_mix(file)
    assert (mix.source, mix.licence) == (fetched.source, fetched.licence)
    found = intensity(mix, FactorSet.load("electricity-maps-2026"), 406.0)
    expected = (10500 * 35.11666667 + 1000 * 502.97) / 11500  # gas of 2025, the newest German factor
    assert found.computed[0] == pytest.approx(expected)
    assert np.isnan(found.computed[1])
    assert not found.is_anchored  # an hour has not the mean of a year
    assert np.isnan(found.anchored).all()
    assert found.coverage == 0.5
