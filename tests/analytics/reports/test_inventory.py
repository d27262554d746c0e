"""Balances through a real store: scopes, own generation, exactness, changes, conformity, trace, freezing, restating."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.carbon.certificate import Certificate
from analytics.carbon.conformity import Verdict
from analytics.carbon.edition import Shelf
from analytics.carbon.emissions import Problem
from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.exact import exact
from analytics.carbon.factors import Choice, FactorSet
from analytics.carbon.plant import Plants
from analytics.carbon.plant_settings import PlantSettings
from analytics.carbon.settings import CarbonSettings
from analytics.carbon.view import Scope, names
from analytics.carbon.weather import Normalisation
from analytics.reports.collect import collect
from analytics.reports.figure import FigureId, Measure
from analytics.reports.formats import write as write_report
from analytics.reports.frozen import differences, document, freeze
from analytics.reports.period import Period
from analytics.reports.report import COUNTED, Entry, Report
from analytics.reports.restate import restate
from analytics.reports.rules import Rules
from analytics.reports.trace import trace
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.event import Event, Severity
from metering.instant import HOUR, isoformat
from metering.localtime import LocalCalendar, quarter_hours
from metering.quality import Quality
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.protocol import Store
from storage.settings import EmbeddedSettings

BERLIN = LocalCalendar()
GAS = GasQuality((GasPeriod(date(2023, 1, 1), None, Decimal("0.9650"), Decimal("11.400"), "Gasrechnung"),))
RULES = Rules(FactorSet.load("municipal-2026"), BERLIN, GAS)


def meter(name: str, building: str, carrier: Carrier, role: Role = Role.SUPPLY) -> Meter:
    return Meter(name, name, building, carrier, role, "device", "active_energy_import")


ESTATE = Estate.of(
    [Site("north", "Nord"), Site("south", "Süd")],
    [Building("school", "Schule", "north", "school", 1000.0), Building("hall", "Halle", "south", "hall")],
    [Device("device", "Zähler", 60.0)],
    [
        meter("el", "school", Carrier.ELECTRICITY),
        meter("kitchen", "school", Carrier.ELECTRICITY, Role.SUBMETER),
        meter("pv", "school", Carrier.ELECTRICITY, Role.GENERATION),
        meter("out", "school", Carrier.ELECTRICITY, Role.FEED_IN),
        meter("gas", "school", Carrier.GAS),
        meter("heat", "hall", Carrier.HEAT),
        meter("el2", "hall", Carrier.ELECTRICITY),
    ],
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await opened.start()
    yield opened
    await opened.close()


async def write(
    store: Store, name: str, period: str, kwh: float | np.ndarray, *, left_out: slice = slice(0, 0)
) -> None:
    """The same or the given consumption in every quarter-hour of the period but those left out."""
    starts = quarter_hours(Period.parse(period).window(BERLIN))
    values = np.broadcast_to(kwh, len(starts))
    keep = np.ones(len(starts), bool)
    keep[left_out] = False
    pairs = zip(starts[keep].tolist(), values[keep].tolist(), strict=True)
    made = [(Reading(name, "consumption", v, at), Reading(name, "completeness", 1.0, at)) for at, v in pairs]
    await store.write([reading for pair in made for reading in pair])


async def made(store: Store, view: str, period: str = "2024-07", place: str = "city", rules: Rules = RULES) -> Report:
    return await collect(store, ESTATE, Period.parse(period), rules, rules.view(view), place)


async def july(store: Store) -> None:
    """2976 quarter-hours each; PV as in a published example: 60 % used on site."""
    for name, kwh in (
        ("el", 1.4),
        ("pv", 1.0),
        ("out", 0.4),
        ("gas", 0.1),
        ("heat", 2.0),
        ("el2", 1.0),
        ("kitchen", 9.0),
    ):
        await write(store, name, "2024-07", kwh)


async def test_scopes_keep_upstream_out_of_scope_2(store: Store) -> None:
    await july(store)
    report = await made(store, "GHGP-LB")
    kwh = Decimal(2976) * Decimal("2.4")
    assert report.figure(Measure.EMISSIONS, carrier="electricity", scope="2").value == kwh * Decimal("0.361")
    assert report.figure(Measure.EMISSIONS, carrier="electricity", scope="3").value == kwh * Decimal("0.053")
    gas = Decimal("297.6") * Decimal("0.965") * Decimal("11.4") * Decimal("0.903") * Decimal("0.20088")
    assert report.figure(Measure.EMISSIONS, scope="1").value == gas
    assert report.figure(Measure.EMISSIONS, scope="1").unit == "kg CO2"
    assert report.figure(Measure.FEED_IN).value == 2976 * Decimal("0.4")
    assert report.figure(Measure.OWN_USE).value == 2976 * Decimal("0.6")
    assert report.figure(Measure.AVOIDED).value == 2976 * Decimal("0.685")


async def test_biogenic_co2_stands_apart(store: Store) -> None:
    await july(store)
    (period,) = GAS.periods
    rules = replace(RULES, gas=GasQuality((replace(period, biogenic_share=Decimal("0.1")),)))
    burnt = Decimal("297.6") * Decimal("0.965") * Decimal("11.4") * Decimal("0.903") * Decimal("0.20088")
    report = await made(store, "GHGP-LB", rules=rules)
    assert report.figure(Measure.EMISSIONS, scope="1").value == burnt * Decimal("0.9")
    assert report.figure(Measure.BIOGENIC).value == burnt * Decimal("0.1")
    unknown = await made(store, "BISKO-2024", rules=rules)
    assert unknown.figure(Measure.EMISSIONS, carrier="gas").problems == (Problem.NO_FACTOR,)


async def test_what_has_no_factor_is_an_error_and_not_a_zero(store: Store) -> None:
    await july(store)
    report = await made(store, "GHGP-MB")
    figure = report.figure(Measure.EMISSIONS, carrier="heat")
    assert (figure.value, figure.problems, figure.complete) == (None, (Problem.NO_FACTOR,), False)
    assert not report.figure(Measure.EMISSIONS).complete
    chosen = {"GHGP-MB": {"heat": Choice(edition="evo-2022"), "electricity": Choice(edition="geg-2020")}}
    chosen_report = await made(store, "GHGP-MB", rules=replace(RULES, choices=chosen))
    assert chosen_report.figure(Measure.EMISSIONS, carrier="heat").value == 5952 * Decimal("0.1211")
    assert chosen_report.view.chosen == ("electricity", "heat")


async def test_a_supplier_s_own_factors_make_the_ghg_protocol_views_whole(store: Store, tmp_path: Path) -> None:
    await july(store)
    own = tmp_path / "supplier-2024.csv"
    own.write_text(
        "carrier,region,valid,g_per_kwh,gases,boundary,heat_basis,hi_per_hs,status,evidence,afterwards,publisher,document,"
        "page,url\ngas,DE,2024,38.5,CO2e,upstream,Hs,,final,primary,latest,Gaslieferant,Produktblatt 2024,S. 2,"
        "https://example.org/gas\n",
        "utf-8",
    )
    chosen = {"GHGP-LB": {"heat": Choice(edition="evo-2022"), "gas/3": Choice(edition="supplier-2024")}}
    before = await made(store, "GHGP-LB")
    assert before.figure(Measure.EMISSIONS).problems == (Problem.NO_FACTOR,)
    rules = replace(RULES, choices=chosen, shelf=Shelf((own,)))
    report = await made(store, "GHGP-LB", rules=rules)
    assert report.figure(Measure.EMISSIONS).problems == ()
    hs = Decimal("297.6") * Decimal("0.9650") * Decimal("11.400")
    assert report.figure(Measure.EMISSIONS, carrier="gas", scope="3").value == hs * Decimal("0.0385")
    scope_1 = before.figure(Measure.EMISSIONS, carrier="gas", scope="1").value
    assert report.figure(Measure.EMISSIONS, carrier="gas", scope="1").value == scope_1


async def test_two_small_files_make_the_market_based_view_whole(store: Store, tmp_path: Path) -> None:
    """A supplier's contract and the network's own value, as docs/carbon.md says; the sums were worked out by hand."""
    await july(store)
    header = "carrier,region,valid,g_per_kwh,gases,boundary,heat_basis,hi_per_hs,status,evidence,afterwards,publisher,"
    header += "document,page,url\n"
    rows = {
        "supplier-2024.csv": (
            "electricity,DE,2024,120,CO2e,direct,none,,final,primary,none,Supplier,Stromkennzeichnung 2024,S. 1,none\n"
            "gas,DE,2024,38.5,CO2e,upstream,Hs,,final,primary,none,Supplier,Produktblatt 2024,S. 2,none\n"
        ),
        "network-2024.csv": (
            "heat,DE,2024,96.3,CO2e,upstream,none,,final,primary,none,Network,Bescheinigung FW 309-1,S. 3,none\n"
        ),
    }
    for name, text in rows.items():
        (tmp_path / name).write_text(header + text, "utf-8")
    chosen = {"electricity": "supplier-2024", "gas/3": "supplier-2024", "heat": "network-2024"}
    own = CarbonSettings.model_validate(
        {
            "factor_files": list(rows),
            "choices": {"GHGP-MB": {key: {"edition": name} for key, name in chosen.items()}},
        }
    ).beside(tmp_path)
    assert (await made(store, "GHGP-MB")).figure(Measure.EMISSIONS).problems == (Problem.NO_FACTOR,)
    report = await made(store, "GHGP-MB", rules=replace(RULES, shelf=own.shelf(), choices=own.choices))
    by_hand = {
        ("electricity", "2"): "857.088",  # 7142.4 kWh · 120 g
        ("electricity", "3"): "378.5472",  # 7142.4 kWh · (414 - 361) g
        ("heat", "2"): "573.1776",  # 5952 kWh · 96.3 g
        ("gas", "1"): "593.867476548864",  # 297.6 m³ · 0.965 · 11.4 = 3273.8976 kWh(Hs), · 0.903 · 200.88 g
        ("gas", "3"): "126.0450576",  # 3273.8976 kWh(Hs) · 38.5 g
    }
    for (carrier, scope), kg in by_hand.items():
        assert report.figure(Measure.EMISSIONS, carrier=carrier, scope=scope).value == Decimal(kg), (carrier, scope)
    whole = report.figure(Measure.EMISSIONS)
    assert (whole.value, whole.problems) == (Decimal("2528.725334148864"), ())
    assert "supplier-2024/electricity/DE/2024-01-01/CO2e/direct" in whole.factors
    page = write_report(report, "html").decode()
    assert "Stromkennzeichnung 2024" in page
    assert "Bescheinigung FW 309-1" in page


async def test_a_choice_for_a_carrier_the_view_does_not_balance_is_refused() -> None:
    with pytest.raises(LookupError, match="balances no lpg"):
        replace(RULES, choices={"GEG": {"lpg": Choice(edition="geg-2020")}}).view("GEG")
    with pytest.raises(LookupError, match="balances no gas/3"):
        replace(RULES, choices={"GEG": {"gas/3": Choice(edition="geg-2020")}}).view("GEG")


async def test_feed_in_is_not_netted_and_avoided_emissions_stand_apart(store: Store) -> None:
    await july(store)
    report = await made(store, "UBA-16-2026", place="building:school")
    n = Decimal(2976)
    assert report.figure(Measure.EMISSIONS, carrier="electricity").value == n * Decimal("1.4") * Decimal("0.414")
    assert report.figure(Measure.ENERGY, carrier="electricity").value == n * 2
    assert report.figure(Measure.OWN_USE).value == n * Decimal("0.6")
    assert report.figure(Measure.FEED_IN).value == n * Decimal("0.4")
    assert report.figure(Measure.AVOIDED).value == n * Decimal("0.685")
    assert {row.entry for row in report.rows} == set(Entry) - {Entry.CHP}


async def test_what_photovoltaics_covered_is_told_by_the_hour(store: Store) -> None:
    """By day 2 kWh a quarter-hour, of which 1 is fed in; by night the grid. The load is 1 kWh always."""
    starts = quarter_hours(Period.parse("2024-07").window(BERLIN))
    sun = ((starts // HOUR % 24 >= 6) & (starts // HOUR % 24 < 18)).astype(float)
    await write(store, "pv", "2024-07", 2 * sun)
    await write(store, "out", "2024-07", sun)
    await write(store, "el", "2024-07", 1 - sun, left_out=slice(0, 2))
    await write(store, "el2", "2024-07", 1.0)
    period, view = Period.parse("2024-07"), RULES.view("UBA-16-2026")
    report = await freeze(store, ESTATE, period, RULES, view, "city")
    (school,) = report.matching  # the hall has no photovoltaics
    assert (school.building.id, school.match.hours, school.match.known) == ("school", 744, 743)
    assert school.match.load == pytest.approx(743 * 4)
    assert school.match.score == pytest.approx(372 / 743)
    assert school.match.balance == 1.0, "in the balance of the month it is all of it"
    assert report.figure(Measure.SELF_CONSUMPTION, carrier="electricity").value == 50
    share = report.figure(Measure.SELF_SUFFICIENCY, "building:school", "electricity")
    assert share.value == pytest.approx(50, rel=0.01)
    below = await trace(store, ESTATE, share.id, RULES)
    parts = {part.id.measure: part.value for part in below.parts}
    assert set(parts) == {Measure.GENERATION, Measure.FEED_IN, Measure.ENERGY}
    assert parts[Measure.GENERATION] == report.figure(Measure.GENERATION, carrier="electricity").value == 2976
    for extension, said in (("html", "zeitgleich gedeckt"), ("json", "covered_kwh")):
        assert said in write_report(report, extension).decode()
    none = await freeze(store, ESTATE, period, RULES, view, "building:hall")
    assert none.matching == ()


async def test_more_feed_in_than_generation_is_named(store: Store) -> None:
    await write(store, "pv", "2024-07", 1.0)
    await write(store, "out", "2024-07", 1.5)
    figure = (await made(store, "UBA-16-2026", place="building:school")).figure(Measure.OWN_USE)
    assert figure.value is None
    assert Problem.FEED_IN_EXCEEDS in figure.problems


async def test_a_gap_counts_with_the_mean_and_widens_the_band(store: Store) -> None:
    await write(store, "el2", "2025-06", 5.0, left_out=slice(100, 388))
    figure = (await made(store, "UBA-16-2026", "2025-06", "meter:el2")).figure(Measure.EMISSIONS)
    assert figure.value == Decimal("5846.4")
    assert (figure.completeness, figure.estimated_share) == (Decimal("0.9"), Decimal("0.1"))
    half = Decimal("5846.4") * Decimal("0.03") + Decimal("584.64") * Decimal("0.20")
    assert (figure.low, figure.high) == (Decimal("5846.4") - half, Decimal("5846.4") + half)


async def test_the_store_and_the_intervals_add_up_alike(store: Store) -> None:
    """A month without a gap is added up by the store; one missing completeness has it looked at here."""
    values = np.round(np.random.default_rng(3).random(2976) * 7, 6)
    await write(store, "el2", "2024-07", values)
    whole = (await made(store, "UBA-16-2026", place="meter:el2")).figure(Measure.ENERGY).value
    first = quarter_hours(Period.parse("2024-07").window(BERLIN))[0]
    await store.write([Reading("el2", "completeness", 0.999999, int(first))])
    looked_at = (await made(store, "UBA-16-2026", place="meter:el2")).figure(Measure.ENERGY)
    exact_sum = Decimal(sum(round(value * 10**6) for value in values.tolist())) / 10**6
    assert whole == exact_sum
    assert looked_at.value is not None
    assert abs(looked_at.value - exact_sum) < Decimal("0.00001")  # the missing millionth of an interval, filled
    assert looked_at.value != exact_sum


@given(
    cuts=st.lists(st.integers(1, 59), max_size=4, unique=True),
    seed=st.integers(0, 2**32 - 1),
    gap=st.integers(0, 5000),
    view=st.sampled_from(names()),
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_partition_of_time_meters_and_scopes_adds_up(
    store: Store, cuts: list[int], seed: int, gap: int, view: str
) -> None:
    """December and January: two factors, a year's end, and a gap wherever it falls."""
    random = np.random.default_rng(seed)
    period = Period(date(2023, 12, 1), date(2024, 2, 1))
    for name in ("el", "el2", "gas", "heat"):
        for month in ("2023-12", "2024-01"):
            await write(
                store, name, month, np.round(random.random(2976), 6), left_out=slice(gap % 2900, gap % 2900 + 40)
            )
    rules = replace(RULES, choices={"GEG": {"heat": Choice(edition="evo-2022")}})
    whole = await made(store, view, str(period), rules=rules)
    days = [date.fromordinal(period.start.toordinal() + cut) for cut in sorted(cuts)]
    bounds = [period.start, *days, period.end]
    parts = [await made(store, view, str(Period(a, b)), rules=rules) for a, b in pairwise(bounds)]
    with exact():
        for measure in (Measure.ENERGY, Measure.EMISSIONS):
            total = whole.figure(measure).value
            assert sum(part.figure(measure).value or 0 for part in parts) == total
            by_building = [whole.figure(measure, f"building:{name}").value or 0 for name in ("school", "hall")]
            assert sum(by_building) == total
            months = [f.value or 0 for f in whole.figures if f.id.period in period.months and f.id.measure is measure]
            assert sum(months) == 2 * (total or 0)  # once in all, once by carrier
        by_scope = (
            [whole.figure(Measure.EMISSIONS, scope=scope).value or 0 for scope in whole.view.scopes]
            if len(whole.view.scopes) > 1
            else [whole.figure(Measure.EMISSIONS).value or 0]
        )
        assert sum(by_scope) == whole.figure(Measure.EMISSIONS).value


