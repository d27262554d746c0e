"""The settings file: one YAML document for the whole house. Each room defines and documents its own part."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import Field, field_validator

from analytics.carbon.factors import FactorSet
from analytics.carbon.plant import Plants
from analytics.carbon.settings import CarbonSettings
from analytics.reports.rules import Rules
from analytics.settings import AnalyticsSettings
from collectors.modbus.settings import ModbusSettings
from collectors.mqtt.settings import MqttSettings
from collectors.settings import DeviceSettings
from dashboards.settings import WebSettings
from gateway.settings import GatewaySettings
from leitwarte.estate_settings import SiteSettings
from metering.clock import Clock
from metering.estate import Building, Carrier, Estate, Site
from metering.localtime import LocalCalendar
from metering.strict import Strict
from metering.texts import Language
from storage.settings import EmbeddedSettings, StoreSettings


class ClockSettings(Strict):
    """A time lapse, for replays of measured series; leave it out in production."""

    speed: float = Field(default=1.0, gt=0)
    """Simulated seconds per real second."""
    start_us: int | None = None
    """The simulated time at the real time since_us, µs since the Unix epoch."""
    since_us: int | None = None
    """Real time at which the time lapse began, µs since the Unix epoch; the start of the process if left out."""

    def clock(self) -> Clock:
        return Clock(speed=self.speed, start_us=self.start_us, since_us=self.since_us)


class Settings(Strict):
    """All settings of one installation."""

    language: Language = "de"
    """Language of everything people see: de or en."""
    data_dir: Path = Path("leitwarte-data")
    """Where the outbox, the embedded store and the alerts live; relative to the settings file."""
    store: StoreSettings = EmbeddedSettings()
    """Where readings are kept."""
    modbus: tuple[ModbusSettings, ...] = ()
    """Modbus connections and the devices behind them."""
    mqtt: tuple[MqttSettings, ...] = ()
    """MQTT brokers and the devices heard through them."""
    sites: tuple[SiteSettings, ...] = ()
    """The estate: sites, buildings, meters."""
    timezone: str = "Europe/Berlin"
    """Local time of days, weeks and reports."""
    carbon: CarbonSettings = CarbonSettings()
    """Emission factors, and what gas is worth."""
    alerts_url: str | None = None
    """Database of the alerts, as SQLAlchemy writes it, such as postgresql://…; SQLite in data_dir if left out."""
    gateway: GatewaySettings = GatewaySettings()
    """Validation, outbox, health."""
    analytics: AnalyticsSettings = AnalyticsSettings()
    """Energy, anomalies, alerts, CO2."""
    web: WebSettings = WebSettings()
    """The web app."""
    clock: ClockSettings = ClockSettings()
    """Time lapse, for replays."""

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, timezone: str) -> str:
        LocalCalendar(timezone)
        return timezone

    @property
    def calendar(self) -> LocalCalendar:
        return LocalCalendar(self.timezone)

    @property
    def store_in_data_dir(self) -> StoreSettings:
        """The store's settings, a relative path of the embedded one taken from ``data_dir``."""
        if isinstance(self.store, EmbeddedSettings):
            return self.store.model_copy(update={"path": self.data_dir / self.store.path})
        return self.store

    @property
    def gateway_in_data_dir(self) -> GatewaySettings:
        return self.gateway.model_copy(update={"data_dir": self.data_dir / self.gateway.data_dir})

    @property
    def web_in_data_dir(self) -> WebSettings:
        return self.web.model_copy(update={"accounts": self.data_dir / self.web.accounts})

    @property
    def alerts_database(self) -> str:
        return self.alerts_url or f"sqlite:///{self.data_dir / 'alerts.db'}"

    @property
    def control(self) -> Path:
        """The folder in which running processes can be asked, see `leitwarte.control`."""
        return self.data_dir / "control"

    @property
    def heartbeat(self) -> Path:
        """The file that analytics touches as it works."""
        return self.data_dir / "analytics.alive"

    def rules(self) -> Rules:
        """By which rules energy becomes CO2. Raises LookupError for an unknown factor set."""
        carbon, tariffs = self.carbon, self.analytics.tariffs
        prices = {carrier: Decimal(str(price)) for carrier in Carrier if (price := tariffs.price(carrier)) is not None}
        shelf = carbon.shelf()
        return Rules(
            FactorSet.load(carbon.factors, shelf),
            self.calendar,
            carbon.gas_quality(),
            shelf=shelf,
            choices=carbon.choices,
            sectors=carbon.sectors,
            prices=prices,
            weather=carbon.normalisation(),
            bands=carbon.bands(),
            municipality=carbon.whole_municipality,
            plants=Plants(tuple(plant.plant() for plant in carbon.plants)),
            certificates=tuple(one.certificate() for one in carbon.certificates),
            mixes=carbon.mixes,
            target=carbon.target.target() if carbon.target else None,
        )

    def tomorrow(self) -> date:
        """The local day after this one."""
        return self.calendar.tomorrow(self.clock.clock().now_us())

    def connections(self) -> Iterator[tuple[str, int, ModbusSettings | MqttSettings]]:
        """Every connection, with the key and the index under which it stands in the file."""
        for index, bus in enumerate(self.modbus):
            yield "modbus", index, bus
        for index, broker in enumerate(self.mqtt):
            yield "mqtt", index, broker

    def devices(self) -> Iterator[DeviceSettings]:
        for _, _, connection in self.connections():
            yield from connection.devices

    def rollovers(self) -> dict[tuple[str, str], float]:
        """Where registers begin again at 0, by device and quantity in its canonical unit, as the templates tell."""
        return {
            (device.id, quantity): wrap * abs(device.factors.get(quantity, 1.0))
            for connection in self.modbus
            for device in connection.devices
            for quantity, wrap in device.device_type().wraps.items()
        }

    def estate(self) -> Estate:
        """The estate these settings describe. Raises ValueError as `metering.estate.Estate.of`."""
        rollovers = self.rollovers()
        return Estate.of(
            sites=[Site(site.id, site.name or site.id, site.latitude, site.longitude) for site in self.sites],
            buildings=[
                Building(building.id, building.name or building.id, site.id, building.usage, building.floor_area_m2)
                for site in self.sites
                for building in site.buildings
            ],
            devices=[device.device() for device in self.devices()],
            meters=[
                meter.meter(building.id, rollovers)
                for site in self.sites
                for building in site.buildings
                for meter in building.meters
            ],
        )
