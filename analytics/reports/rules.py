"""By which rules energy becomes a report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from analytics.carbon.band import Bands
from analytics.carbon.certificate import Certificate
from analytics.carbon.edition import Shelf
from analytics.carbon.energy import GasQuality
from analytics.carbon.factors import Choice, FactorSet
from analytics.carbon.plant import Plants
from analytics.carbon.target import Target
from analytics.carbon.view import View
from analytics.carbon.weather import Normalisation
from metering.estate import Carrier, Meter, Role
from metering.instant import QUARTER_HOUR
from metering.localtime import LocalCalendar

MUNICIPAL = "municipal"


@dataclass(frozen=True, slots=True)
class Rules:
    """What every figure depends on beside the readings.

    factors       what live results are computed with, and reports that name no view
    gas           Zustandszahl and Brennwert over time; None: gas has neither kWh nor kg
    step_us       length of the stored intervals
    shelf         the editions at hand
    choices       by view and carrier: a factor instead of the view's
    sectors       of buildings that are not municipal (households, commerce, industry, transport), by id
    prices        EUR per billing unit
    weather       for heat in buildings; None: not normalised
    bands         half widths
    municipality  whether the meters are all grid-bound consumption of the municipality
    avoided       edition with the factor of what generation avoids elsewhere
    plants        combined heat and power
    certificates  guarantees of origin, for the market-based view
    mixes         files with how electricity was generated, hour by hour; shown beside the annual factor
    target        the path that years are shown against; it changes no figure
    """

    factors: FactorSet
    calendar: LocalCalendar
    gas: GasQuality | None = None
    step_us: int = QUARTER_HOUR
    shelf: Shelf = field(default_factory=Shelf)
    choices: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)
    sectors: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[Carrier, Decimal] = field(default_factory=dict)
    weather: Normalisation | None = None
    bands: Bands = field(default_factory=Bands)
    municipality: bool = False
    avoided: str = "uba-11-2026"
    plants: Plants = field(default_factory=Plants)
    certificates: tuple[Certificate, ...] = ()
    mixes: tuple[Path, ...] = ()
    target: Target | None = None

    def view(self, name: str | None = None, editions: Mapping[str, str] | None = None) -> View:
        """The view of that name with the choices made for it; without a name the live factors.

        Raises LookupError for an unknown view or edition.
        """
        if name is None:
            return View.of(self.factors)
        return View.load(name, self.shelf, self.choices.get(name), editions)

    def supplies(self, meter: Meter) -> bool:
        """Whether what it counts is in the balance: taken from the network, or a plant's heat whose fuel is not."""
        plant = self.plants.of(meter.id) if meter.carrier is Carrier.HEAT else None
        return meter.role is Role.SUPPLY if plant is None else not plant.fuel_meters

    def sector(self, building: str) -> str:
        return self.sectors.get(building, MUNICIPAL)