async def test_a_change_is_split_into_causes_that_add_up(store: Store) -> None:
    await write(store, "el", "2023-07", 1.0)
    await write(store, "el", "2024-07", 0.9)
    await write(store, "heat", "2023-07", 1.0)
    await write(store, "heat", "2024-07", 1.1)
    await write(store, "el2", "2024-07", 1.0)
    weather = Normalisation("G20/15", "Offenbach", {2023: Decimal("1.2"), 2024: Decimal("1.0")})
    rules = replace(RULES, weather=weather)
    period = Period.parse("2024-07")
    report = await collect(store, ESTATE, period, rules, rules.view("UBA-16-2026"), compare=True)
    changes = {(change.id.place, change.id.carrier): change for change in report.changes}
    for change in changes.values():
        parts = change.activity + change.weather + change.factor + change.boundary
        assert parts == change.now - change.before
    el = changes["building:school", "electricity"]
    n = Decimal(2976)
    assert el.activity == n * Decimal("-0.1") * Decimal("0.442")
    assert el.factor == n * Decimal("0.9") * (Decimal("0.414") - Decimal("0.442"))
    assert changes["building:hall", "electricity"].boundary == n * Decimal("0.414")
    heat = changes["building:hall", "heat"]
    assert (heat.activity, heat.weather) == (
        n * Decimal("-0.1") * Decimal("0.26"),
        n * Decimal("0.2") * Decimal("0.26"),
    )
    assert changes["city", "all"].boundary == n * Decimal("0.414")


