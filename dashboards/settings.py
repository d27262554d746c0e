"""Settings of the faces."""

from typing import Literal

from pydantic import Field

from metering.strict import Strict
from metering.texts import Language


class WebSettings(Strict):
    """The web app and its REST API."""

    host: str = "127.0.0.1"
    """Address to listen on. The default serves this machine only; to share it, put a proxy with sign-in in front."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port; 0 takes any free one."""
    language: Language | None = None
    """Language a first-time visitor sees, if not that of the installation. Visitors may switch."""
    theme: Literal["light", "dark"] = "light"
    """Colours a first-time visitor sees. Visitors may switch."""
    refresh_s: float = Field(default=5.0, ge=1.0)
    """How often open pages fetch new values, in seconds. All visitors share one query."""
