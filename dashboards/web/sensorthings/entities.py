"""The estate as SensorThings entities: buildings are Things, devices Sensors, their series Datastreams.

Ids are those of the settings. A Datastream's is that of the device or meter and the quantity, joined by a dot.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from dashboards.web.views import DeviceView, billed
from metering.estate import Building, Carrier, Device, Estate, Meter
from metering.quantities import BILLING_UNIT, Kind, quantity
from metering.reading import Series
from metering.texts import Language, Texts

LINKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Things": {
            "Locations": "Locations",
            "HistoricalLocations": "HistoricalLocations",
            "Datastreams": "Datastreams",
        },
        "Locations": {"Things": "Things", "HistoricalLocations": "HistoricalLocations"},
        "HistoricalLocations": {"Thing": "Things", "Locations": "Locations"},
        "Datastreams": {
            "Thing": "Things",
            "Sensor": "Sensors",
            "ObservedProperty": "ObservedProperties",
            "Observations": "Observations",
        },
        "Sensors": {"Datastreams": "Datastreams"},
        "ObservedProperties": {"Datastreams": "Datastreams"},
        "Observations": {"Datastream": "Datastreams", "FeatureOfInterest": "FeaturesOfInterest"},
        "FeaturesOfInterest": {"Observations": "Observations"},
    }
)
"""Entity set → its navigation properties → the sets they lead to (table 3 of the standard). Buildings do not move, so
HistoricalLocations is always empty."""

COMPUTED = "leitwarte-analytics"
"""The Sensor of what Leitwarte computes."""

_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_UCUM = "http://www.opengis.net/def/uom/UCUM/"
_UNITS: Mapping[str, tuple[str, str]] = {
    # unit: name, UCUM code
    "W": ("watt", "W"),
    "VA": ("volt ampere", "V.A"),
    "var": ("volt ampere reactive", "V.A{reactive}"),
    "1": ("one", "1"),
    "V": ("volt", "V"),
    "A": ("ampere", "A"),
    "Hz": ("hertz", "Hz"),
    "kWh": ("kilowatt hour", "kW.h"),
    "kvarh": ("kilovolt ampere reactive hour", "kV.A.h{reactive}"),
    "m³": ("cubic metre", "m3"),
    "m³/h": ("cubic metre per hour", "m3/h"),
    "°C": ("degree Celsius", "Cel"),
    "%": ("percent", "%"),
    "hPa": ("hectopascal", "hPa"),
    "ppm": ("parts per million", "[ppm]"),
    "lx": ("lux", "lx"),
    "W/m²": ("watt per square metre", "W/m2"),
    "kg CO2e": ("kilogram of CO2 equivalents", "kg{CO2e}"),
}


@dataclass(frozen=True, slots=True)
class Entity:
    """One of the standard's things, without its addresses.

    links   navigation property → ids; Observations are not among them, they are read when asked for
    series  of a Datastream: where its values are kept
    """

    set: str
    id: str
    properties: Mapping[str, object]
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    series: Series | None = None

    @property
    def is_computed(self) -> bool:
        """Whether Leitwarte computed the values of this Datastream."""
        return self.links.get("Sensor") == (COMPUTED,)


class Entities:
    """All entities of an estate but the Observations."""

    def __init__(self, estate: Estate, devices: Iterable[DeviceView], language: Language) -> None:
        self._estate = estate
        self._texts = Texts("dashboards.web", language)
        self._own = {meter.device: meter.building for meter in estate.meters.values()}
        streams = list(self._datastreams(devices))
        sensors = {id_ for stream in streams for id_ in stream.links["Sensor"]}
        quantities = {stream.series.quantity for stream in streams if stream.series}
        found = [
            *map(self._thing, estate.buildings.values()),
            *self._locations(),
            *streams,
            *(self._sensor(estate.devices.get(id_)) for id_ in sorted(sensors)),
            *map(self._observed, sorted(quantities)),
            *map(self._feature, estate.buildings.values()),
        ]
        self.sets: dict[str, dict[str, Entity]] = {name: {} for name in LINKS}
        for entity in found:
            self.sets[entity.set][entity.id] = entity
        self._link_back("Things", "Datastreams", "Thing")
        self._link_back("Things", "Locations", "Things")
        self._link_back("Sensors", "Datastreams", "Sensor")
        self._link_back("ObservedProperties", "Datastreams", "ObservedProperty")

    def linked(self, entity: Entity, link: str) -> list[Entity]:
        """Where a navigation property leads, Observations excepted."""
        return [self.sets[LINKS[entity.set][link]][id_] for id_ in entity.links.get(link, ())]

    def _link_back(self, set_: str, link: str, by: str) -> None:
        """Let the entities of a set name those of another set that name them."""
        found: dict[str, list[str]] = {}
        for other in self.sets[link].values():
            for id_ in other.links[by]:
                found.setdefault(id_, []).append(other.id)
        for id_, entity in self.sets[set_].items():
            self.sets[set_][id_] = replace(entity, links={**entity.links, link: tuple(found.get(id_, ()))})

    def _thing(self, building: Building) -> Entity:
        site = self._estate.sites[building.site]
        properties = {"usage": building.usage, "floor_area_m2": building.floor_area_m2, "site": site.name}
        name = {"name": building.name, "description": f"{building.name}, {site.name}"}
        return Entity("Things", building.id, {**name, "properties": properties})

    def _locations(self) -> Iterator[Entity]:
        for building in self._estate.buildings.values():
            if (place := self._place(building)) is not None:
                name = {"name": building.name, "description": self._estate.sites[building.site].name}
                properties = {**name, "encodingType": "application/geo+json", "location": place, "properties": {}}
                yield Entity("Locations", building.id, properties, {"Things": (building.id,)})

    def _feature(self, building: Building) -> Entity:
        place = self._place(building)
        properties = {
            "name": building.name,
            "description": building.name,
            "encodingType": "application/geo+json",
            "feature": place or {"type": "Feature", "geometry": None, "properties": {}},
            "properties": {},
        }
        return Entity("FeaturesOfInterest", building.id, properties)

    def _place(self, building: Building) -> dict[str, object] | None:
        """GeoJSON (RFC 7946: longitude first) of the building's site."""
        site = self._estate.sites[building.site]
        if site.latitude is None or site.longitude is None:
            return None
        return {"type": "Point", "coordinates": [site.longitude, site.latitude]}

    def _datastreams(self, devices: Iterable[DeviceView]) -> Iterator[Entity]:
        for view in sorted(devices, key=lambda view: view.device.id):
            building = view.device.building or self._own.get(view.device.id)
            for name in sorted({reading.quantity for reading in view.readings}):
                if building is not None:
                    yield self._datastream(Series(view.device.id, name), view.device.name, building, view.device.id)
        supplies = {meter.id for meter in billed(self._estate.meters.values(), self._estate)}
        for meter in self._estate.meters.values():
            yield self._computed(meter, "consumption")
            if meter.id in supplies and meter.carrier != Carrier.WATER:
                yield self._computed(meter, "emissions")

    def _computed(self, meter: Meter, name: str) -> Entity:
        more = {"carrier": meter.carrier.value, "role": meter.role.value, "meter": meter.id}
        return self._datastream(Series(meter.id, name), meter.name, meter.building, COMPUTED, more)

    def _datastream(
        self, series: Series, name: str, building: str, sensor: str, more: Mapping[str, object] = MappingProxyType({})
    ) -> Entity:
        known = quantity(series.quantity)
        unit = self._estate.meters[series.device].carrier.unit if known.unit == BILLING_UNIT else known.unit
        what = self._texts(f"quantity.{series.quantity}")
        is_interval = known.kind is Kind.INTERVAL
        since = self._texts("sensorthings.interval") if is_interval else self._texts("sensorthings.instant")
        unit_name, code = _UNITS[unit]
        properties = {
            "name": f"{name}: {what}",
            "description": f"{name}: {what}. {since}",
            "observationType": _MEASUREMENT,
            "unitOfMeasurement": {"name": unit_name, "symbol": unit, "definition": _UCUM + code},
            "properties": dict(more),
        }
        links = {"Thing": (building,), "Sensor": (sensor,), "ObservedProperty": (series.quantity,)}
        return Entity("Datastreams", f"{series.device}.{series.quantity}", properties, links, series)

    def _sensor(self, device: Device | None) -> Entity:
        if device is None:
            id_, name, what = COMPUTED, "Leitwarte", self._texts("sensorthings.computed")
        else:
            id_, name, what = device.id, device.name, self._texts("sensorthings.device", interval=device.interval_s)
        properties = {"name": name, "description": what, "encodingType": "text/plain", "metadata": what}
        return Entity("Sensors", id_, {**properties, "properties": {}})

    def _observed(self, name: str) -> Entity:
        """Its definition is its own address, which `dashboards.web.sensorthings.answers` knows."""
        known = quantity(name)
        what = self._texts(f"quantity.{name}")
        properties = {"kind": known.kind.value, "obis": known.obis}
        return Entity(
            "ObservedProperties", name, {"name": what, "definition": "", "description": what, "properties": properties}
        )