async def test_bisko_is_incomplete_conformant_or_not(store: Store) -> None:
    await july(store)
    found = (await made(store, "BISKO-2024")).conformity
    assert found is not None
    assert (found.verdict, found.index) == (Verdict.INCOMPLETE, Decimal(1))
    assert "bisko_not_whole_municipality" in found.reasons
    whole = replace(RULES, municipality=True)
    conformant = (await made(store, "BISKO-2024", rules=whole)).conformity
    assert conformant is not None
    assert conformant.verdict is Verdict.CONFORMANT
    other = replace(whole, choices={"BISKO-2024": {"electricity": Choice(edition="geg-2020")}})
    refused = (await made(store, "BISKO-2024", rules=other)).conformity
    assert refused is not None
    assert (refused.verdict, refused.reasons) == (Verdict.NOT_CONFORMANT, ("bisko_own_factors",))


async def test_weather_is_normalised_for_buildings_and_never_in_bisko(store: Store) -> None:
    for month in range(1, 13):
        await write(store, "heat", f"2024-{month:02}", 1.0)
    rules = replace(RULES, weather=Normalisation("G20/15", "Offenbach", {2024: Decimal("1.1")}))
    report = await made(store, "UBA-16-2026", "2024", rules=rules)
    normalised = report.figure(Measure.WEATHER_NORMALISED, "building:hall", "heat")
    assert normalised.value == 35136 * Decimal("1.1")
    bisko = await made(store, "BISKO-2024", "2024", rules=rules)
    assert not [figure for figure in bisko.figures if figure.id.measure is Measure.WEATHER_NORMALISED]
    assert bisko.figure(Measure.ENERGY, carrier="heat").value == 35136


