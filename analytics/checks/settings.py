"""Settings of checks over several series. What is contracted stands at the meter: ``contracted_kw``."""

from pydantic import Field

from metering.strict import Strict


class CheckSettings(Strict):
    """When several series together say that something is wrong."""

    balance_share: float = Field(default=0.05, gt=0, lt=1)
    """Sub-meters may miss their main meter by this share of it, beyond what is usual."""
    pv_share: float = Field(default=0.85, gt=0, lt=1)
    """A plant that makes less than this share of what sun and other plants let expect is not well."""
    heating_limit_c: float = Field(default=18.0, ge=0, le=30)
    """On days with a warmer mean outdoor temperature, in °C, rooms need no heat …"""
    summer_share: float = Field(default=0.25, gt=0, lt=1)
    """… so that a meter that counts more than this share of what it does on a cold day is told of."""
    heat_all_year: tuple[str, ...] = ("pool",)
    """Usages of buildings that need heat in summer, too."""
