"""Settings of analytics."""

from pydantic import Field, SecretStr

from analytics.alerts.settings import AlertSettings, RecipientSettings, RouteSettings
from analytics.checks.settings import CheckSettings
from metering.estate import Carrier
from metering.strict import Strict


class TariffSettings(Strict):
    """What a billing unit costs, taxes included. Without a price alerts name no costs."""

    electricity: float | None = Field(default=None, ge=0)
    """EUR per kWh."""
    heat: float | None = Field(default=None, ge=0)
    """EUR per kWh."""
    gas: float | None = Field(default=None, ge=0)
    """EUR per m³."""
    water: float | None = Field(default=None, ge=0)
    """EUR per m³, sewage included."""

    def price(self, carrier: Carrier) -> float | None:
        prices: dict[Carrier, float | None] = {
            Carrier.ELECTRICITY: self.electricity,
            Carrier.HEAT: self.heat,
            Carrier.GAS: self.gas,
            Carrier.WATER: self.water,
        }
        return prices[carrier]


class AnalyticsSettings(Strict):
    """Energy, anomalies and alerts."""

    interval_s: float = Field(default=60.0, gt=0)
    """How often live readings are checked, in seconds."""
    history_days: int = Field(default=366, ge=7)
    """How much history a meter's usual consumption is learned from, at most."""
    recompute_h: float = Field(default=24.0, ge=1)
    """Readings that come late by up to so many hours change the results with the next interval …"""
    late_days: int = Field(default=60, ge=1)
    """… and those that come late by up to so many days within the hour; best less than the store keeps raw readings."""
    memory_mb: int = Field(default=512, ge=0)
    """Recent results that are kept in memory, so that updates read less: about 40 kB per meter of quarter-hours."""
    substitute_gaps: bool = False
    """What a register counted while it was not read becomes substitute values (Ersatzwerte) of every interval, spread
    evenly over the gap and marked as such; if false, only sums over days, months and years have it, marked as well."""
    holiday_region: str | None = "HE"
    """German state whose public holidays count as Sundays; null for none."""
    outdoor_temperature: str | None = None
    """Id of the device that measures the outdoor temperature, if there is one."""
    scheduler: str | None = Field(default=None, pattern=r"^(tcp|tls)://.+")
    """Address of a Dask scheduler, such as tcp://10.0.0.5:8786, whose workers compute; else this machine does."""
    silent_factor: float = Field(default=5.0, gt=1)
    """A device is silent when it has not been heard for so many of its intervals …"""
    silent_after_s: float = Field(default=120.0, gt=0)
    """… and for at least so many seconds."""
    tariffs: TariffSettings = TariffSettings()
    """Prices, for what waste costs."""
    checks: CheckSettings = CheckSettings()
    """When several meters together say that something is wrong."""
    alerts: AlertSettings = AlertSettings()
    """When to alert."""
    notify: tuple[SecretStr, ...] = ()
    """Where every new alert is sent at once, in short: Apprise URLs such as mailto://, msteams:// or ntfy://."""

    @property
    def alerting(self) -> AlertSettings:
        """The settings of alerts, with ``notify`` as recipients and a route of their own."""
        if not self.notify:
            return self.alerts
        short = tuple(RecipientSettings(id=f"notify[{n}]", urls=(url,)) for n, url in enumerate(self.notify))
        routes = self.alerts.routes
        if not routes and self.alerts.recipients:
            routes = (RouteSettings(to=tuple(recipient.id for recipient in self.alerts.recipients)),)
        routes += (RouteSettings(to=tuple(recipient.id for recipient in short)),)
        return self.alerts.model_copy(update={"recipients": self.alerts.recipients + short, "routes": routes})