async def test_a_trace_leads_down_to_register_readings(store: Store) -> None:
    await july(store)
    day = Period.parse("2024-07-01").window(BERLIN)
    await store.write(
        [Reading("device", "active_energy_import", 100.0 + n, day.start_us + n * 900_000_000) for n in range(99)]
    )
    asked = FigureId.parse("UBA-16-2026/2024-07/emissions/city/electricity/total")
    city = await trace(store, ESTATE, asked, RULES)
    assert sum(part.value or 0 for part in city.parts) == city.figure.value
    school = await trace(store, ESTATE, replace(asked, place="building:school"), RULES)
    assert {part.id.place for part in school.parts} == {"meter:el", "meter:pv", "meter:out"}
    month = await trace(store, ESTATE, replace(asked, place="meter:el"), RULES)
    assert sum(part.value or 0 for part in month.parts) == month.figure.value
    assert len(month.parts) == 31
    noon = month.parts[0].id.period.window(BERLIN).start_us + 12 * HOUR
    told = [
        Event(f"e{n}", noon, noon, "exchange", Severity.INFO, meter, "school", meter)
        for n, meter in enumerate(("el", "gas"))
    ]
    await store.write_events(told)
    evidence = await trace(store, ESTATE, month.parts[0].id, RULES)
    assert evidence.exchanges == (told[0],), "an auditor sees why the register begins anew"
    assert len(evidence.intervals) == 96
    assert (evidence.readings.values[0], evidence.readings.values[-1]) == (100.0, 196.0)
    assert evidence.gas == ()
    burnt = await trace(store, ESTATE, FigureId.parse("UBA-16-2026/2024-07-01/energy/meter:gas/gas/all"), RULES)
    assert burnt.gas == GAS.periods, "how m³ became kWh"
    (factor,) = evidence.factors
    assert (factor.page, factor.g_per_kwh) == ("Tab. 2, S. 14-16", 414)


