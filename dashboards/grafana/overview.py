"""The network overview: what an engineer looks at first."""

from collections.abc import Callable, Iterable, Mapping

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, CustomVariable, Dashboard, Row
from grafana_foundation_sdk.models.common import BigValueGraphMode, BigValueTextMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    ValueMap,
    ValueMappingResult,
    VariableOption,
)

from dashboards.grafana import look
from dashboards.grafana.query import (
    SOURCE,
    EventTarget,
    InfluxQuery,
    is_one_of,
    newest_of_each,
    per_day,
    select,
    sum_of_means,
    sum_of_newest,
    total,
)
from metering.estate import Carrier, Device, Estate, Meter, Role
from metering.instant import HOUR, QUARTER_HOUR
from metering.texts import Texts

UID = "leitwarte-network-overview"

_TIMEZONE = "Europe/Berlin"
_TODAY = "now/d"
_QUICK_S = 300.0  # devices that should report at least this often are expected in the last 15 minutes

Panel = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel


def network_overview(estate: Estate, texts: Texts) -> Dashboard:
    """Load and energy now and per day, by building and by meter; CO2; silent devices; data quality; anomalies."""
    anomalies = AnnotationQuery().name(texts("events")).datasource(SOURCE).icon_color("orange").target(EventTarget())
    board = Dashboard(texts("overview")).uid(UID).description(texts("overview_about")).tags(["leitwarte"])
    board = board.timezone(_TIMEZONE).week_start("monday").time("now-24h", "now").refresh("30s").readonly()
    board = board.annotation(anomalies.enable(enable=True)).with_variable(_meter_choice(estate, texts))
    sections = {"row_now": _now, "row_load": _load, "row_days": _days, "row_trust": _trust}
    for title, panels in sections.items():
        board = board.with_row(Row(texts(title)))
        for panel in panels(estate, texts):
            if panel.build().targets:  # what the estate has nothing for is left out
                board = board.with_panel(panel)
    return board


def _now(estate: Estate, texts: Texts) -> list[Panel]:
    supply, generation = _electricity(estate, Role.SUPPLY), _electricity(estate, Role.GENERATION)
    ids = [meter.id for meter in supply]
    compared = is_one_of("meter", ids), '"expected" > 0'
    quick = {device.id for device in estate.devices.values() if device.interval_s <= _QUICK_S}
    heard = InfluxQuery(newest_of_each(quick, "15m"), shape="table")
    expected_today = (
        InfluxQuery(total("consumption", ids), alias=texts("measured")),
        InfluxQuery(total("expected", ids), alias=texts("expected")),
    )
    deviation = InfluxQuery(select('(sum("consumption") / sum("expected") - 1) * 100', "interval", *compared))
    devices_heard = look.figure(texts, "heard", "none", heard).reduce_options(look.reduced("count", "/^[Tt]ime$/"))
    return [
        look.figure(texts, "load_now", "watt", *_power(supply, sum_of_newest)).time_from("15m"),
        look.figure(texts, "generation_now", "watt", *_power(generation, sum_of_newest)).time_from("15m"),
        look.figure(texts, "energy_today", "kwatth", *expected_today)
        .time_from(_TODAY)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .graph_mode(BigValueGraphMode.NONE),
        look.figure(texts, "deviation", "percent", deviation)
        .time_from(_TODAY)
        .decimals(1)
        .thresholds(look.steps({None: look.BLUE, -20.0: look.GREEN, 10.0: look.YELLOW, 25.0: look.RED})),
        look.figure(texts, "co2_today", "masskg", InfluxQuery(total("emissions", _emitting(estate)))).time_from(_TODAY),
        devices_heard.description(texts("heard_about", count=len(quick)))
        .graph_mode(BigValueGraphMode.NONE)
        .thresholds(look.steps({None: look.RED, 0.9 * len(quick): look.YELLOW, float(len(quick)): look.GREEN})),
    ]


