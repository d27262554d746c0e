"""Where readings are kept, as written in the settings file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from metering.strict import Strict


class RetentionSettings(Strict):
    """How long readings are kept, and how finely; stores answer from the finest there is."""

    raw_days: int | None = Field(default=90, ge=2)
    """After so many days readings become quarter-hours (mean, least, greatest, first, last, count); null for never."""
    quarter_hour_days: int | None = Field(default=3653, ge=2)
    """After so many days quarter-hours, interval results too, become local days, kept for ever; null for never."""

    @model_validator(mode="after")
    def _coarser_is_later(self) -> Self:
        if self.quarter_hour_days is not None and self.quarter_hour_days <= (self.raw_days or 0):
            raise ValueError("quarter_hour_days must be over raw_days: quarter-hours are made of readings")
        return self

    @property
    def condenses(self) -> bool:
        """Whether anything is ever made coarser, and deleted after that."""
        return not (self.raw_days is None and self.quarter_hour_days is None)


class EmbeddedSettings(Strict):
    """A DuckDB file on this machine, opened by one process. Needs no server."""

    kind: Literal["embedded"] = "embedded"
    path: Path = Path("leitwarte.duckdb")
    """The database file; made, with its folder, if it is missing."""
    memory_mb: int = Field(default=1024, ge=64)
    """The most memory its buffers may take, in MB; larger queries go through a temporary folder beside the file."""
    retention: RetentionSettings = RetentionSettings()
    """How long readings are kept, and how finely."""


class InfluxSettings(Strict):
    """An InfluxDB server, version 1.x, 2.x or 3.x."""

    kind: Literal["influxdb"]
    url: str = Field(pattern=r"^https?://[^/?#]+/?$")
    """Such as http://localhost:8086."""
    version: Literal[1, 2, 3] = 2
    """The server's generation, which decides how it is logged on to and written to."""
    database: str = Field(default="leitwarte", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """The database, which 2.x calls bucket; made if it is missing and the account may."""
    username: str | None = None
    """1.x only, where the server asks for it."""
    password: SecretStr | None = None
    """1.x only, where the server asks for it."""
    org: str | None = None
    """2.x only: the organisation that owns the bucket."""
    token: SecretStr | None = None
    """2.x and 3.x: an API token that may read and write the database."""
    timeout_s: float = Field(default=30.0, gt=0)
    """How long one request may take, in seconds."""
    retention: RetentionSettings = RetentionSettings()
    """How long readings are kept, and how finely; InfluxDB 3.x deletes nothing and keeps everything."""

    @model_validator(mode="after")
    def _logs_on_the_versions_way(self) -> Self:
        if self.version == 1 and (self.token or self.org):
            raise ValueError("InfluxDB 1.x knows no token and no org; give username and password, or set version")
        if self.version != 1 and (self.username or self.password):
            raise ValueError(f"InfluxDB {self.version}.x wants a token, not username and password")
        if self.version == 2 and not (self.token and self.org):
            raise ValueError("InfluxDB 2.x wants both org and token")
        if self.version == 3 and self.org:
            raise ValueError("InfluxDB 3.x knows no org")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together")
        return self


StoreSettings = Annotated[EmbeddedSettings | InfluxSettings, Field(discriminator="kind")]