@pytest.mark.parametrize(
    "text", ["a/b", "V/2024/emissions/house:x/all/all", "V/2024/tons/city/all/all", "V/x/energy/city/all/all"]
)
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no figure"):
        FigureId.parse(text)


def plant(**own: object) -> Rules:
    """Rules with a plant as in a published example: 100 kWh of gas become 35 kWh of electricity and 50 kWh of heat."""
    told = {"id": "bhkw", "fuel_kwh": 100, "electricity_kwh": 35, "heat_kwh": 50, "source": "Datenblatt"}
    made_of = PlantSettings.model_validate({"supply_k": 373, "electricity": ["pv"], **told, **own})
    return replace(RULES, plants=Plants((made_of.plant(),)))


async def test_electricity_of_a_plant_has_its_own_factor_and_avoids_nothing(store: Store) -> None:
    await july(store)
    rules = plant(heat=["heat"], feed_in=["out"])
    report = await made(store, "BISKO-2024", rules=rules)
    electric, heat = Decimal("0.524813443"), Decimal("0.12663059")
    assert report.figure(Measure.OWN_USE).value == 2976 * Decimal("0.6")
    bought = await made(store, "BISKO-2024")
    added = report.figure(Measure.EMISSIONS, carrier="electricity").value
    before = bought.figure(Measure.EMISSIONS, carrier="electricity").value
    assert added is not None
    assert before is not None
    assert float(added - before) == pytest.approx(float(2976 * Decimal("0.6") * electric))
    heated = report.figure(Measure.EMISSIONS, carrier="heat")
    assert float(heated.value or 0) == pytest.approx(float(2976 * 2 * heat))
    assert heated.factors == ("settings/chp_heat:bhkw/DE/2021-01-01/CO2e/upstream",)
    with pytest.raises(LookupError):
        report.figure(Measure.AVOIDED)
    frozen = await freeze(store, ESTATE, Period.parse("2024-07"), rules, rules.view("BISKO-2024"), "city")
    for format_ in ("html", "xlsx", "csv"):
        assert write_report(frozen, format_)
    page = write_report(frozen, "html").decode()
    assert 'exergetisch (BISKO) (verwendet)</td><td class="number">25,6\N{NO-BREAK SPACE}%' in page
    assert "nach Energie (IEA)</td>" in page
    hall = await made(store, "BISKO-2024", place="building:school", rules=plant(electricity=["el2"], heat=["heat"]))
    assert hall.method.plants == (), "no plant of another building"