def _load(estate: Estate, texts: Texts) -> list[Panel]:
    by_building = [
        target
        for building in estate.buildings.values()
        for target in _power(
            (meter for meter in _electricity(estate, Role.SUPPLY) if meter.building == building.id),
            sum_of_means,
            building.name,
        )
    ]
    slowest = max((device.interval_s for device in estate.devices.values() if device.interval_s <= _QUICK_S), default=0)
    power = look.curve(texts, "power_by_building", "watt", by_building)
    per_hour = HOUR // QUARTER_HOUR
    of_meter = "\"meter\" = '${meter}'"
    each_interval = "GROUP BY time($__interval) fill(null)"
    lines = {
        "measured": "consumption",
        "expected": "expected",
        "expected_lower": "expected_lower",
        "expected_range": "expected_upper",
    }
    profile = look.curve(
        texts,
        "profile",
        "kwatt",
        [
            InfluxQuery(
                select(f'mean("{field}") * {per_hour}', "interval", of_meter, then=each_interval), alias=texts(key)
            )
            for key, field in lines.items()
        ],
    ).interval("15m")
    profile = profile.title(texts("profile", meter="${meter:text}")).fill_opacity(0)
    return [
        # in a bucket of two report intervals every device has a value, so the sum has no dents
        power.interval(f"{max(60, round(2 * slowest))}s"),
        profile.override_by_name(texts("measured"), [DynamicConfigValue("custom.lineWidth", 2)])
        .override_by_name(texts("expected"), _line(dash=[8, 6], width=1))
        .override_by_name(texts("expected_lower"), _line(width=0, hide_from={"legend": True, "tooltip": False}))
        .override_by_name(texts("expected_range"), _line(width=0, fillBelowTo=texts("expected_lower"), fillOpacity=18)),
    ]


def _days(estate: Estate, texts: Texts) -> list[Panel]:
    supply = [meter for meter in estate.meters.values() if meter.role is Role.SUPPLY]
    by_carrier = {
        carrier: [meter.id for meter in supply if meter.carrier is carrier]
        for carrier in (Carrier.ELECTRICITY, Carrier.HEAT)
    }
    by_building = {building.name: _emitting(estate, building.id) for building in estate.buildings.values()}
    return [
        look.daily_bars(
            texts,
            "energy_by_day",
            "kwatth",
            [
                InfluxQuery(per_day("consumption", ids, _TIMEZONE), alias=texts(carrier.value))
                for carrier, ids in by_carrier.items()
                if ids
            ],
        ),
        look.daily_bars(
            texts,
            "co2_by_day",
            "masskg",
            [InfluxQuery(per_day("emissions", ids, _TIMEZONE), alias=name) for name, ids in by_building.items() if ids],
        ),
    ]


def _trust(estate: Estate, texts: Texts) -> list[Panel]:
    names = {device.id: device.name for device in estate.devices.values()}
    expected = {device.id: _with_interval(device, texts) for device in estate.devices.values()}
    last_heard = InfluxQuery(newest_of_each(names, "30d"), shape="table")
    newest_five = 'GROUP BY "device" ORDER BY time DESC LIMIT 5'
    doubtful = InfluxQuery(select("/_status$/", "reading", then=newest_five), shape="table")
    share = select('mean("completeness") * 100', "interval", then='GROUP BY "meter"')
    completeness = InfluxQuery(share, alias="$tag_meter")
    columns = '"severity", "title", "kind", "subject", "building"'
    events = InfluxQuery(select(columns, "event", then="ORDER BY time DESC"), shape="table")
    severities = {str(code): texts(f"severity_{code}") for code in range(3)}
    buildings = {building.id: building.name for building in estate.buildings.values()}
    return [
        _table(texts, "devices", last_heard)
        .with_transformation(_only("^([Tt]ime|device)$"))
        .with_transformation(DataTransformerConfig("sortBy", options={"fields": {}, "sort": [{"field": "Time"}]}))
        .override_by_name("device", [_called(texts("device")), _mapped(expected)])
        .override_by_name("Time", [_called(texts("last_heard")), DynamicConfigValue("unit", "dateTimeFromNow")]),
        look.named(
            look.dressed(bargauge.Panel(), texts, "completeness", "percent", [completeness])
            .orientation(VizOrientation.HORIZONTAL)
            .thresholds(look.steps({None: look.RED, 90.0: look.YELLOW, 99.0: look.GREEN})),
            {meter.id: meter.name for meter in estate.meters.values()},
        )
        .min(0)
        .max(100)
        .decimals(1)
        .height(10)
        .span(12),
        _table(texts, "doubtful", doubtful)
        .override_by_name("device", [_called(texts("device")), _mapped(names)])
        .override_by_name("Time", [_called(texts("time"))]),
        _table(texts, "event_list", events)
        .override_by_name("Time", [_called(texts("time"))])
        .override_by_name("severity", [_called(texts("severity")), _mapped(severities)])
        .override_by_name("building", [_called(texts("building")), _mapped(buildings)])
        .override_by_name("title", [_called(texts("title"))])
        .override_by_name("kind", [_called(texts("kind"))])
        .override_by_name("subject", [_called(texts("subject"))]),
    ]


