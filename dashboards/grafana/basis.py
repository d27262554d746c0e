"""What every dashboard is drawn from, and which of its meters a panel is about."""

from collections.abc import Iterable
from typing import NamedTuple

from analytics.carbon.target import Target
from dashboards.grafana.query import is_one_of, per_day
from metering.estate import Carrier, Estate, Meter, Role
from metering.texts import Texts

_EMITTING = (Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS)


class Basis(NamedTuple):
    """The estate, the words, the time zone of days and hours (IANA name), the web app's address, the target."""

    estate: Estate
    texts: Texts
    timezone: str
    web_url: str | None = None
    target: Target | None = None

    def meters(self, role: Role, *carriers: Carrier) -> list[Meter]:
        """Of one role and any of the carriers; of all carriers if none is named."""
        return [m for m in self.estate.meters.values() if m.role is role and (not carriers or m.carrier in carriers)]

    def ids(self, role: Role, *carriers: Carrier) -> list[str]:
        return [meter.id for meter in self.meters(role, *carriers)]

    @property
    def emitting(self) -> list[str]:
        """The meters whose supply causes emissions."""
        return self.ids(Role.SUPPLY, *_EMITTING)

    @property
    def emitting_by_building(self) -> dict[str, list[str]]:
        """The same by the id of their building; buildings without any are left out."""
        found: dict[str, list[str]] = {building: [] for building in self.estate.buildings}
        for meter in self.meters(Role.SUPPLY, *_EMITTING):
            found[meter.building].append(meter.id)
        return {building: ids for building, ids in found.items() if ids}

    def by_day(self, what: str, meters: Iterable[str], *conditions: str, by: str = "") -> str:
        """A value of interval results for each local day."""
        return per_day(what, "interval", self.timezone, is_one_of("meter", meters), *conditions, by=by)

    def names(self, ids: Iterable[str]) -> dict[str, str]:
        """Of meters or devices."""
        known = {**self.device_names, **self.meter_names}
        return {id_: known[id_] for id_ in ids}

    @property
    def meter_names(self) -> dict[str, str]:
        return {meter.id: meter.name for meter in self.estate.meters.values()}

    @property
    def device_names(self) -> dict[str, str]:
        return {device.id: device.name for device in self.estate.devices.values()}

    @property
    def building_names(self) -> dict[str, str]:
        return {building.id: building.name for building in self.estate.buildings.values()}