async def test_what_a_plant_makes_of_balanced_fuel_is_shown_and_not_added(store: Store) -> None:
    await july(store)
    rules = plant(heat=["heat"], fuel_meters=["gas"])
    report = await made(store, "GHGP-LB", rules=rules)
    plain = await made(store, "GHGP-LB")
    for measure, carrier in ((Measure.EMISSIONS, "gas"), (Measure.ENERGY, "gas")):
        assert report.figure(measure, carrier=carrier).value == plain.figure(measure, carrier=carrier).value
    assert report.figure(Measure.ENERGY, carrier="electricity").value == 2976 * Decimal("2.4")
    assert report.figure(Measure.CHP_ENERGY).value == 2976 * 3
    gas = Decimal("0.20088")
    made_of = Decimal(2976) / 35 * gas * 100 * (1 - Decimal("0.256337"))
    assert float(report.figure(Measure.CHP_EMISSIONS, carrier="electricity").value or 0) == pytest.approx(
        float(made_of), rel=1e-5
    )
    assert not [row for row in report.rows if row.entry in COUNTED and row.carrier is Carrier.HEAT]


async def test_certificates_cover_their_volume_of_their_year_alone(store: Store) -> None:
    await july(store)
    whole = Decimal(2976) * Decimal("2.4")
    one = Certificate("wind", 2024, whole / 4, Decimal(0), "HKNR")
    rules = replace(RULES, certificates=(one, Certificate("old", 2023, whole, Decimal(0), "HKNR")))
    bare = (await made(store, "GHGP-MB", rules=rules)).figure(Measure.EMISSIONS, carrier="electricity", scope="2")
    assert (bare.value, bare.problems) == (0, (Problem.NO_FACTOR,))
    residual = replace(rules, choices={"GHGP-MB": {"electricity": Choice(edition="geg-2020")}})
    for place, kwh in (("city", whole), ("building:school", Decimal(2976) * Decimal("1.4"))):
        report = await made(store, "GHGP-MB", rules=residual, place=place)
        figure = report.figure(Measure.EMISSIONS, carrier="electricity", scope="2")
        assert figure.value == kwh * Decimal("0.75") * Decimal("0.56")
        assert figure.problems == ()
    ample = replace(rules, certificates=(replace(one, kwh=whole * 2),))
    figure = (await made(store, "GHGP-MB", rules=ample)).figure(Measure.EMISSIONS, carrier="electricity", scope="2")
    assert (figure.value, figure.problems) == (0, ())
    untouched = await made(store, "GHGP-LB", rules=residual)
    assert untouched.figure(Measure.EMISSIONS, carrier="electricity", scope="2").value == whole * Decimal("0.361")
    frozen = await freeze(store, ESTATE, Period.parse("2024-07"), residual, residual.view("GHGP-MB"), "city")
    assert "25,0\N{NO-BREAK SPACE}%" in write_report(frozen, "html").decode()


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.SUBSTITUTED])
@pytest.mark.parametrize("values", [1, 2976])
async def test_replacement_values_that_a_utility_delivered_whole_are_not_measured(
    store: Store, values: int, quality: Quality
) -> None:
    await july(store)
    starts = quarter_hours(Period.parse("2024-07").window(BERLIN))[:values].tolist()
    await store.write([Reading("el2", "consumption", 1.0, at, quality, "ersatzwert") for at in starts])
    figure = (await made(store, "UBA-16-2026", place="building:hall")).figure(Measure.ENERGY, carrier="electricity")
    assert figure.value == 2976
    with exact():
        replaced, measured = Decimal(values) / 2976, Decimal(2976 - values) / 2976
    assert (figure.estimated_share, figure.completeness) == (replaced, measured)
    other = (await made(store, "UBA-16-2026", place="building:hall")).figure(Measure.ENERGY, carrier="heat")
    assert (other.estimated_share, other.completeness) == (0, 1)


