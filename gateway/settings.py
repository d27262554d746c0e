"""Settings of the gateway, as in the settings file."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from metering.strict import Strict


class HealthSettings(Strict):
    """Where health and metrics are served."""

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all. Nothing secret is served, but nothing is protected either."""
    port: int = Field(default=9108, ge=0, le=65535)
    """TCP port; 0 takes a free one."""


class SharingSettings(Strict):
    """Several gateways (replicas) that divide the connections of this file among themselves; see docs/scale.md."""

    replica: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """This gateway's name among them. It stays with its data_dir for ever; usually ${env:REPLICA}."""
    broker: str
    """Id of the MQTT connection over whose broker they know of each other."""
    takeover_s: float = Field(default=30.0, ge=3)
    """Within how many seconds the others take over from a replica that is lost."""
    alone_s: float = Field(default=300.0, ge=0)
    """How many seconds a replica that is cut off from the broker keeps what it has; others may poll the same then."""


class GatewaySettings(Strict):
    """Validation, outbox, health."""

    data_dir: Path = Path("gateway")
    """Where the outbox and the quarantine live; for one process alone."""
    outbox_max_mb: int = Field(default=1024, ge=1)
    """How much may wait for the store, in MB, at some 40 bytes a reading; collectors wait when it is reached."""
    quarantine_max_mb: int = Field(default=64, ge=1)
    """How much is kept of what was rejected or could not be decoded, in MB; the oldest goes first."""
    batch_readings: int = Field(default=5000, ge=1)
    """How many readings are written to the store at once."""
    batch_wait_s: float = Field(default=0.25, ge=0)
    """How long a reading waits at most for others, to be written together with them, in seconds."""
    drain: Literal["oldest_first", "newest_first"] = "oldest_first"
    """What goes to the store first after an outage; newest_first lets what comes pass the backlog, batch by batch."""
    retry_s: float = Field(default=1.0, gt=0)
    """First pause after a failure of the store or a collector, in seconds; it doubles with each failure in a row."""
    retry_max_s: float = Field(default=60.0, gt=0)
    """Longest such pause, in seconds."""
    stuck_after_s: float = Field(default=3600.0, gt=0)
    """After how many seconds without any change of its gauges a device counts as stuck."""
    future_tolerance_s: float = Field(default=300.0, ge=0)
    """How far the clocks of devices may be ahead, in seconds; readings beyond are rejected."""
    unready_after_s: float = Field(default=300.0, ge=0)
    """How many seconds the store may be unreachable before the gateway says it is not ready."""
    drain_s: float = Field(default=5.0, ge=0)
    """How long a shutdown goes on writing to the store, in seconds; the rest stays in the outbox."""
    health: HealthSettings = HealthSettings()
    """Health and metrics."""
    sharing: SharingSettings | None = None
    """Leave out where there is one gateway."""
