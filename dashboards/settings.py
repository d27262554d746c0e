"""Settings of the faces."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from metering.strict import Strict
from metering.texts import Language

RoleName = Literal["engineer", "facility_manager", "climate_office", "operator"]


def is_loopback(host: str) -> bool:
    """Whether this names the machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class OidcSettings(Strict):
    """Sign-in at an OpenID provider, such as Keycloak, Entra ID or the city's own."""

    issuer: str
    """Its address as it stands in the tokens; /.well-known/openid-configuration is asked for below it."""
    client_id: str
    """Under which name it knows this app. It must allow <address of this app>/sign-in/oidc/back as redirect URI."""
    client_secret: SecretStr | None = None
    """Left out for a public client; PKCE is used in any case."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for."""
    name_claim: str = "preferred_username"
    """Claim of the ID token that names the user."""
    role_claim: str = "groups"
    """Claim with a user's groups or roles: a text or a list of texts."""
    roles: dict[str, RoleName] = Field(min_length=1)
    """Role for each value of that claim: the first that a user has, counts. Who has none is not let in."""
    buildings_claim: str = "buildings"
    """Claim with the ids of the buildings that a facility manager looks after: a list of texts."""

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        address = urlsplit(issuer)
        if address.scheme != "https" and not (address.scheme == "http" and is_loopback(address.hostname or "")):
            raise ValueError(f"the issuer must be an https:// address, not {issuer!r}")
        return issuer.rstrip("/")


class WebSettings(Strict):
    """The web app and its REST API."""

    host: str = "127.0.0.1"
    """Address to listen on. The default serves this machine only; for others, set `sign_in`."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port; 0 takes any free one."""
    sign_in: Literal["none", "local", "oidc"] = "none"
    """Who may come in: everybody who reaches the port (this machine only), users of `leitwarte users`, or those too and
    the users of an OpenID provider."""
    oidc: OidcSettings | None = None
    """The OpenID provider, for `sign_in: oidc`."""
    behind_proxy: bool = False
    """A proxy in front ends TLS and says for whom it asks (X-Forwarded-For and -Proto). Without `sign_in` it must ask
    people who they are. Nobody but the proxy may reach the port."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks of that proxy: only those are believed for whom they ask."""
    idle_h: float = Field(default=8.0, gt=0, le=720)
    """A sign-in ends so many hours after the last page."""
    longest_h: float = Field(default=24.0, gt=0, le=720)
    """A sign-in ends after so many hours in any case."""
    api_per_minute: int = Field(default=600, ge=1)
    """Requests to the REST API that each account, or each address without sign-in, may make in a minute."""
    accounts: Path = Path("accounts.db")
    """Database of users, sessions, tokens and the log; relative to the installation's data_dir."""
    language: Language | None = None
    """Language a first-time visitor sees, if not that of the installation. Visitors may switch."""
    theme: Literal["light", "dark"] = "light"
    """Colours a first-time visitor sees. Visitors may switch."""
    refresh_s: float = Field(default=5.0, ge=1.0)
    """How often open pages fetch new values, in seconds. All visitors share one query."""

    @model_validator(mode="after")
    def _is_closed(self) -> "WebSettings":
        if self.sign_in == "none" and not is_loopback(self.host) and not self.behind_proxy:
            raise ValueError(
                f"without sign-in the web app must not listen on {self.host}: set sign_in: local (and add users with "
                "`leitwarte users add`), or host: 127.0.0.1, or behind_proxy: true if a proxy asks who people are"
            )
        if (self.sign_in == "oidc") != (self.oidc is not None):
            raise ValueError("sign_in: oidc and the entry oidc: belong together; give both or neither")
        return self