async def test_what_was_taken_back_is_unknown(store: Store) -> None:
    await july(store)
    starts = quarter_hours(Period.parse("2024-07").window(BERLIN))[:96].tolist()
    await store.write([Reading("el2", "consumption", 0.0, at, Quality.SUSPECT, "unknown") for at in starts])
    await store.write([Reading("el2", "completeness", 0.0, at) for at in starts])
    figure = (await made(store, "UBA-16-2026", place="building:hall")).figure(Measure.ENERGY, carrier="electricity")
    assert figure.value == 2976, "filled with the mean of the others"
    with exact():
        assert (figure.estimated_share, figure.completeness) == (Decimal(96) / 2976, Decimal(2880) / 2976)


async def test_a_frozen_report_is_made_again_to_the_byte_until_something_changes(store: Store) -> None:
    await july(store)
    period, view = Period.parse("2024-07"), RULES.view("UBA-16-2026")
    first = await freeze(store, ESTATE, period, RULES, view, "city")
    again = await freeze(store, ESTATE, period, RULES, view, "city")
    assert document(first) == document(again)
    assert first.manifest is not None
    then = {"view": first.manifest.view, "version": first.manifest.version, "settings": first.manifest.settings}
    published = {**then, "editions": dict(first.manifest.editions), "inputs": dict(first.manifest.inputs)}
    await store.write(
        [Reading("el", "consumption", 3.0, period.window(BERLIN).start_us, Quality.SUBSTITUTED, "manual")]
    )
    now = await freeze(store, ESTATE, period, RULES, view, "city")
    assert now.manifest is not None
    assert differences(published, now.manifest) == ["inputs: el is not what it was"]


