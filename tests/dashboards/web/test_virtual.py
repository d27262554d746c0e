"""A virtual meter has no device and no register, and is shown with its results like any other."""

from pathlib import Path

from dashboards.web.answers import meter_out
from dashboards.web.queries import Queries
from dashboards.web.views import DeviceState
from metering.clock import Clock
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.formula import Formula
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window, parse
from metering.localtime import LocalCalendar
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

MAIN = Meter(
    "main", "Main", "school", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import", power="active_power"
)
REST = Meter.virtual(
    "rest", "Rest", "school", carrier=Carrier.ELECTRICITY, role=Role.SUBMETER, formula=Formula.parse("0.5 * main")
)
ESTATE = Estate.of(
    [Site("campus", "Campus")],
    [Building("school", "School", "campus", "school")],
    [Device("d", "D", 10.0)],
    [MAIN, REST],
)


async def test_a_virtual_meter_is_shown_like_any_other(tmp_path: Path) -> None:
    clock = Clock(start_us=parse("2026-03-27T13:37:30Z"), speed=0.01)
    now_us = clock.now_us() // QUARTER_HOUR * QUARTER_HOUR
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    starts = range(now_us - DAY, now_us, QUARTER_HOUR)
    await store.write([Reading("rest", "consumption", 0.5, start) for start in starts])
    await store.write([Reading("d", "active_power", 4000.0, clock.now_us())])
    queries = Queries(store, ESTATE, clock, LocalCalendar(), 10.0)

    building = await queries.building("school")
    assert building.load.value == 4000.0
    assert [view.meter.id for view in building.meters] == ["main", "rest"]
    assert (await queries.overview()).energy.keys() == {Carrier.ELECTRICITY}
    view = await queries.meter(REST)
    assert (view.state, view.register, view.rate) == (DeviceState.ONLINE, None, None)
    profile = await queries.profile(REST, Window(now_us - DAY, now_us))
    assert profile.actual.values.sum() == 48.0
    (curve,) = await queries.consumption_curves([REST], Window(now_us - DAY, now_us), HOUR)
    assert curve.values.max() == 2.0
    assert meter_out(REST).register_quantity == "consumption"
    await store.close()
