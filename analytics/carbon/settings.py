"""Settings of the CO2 figures."""

from datetime import date
from decimal import Decimal
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from analytics.carbon.band import Bands
from analytics.carbon.edition import Shelf
from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import DEFAULT, Choice
from analytics.carbon.gas_table import read_gas_table
from analytics.carbon.plant_settings import CertificateSettings, PlantSettings
from analytics.carbon.target import Target
from analytics.carbon.weather import Normalisation, heating_factor
from metering.strict import Strict

Sector = Literal["municipal", "households", "commerce", "industry", "transport"]


class GasPeriodSettings(Strict):
    """What a gas bill says about the gas."""

    start: date
    """First local day."""
    end: date | None = None
    """The day after the last one; open if left out."""
    state_number: Decimal = Field(ge=Decimal("0.7"), le=Decimal("1.2"))
    """Zustandszahl."""
    calorific_value: Decimal = Field(ge=7, le=14)
    """Brennwert in kWh per standard m³."""
    source: str
    """The bill or price sheet it stands on."""
    biogenic_share: Decimal = Field(default=Decimal(0), ge=0, le=1)
    """Biomethane in it, with a proof of sustainability; its CO2 is reported apart."""
    area: str = ""
    """The supply area, where there are several: what the gas_area of its meters says."""


class WeatherSettings(Strict):
    """What makes a year's heating energy that of a normal year; either degree days or climate factors."""

    source: str
    """Station or postcode, and who published the values."""
    reference: Decimal | None = Field(default=None, gt=0)
    """Degree days G20/15 of the normal year, in Kd."""
    degree_days: dict[int, Decimal] = Field(default_factory=dict)
    """Degree days G20/15 by calendar year, in Kd."""
    climate_factors: dict[int, Decimal] = Field(default_factory=dict)
    """Climate factors of the Deutscher Wetterdienst by calendar year, for your postcode."""
    hot_water_share: Decimal = Field(default=Decimal(0), ge=0, lt=1)
    """Share of the heating energy that does not depend on the weather."""

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        if bool(self.degree_days) == bool(self.climate_factors):
            raise ValueError("give either degree_days with their reference, or climate_factors")
        if self.degree_days and self.reference is None:
            raise ValueError("degree_days need the reference of the normal year")
        if any(value <= 0 for value in (*self.degree_days.values(), *self.climate_factors.values())):
            raise ValueError("degree days and climate factors are over 0")
        return self

    def normalisation(self) -> Normalisation:
        if self.reference is None:
            return Normalisation("DWD-KF", self.source, self.climate_factors, self.hot_water_share)
        factors = {year: heating_factor(days, self.reference) for year, days in self.degree_days.items()}
        return Normalisation("G20/15", self.source, factors, self.hot_water_share)


class BandSettings(Strict):
    """How far figures may be off, as shares: half widths of the band."""

    provisional: Decimal = Field(default=Bands.provisional, ge=0, le=1)
    """Of preliminary and estimated factors."""
    stand_in: Decimal = Field(default=Bands.stand_in, ge=0, le=1)
    """Of a factor that stands in for a year that has none yet."""
    substituted: Decimal = Field(default=Bands.substituted, ge=0, le=1)
    """Of energy that was not measured."""


