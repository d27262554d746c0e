"""What every dashboard is drawn from, and which of its meters a panel is about."""

from collections.abc import Iterable
from typing import NamedTuple

from metering.estate import Carrier, Estate, Meter, Role
from metering.texts import Texts


class Basis(NamedTuple):
    """The estate, the words, and the time zone of days and hours (IANA name)."""

    estate: Estate
    texts: Texts
    timezone: str

    def meters(self, role: Role, *carriers: Carrier) -> list[Meter]:
        """Of one role and any of the carriers; of all carriers if none is named."""
        return [m for m in self.estate.meters.values() if m.role is role and (not carriers or m.carrier in carriers)]

    def ids(self, role: Role, *carriers: Carrier) -> list[str]:
        return [meter.id for meter in self.meters(role, *carriers)]

    @property
    def emitting(self) -> list[str]:
        """The meters whose supply causes emissions."""
        return self.ids(Role.SUPPLY, Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS)

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
