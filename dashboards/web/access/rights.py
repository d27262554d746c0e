"""The table of rights: what a role may do, and what each address asks for. Nothing else decides.

What is personal: a load profile tells when somebody is at home, at work or away, and no setting says for certain which
meter is one person's (a caretaker's flat is in a school). So the climate office sees no load profile of any meter or
building: no live values, no series, and in a report nothing finer than a local day. It sees energy, emissions and
costs by day and longer, for all places.

A facility manager sees the buildings that the account names, and nothing that is made from others'.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from starlette.routing import BaseRoute, Mount, compile_path


class Role(StrEnum):
    """What somebody is here for."""

    ENGINEER = "engineer"
    FACILITY_MANAGER = "facility_manager"
    CLIMATE_OFFICE = "climate_office"
    OPERATOR = "operator"


class Permission(StrEnum):
    """What an address may ask for."""

    ANYONE = "anyone"  # needs no sign-in
    SIGNED_IN = "signed_in"  # whoever has an account
    ESTATE = "estate"  # the list of sites, buildings and meters
    VALUES = "values"  # live values, series, load profiles
    ALERTS = "alerts"  # read alerts
    ACT = "act"  # acknowledge, comment, mute …
    CO2 = "co2"  # emissions and reports, by day and longer
    EXCHANGE = "exchange"  # note the exchange of a meter
    OPERATE = "operate"  # what was set aside, settings, the log


_ALL = frozenset(Permission)
_READING = frozenset(Permission) - {Permission.OPERATE, Permission.EXCHANGE}

RIGHTS: Mapping[Role, frozenset[Permission]] = {
    Role.ENGINEER: _READING,
    Role.FACILITY_MANAGER: _READING,
    Role.CLIMATE_OFFICE: frozenset({Permission.ANYONE, Permission.SIGNED_IN, Permission.ESTATE, Permission.CO2}),
    Role.OPERATOR: _ALL,
}

SCOPES: Mapping[str, frozenset[Permission]] = {
    "read:estate": frozenset({Permission.ESTATE}),
    "read:values": frozenset({Permission.ESTATE, Permission.VALUES}),
    "read:alerts": frozenset({Permission.ESTATE, Permission.ALERTS}),
    "write:alerts": frozenset({Permission.ALERTS, Permission.ACT}),
    "write:exchanges": frozenset({Permission.ESTATE, Permission.EXCHANGE}),
    "read:operation": frozenset({Permission.OPERATE}),
    "read:co2": frozenset({Permission.ESTATE, Permission.CO2}),
}
"""What an API token may be good for; never more than its owner's role."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an address asks of who reads there, and of who writes; None: nobody may."""

    read: Permission | None
    write: Permission | None = None


_ANYONE, _SIGNED_IN = Permission.ANYONE, Permission.SIGNED_IN

ADDRESSES: Mapping[str, Needs] = {
    "/": Needs(Permission.VALUES),
    "/building/{building}": Needs(Permission.VALUES),
    "/meter/{meter}": Needs(Permission.VALUES),
    "/meter/{meter}/exchange": Needs(Permission.EXCHANGE),
    "/devices": Needs(Permission.VALUES),
    "/alerts": Needs(Permission.ALERTS),
    "/alerts/{rest:path}": Needs(Permission.ALERTS, Permission.ACT),
    "/co2": Needs(Permission.CO2),
    "/reports": Needs(Permission.CO2),
    "/trace/{figure:path}": Needs(Permission.CO2),
    "/operation": Needs(Permission.OPERATE),
    "/operation/{rest:path}": Needs(Permission.OPERATE),
    "/about": Needs(_SIGNED_IN),
    "/account": Needs(_SIGNED_IN, _SIGNED_IN),
    "/account/{rest:path}": Needs(_SIGNED_IN, _SIGNED_IN),
    "/sign-in": Needs(_ANYONE, _ANYONE),
    "/sign-in/{rest:path}": Needs(_ANYONE, _ANYONE),
    "/sign-out": Needs(None, _ANYONE),
    "/preferences": Needs(_ANYONE),
    "/health": Needs(_ANYONE),
    "/favicon.ico": Needs(_ANYONE),
    "/api/openapi.json": Needs(_ANYONE),
    "/api/v1/sites": Needs(Permission.ESTATE),
    "/api/v1/buildings": Needs(Permission.ESTATE),
    "/api/v1/meters": Needs(Permission.ESTATE),
    "/api/v1/meters/{meter}/exchanges": Needs(Permission.EXCHANGE, Permission.EXCHANGE),
    "/api/v1/devices": Needs(Permission.VALUES),
    "/api/v1/series": Needs(Permission.VALUES),
    "/api/v1/alerts": Needs(Permission.ALERTS),
    "/api/v1/alerts/{rest:path}": Needs(Permission.ALERTS, Permission.ACT),
    "/api/v1/operation/set-aside": Needs(Permission.OPERATE),
    "/api/v1/operation/settings": Needs(Permission.OPERATE),
    "/api/v1/operation/factors": Needs(Permission.OPERATE),
    "/api/v1/operation/log": Needs(Permission.OPERATE),
    "/api/co2/v1/views": Needs(Permission.CO2),
    "/api/co2/v1/target": Needs(Permission.CO2),
    "/api/co2/v1/figures": Needs(Permission.CO2),
    "/api/co2/v1/figures/{figure:path}": Needs(Permission.CO2),
    "/api/co2/v1/report": Needs(Permission.CO2),
    "/api/co2/v1/energy": Needs(Permission.CO2),
    "/api/sensorthings/v1.1": Needs(Permission.VALUES),
    "/api/sensorthings/v1.1/{rest:path}": Needs(Permission.VALUES),
    "/_nicegui/{rest:path}": Needs(_ANYONE),  # scripts and styles of the UI framework, the same for everybody
    "/_nicegui_ws/{rest:path}": Needs(_SIGNED_IN, _SIGNED_IN),  # carries what the page that opened it may show
}

_UNKNOWN = Needs(_SIGNED_IN)
"""Where nothing is, only those who may be here are told so; `undeclared` sees to it that nothing is there indeed."""

_PATTERNS = [(compile_path(pattern)[0], needs) for pattern, needs in ADDRESSES.items()]


def needed(method: str, path: str) -> Permission | None:
    """What a request asks for; None: nobody may make it."""
    needs = next((needs for pattern, needs in _PATTERNS if pattern.match(path)), _UNKNOWN)
    return needs.read if method in ("GET", "HEAD", "OPTIONS") else needs.write


def addresses(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    """The address patterns of all routes, through what is mounted or included."""
    for route in routes:
        included = getattr(route, "original_router", None)  # FastAPI keeps an included router as one route
        path = prefix + str(getattr(route, "path", ""))
        if included is not None:
            yield from addresses(included.routes, path)
        elif isinstance(route, Mount) and route.routes:
            yield from addresses(route.routes, path)
        else:
            yield f"{path}/" if isinstance(route, Mount) else path


def undeclared(routes: Iterable[BaseRoute]) -> list[str]:
    """Addresses that the table does not name."""
    return [path for path in addresses(routes) if not any(pattern.match(path) for pattern, _ in _PATTERNS)]


HOMES: Mapping[Role, str] = {role: "/" if Permission.VALUES in RIGHTS[role] else "/reports" for role in Role}
"""Where a role begins."""