class TargetSettings(Strict):
    """The path to the municipality's climate target, which actual years are shown against."""

    base_year: int = Field(ge=1990, le=2100)
    """The year that the aims compare with."""
    aims: dict[int, Decimal] = Field(min_length=1)
    """By year: how many percent less than in the base year, such as {2030: 65, 2045: 100}; straight lines between."""
    known_t: dict[int, Decimal] = Field(default_factory=dict)
    """By year: t CO2e from earlier balances of the same buildings. For other years, the base year too, what Leitwarte
    computed counts."""
    source: str
    """The decision the aims stand on."""

    @model_validator(mode="after")
    def _leads_down(self) -> Self:
        years = [self.base_year, *sorted(self.aims)]
        saved = [Decimal(0), *(self.aims[year] for year in sorted(self.aims))]
        if years[1] <= self.base_year or years[-1] > self.base_year + 100:
            raise ValueError(f"aims are for the hundred years after the base year {self.base_year}")
        if saved[-1] > 100 or any(later < earlier for earlier, later in pairwise(saved)):
            raise ValueError("aims are percent, 0 to 100, and a later aim is no lower than an earlier one")
        if any(tonnes < 0 for tonnes in self.known_t.values()) or self.known_t.get(self.base_year) == 0:
            raise ValueError("known_t are t CO2e from 0 on, and more than 0 in the base year")
        return self

    def target(self) -> Target:
        reductions = {year: self.aims[year] / 100 for year in sorted(self.aims)}
        return Target(self.base_year, reductions, {y: 1000 * t for y, t in self.known_t.items()}, self.source)


class CarbonSettings(Strict):
    """Which factors count, and what the gas is worth."""

    factors: str = DEFAULT
    """The rule set or edition of live figures; ``leitwarte carbon factors`` lists them."""
    factor_files: tuple[Path, ...] = ()
    """Further editions, such as your heat network's own factor; relative to the settings file."""
    unverified: bool = False
    """Also use values that nobody has seen in a reliable source."""
    choices: dict[str, dict[str, Choice]] = Field(default_factory=dict)
    """By view and carrier: a factor instead of the view's, such as {GEG: {heat: {edition: evo-2022}}}; gas/3 is that of
    scope 3."""
    gas: tuple[GasPeriodSettings, ...] = ()
    """The gas bills; without them gas has neither kWh nor CO2."""
    gas_tables: dict[str, str] = Field(default_factory=dict)
    """Supply area → its gas month by month, best from a file: ${file:gas-north.csv}, whose first line is
    month;state_number;calorific_value;source."""

    @field_validator("gas_tables")
    @classmethod
    def _readable(cls, tables: dict[str, str]) -> dict[str, str]:
        for area, text in tables.items():
            GasQuality(read_gas_table(text, area))
        return tables

    @property
    def gas_areas(self) -> set[str]:
        return {period.area for period in self.gas} | set(self.gas_tables)

    sectors: dict[str, Sector] = Field(default_factory=dict)
    """Sector of a building, by its id; municipal if left out."""
    whole_municipality: bool = False
    """Whether the meters are all the grid-bound consumption of the municipality: only then can a balance be BISKO."""
    plants: tuple[PlantSettings, ...] = ()
    """Combined heat and power; generation meters that no plant names are photovoltaics."""
    certificates: tuple[CertificateSettings, ...] = ()
    """Guarantees of origin, for the market-based view."""
    mixes: tuple[Path, ...] = ()
    """Files that ``leitwarte carbon fetch`` wrote, relative to the settings file: reports show hourly figures too."""
    weather: WeatherSettings | None = None
    """For weather-normalised heat of buildings."""
    target: TargetSettings | None = None
    """The path to the climate target; the CO2 page and Grafana show years against it."""
    band: BandSettings = BandSettings()
    """How far figures may be off."""

    def shelf(self) -> Shelf:
        return Shelf(self.factor_files, self.unverified)

    def gas_quality(self) -> GasQuality | None:
        billed = (
            GasPeriod(p.start, p.end, p.state_number, p.calorific_value, p.source, p.area, p.biogenic_share)
            for p in self.gas
        )
        listed = (read_gas_table(text, area) for area, text in self.gas_tables.items())
        periods = tuple(chain(billed, *listed))
        return GasQuality(periods) if periods else None

    def normalisation(self) -> Normalisation | None:
        return self.weather.normalisation() if self.weather else None

    def bands(self) -> Bands:
        return Bands(self.band.provisional, self.band.stand_in, self.band.substituted)

    def beside(self, folder: Path) -> Self:
        """With relative paths taken from the folder of the settings file."""
        paths = {"factor_files": self.factor_files, "mixes": self.mixes}
        return self.model_copy(update={key: tuple(folder / path for path in own) for key, own in paths.items()})