def _electricity(estate: Estate, role: Role) -> list[Meter]:
    return [m for m in estate.meters.values() if m.carrier is Carrier.ELECTRICITY and m.role is role]


def _emitting(estate: Estate, building: str | None = None) -> list[str]:
    """The meters whose supply causes emissions."""
    supply = [m for m in estate.meters.values() if m.role is Role.SUPPLY and m.carrier is not Carrier.WATER]
    return [meter.id for meter in supply if building in (None, meter.building)]


def _power(meters: Iterable[Meter], summed: Callable[[str, Iterable[str]], str], alias: str = "") -> list[InfluxQuery]:
    """The summed power of the meters' devices; a meter of both directions has its signed power in active_power."""
    devices: dict[str, set[str]] = {}
    for meter in meters:
        devices.setdefault(meter.power or "active_power", set()).add(meter.device)
    return [InfluxQuery(summed(field, ids), alias=alias) for field, ids in devices.items()]


def _meter_choice(estate: Estate, texts: Texts) -> CustomVariable:
    """The meters billed in kWh, by name; Grafana separates the choices by commas."""
    meters = {
        meter.name.replace(",", r"\,"): meter.id for meter in estate.meters.values() if meter.carrier.unit == "kWh"
    }
    choice = CustomVariable("meter").label(texts("meter"))
    choice = choice.values(", ".join(f"{name} : {id_}" for name, id_ in meters.items()))
    for name, id_ in meters.items():
        return choice.current(VariableOption(selected=True, text=name, value=id_))
    return choice


def _table(texts: Texts, key: str, target: InfluxQuery) -> table.Panel:
    return look.dressed(table.Panel(), texts, key, "none", [target]).height(10).span(12)


def _only(pattern: str) -> DataTransformerConfig:
    return DataTransformerConfig("filterFieldsByName", options={"include": {"pattern": pattern}})


def _with_interval(device: Device, texts: Texts) -> str:
    return texts("device_every", name=device.name, seconds=f"{device.interval_s:g}")


def _called(name: str) -> DynamicConfigValue:
    return DynamicConfigValue("displayName", name)


def _mapped(names: Mapping[str, str]) -> DynamicConfigValue:
    """Values shown by the names people use."""
    return DynamicConfigValue(
        "mappings", [ValueMap({id_: ValueMappingResult(text=text) for id_, text in names.items()})]
    )


def _line(
    *, width: int, dash: list[int] | None = None, hide_from: Mapping[str, bool] | None = None, **custom: object
) -> list[DynamicConfigValue]:
    """How one line of a curve looks."""
    look_of_it = {"lineWidth": width, **custom}
    if dash is not None:
        look_of_it["lineStyle"] = {"fill": "dash", "dash": dash}
    if hide_from is not None:
        look_of_it["hideFrom"] = {"viz": False, **hide_from}
    return [DynamicConfigValue(f"custom.{key}", value) for key, value in look_of_it.items()]