async def test_restating_changes_factors_alone(store: Store) -> None:
    await july(store)
    published = await made(store, "UBA-16-2026")
    view = RULES.view("UBA-16-2026", {"uba-16-2026": "uba-13-2025"})
    now = await collect(store, ESTATE, Period.parse("2024-07"), RULES, view)
    lines = {line.carrier: line for line in restate(published, now)}
    assert lines[Carrier.GAS].difference_kg == lines[Carrier.HEAT].difference_kg == 0
    electricity = lines[Carrier.ELECTRICITY]
    assert electricity.difference_kg == 2976 * Decimal("2.4") * Decimal("0.013")
    assert electricity.scope is Scope.TOTAL
    assert [factor.g_per_kwh for factor in electricity.now if factor.carrier == "electricity"] == [427]


def mix_of(path: Path, period: str) -> Path:
    """Wind by night, coal by day, in every hour of the period."""
    window = Period.parse(period).window(BERLIN)
    about = (
        "# source: test\n# licence: CC BY 4.0\n# attribution: somebody\n# region: DE\n# step_s: 3600\nstart,coal,wind\n"
    )
    hours = range(window.start_us, window.end_us, HOUR)
    rows = (f"{isoformat(at)},{4.0 if 6 <= at // HOUR % 24 < 18 else 0.0},1.0\n" for at in hours)
    path.write_text(about + "".join(rows), "utf-8")
    return path


async def test_hourly_figures_stand_beside_the_annual_one(store: Store, tmp_path: Path) -> None:
    starts = quarter_hours(Period.parse("2024-07").window(BERLIN))
    night = np.where((starts // HOUR % 24 >= 6) & (starts // HOUR % 24 < 18), 0.0, 1.0)
    await write(store, "el", "2024-07", night)
    await write(store, "el2", "2024-07", 1.0)
    period, view = Period.parse("2024-07"), RULES.view("UBA-16-2026")
    whole = replace(RULES, mixes=(mix_of(tmp_path / "whole.csv", "2024"),))
    school, city = [await freeze(store, ESTATE, period, whole, view, place) for place in ("building:school", "city")]
    ((one,), (both,)) = school.hourly, city.hourly
    assert (one.year, one.of_year, one.matched.share) == (2024, 1.0, 1.0)
    assert one.matched.annual_kg == pytest.approx(1488 * 0.414)
    assert one.matched.computed_kg == pytest.approx(1488 * 0.01262)  # wind alone
    assert one.matched.anchored_kg is not None
    assert both.matched.anchored_kg is not None
    assert one.matched.anchored_kg < one.matched.annual_kg
    day, dark = (4 * 1140.4 + 12.62) / 5, 12.62
    steady = (day + dark) / 2 / ((5 * day + dark) / 6)  # the level is that of what was generated, most of it by day
    assert both.matched.anchored_kg - one.matched.anchored_kg == pytest.approx(2976 * 0.414 * steady, rel=1e-3)
    text = write_report(city, "html").decode()
    assert "test, somebody, CC BY 4.0" in text
    assert "auf dem Niveau des Jahresfaktors verankert" in text
    assert one.matched.computed_g_per_kwh == pytest.approx(12.62), "weighted by what was consumed"
    assert city.figure(Measure.EMISSIONS, carrier="electricity").value == (2976 + 1488) * Decimal("0.414")

    part = replace(RULES, mixes=(mix_of(tmp_path / "part.csv", "2024-07"),))
    (summer,) = (await freeze(store, ESTATE, period, part, view, "city")).hourly
    assert summer.matched.anchored_kg is None  # July has not the mean of a year
    assert summer.matched.share == 1.0
    without = await freeze(store, ESTATE, period, RULES, view, "city")
    assert without.hourly == ()
    assert "auf dem Niveau des Jahresfaktors verankert" not in write_report(without, "html").decode()


async def test_an_unknown_place_or_view_is_named(store: Store) -> None:
    with pytest.raises(LookupError, match="no place 'building:nix'"):
        await made(store, "GEG", place="building:nix")
    with pytest.raises(LookupError, match="unknown view 'XYZ'; known: BISKO-2024"):
        RULES.view("XYZ")
    with pytest.raises(LookupError, match="view GEG does not use uba-16-2026; it uses geg-2020"):
        RULES.view("GEG", {"uba-16-2026": "uba-13-2025"})
