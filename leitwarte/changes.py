"""What differs between two settings, and what a running process can make of it."""

from collections.abc import Iterator, Mapping

import msgspec

from leitwarte.settings import Settings

_FIXED = ("data_dir", "store", "timezone", "alerts_url", "clock", "gateway")
_FIXED_WEB = ("host", "port")


class Changes(msgspec.Struct, frozen=True):
    """A line each: what was done, and what only a restart can do."""

    applied: list[str]
    needs_restart: list[str]


def needing_restart(old: Settings, new: Settings) -> Iterator[str]:
    """The keys of changed settings that a process keeps for as long as it runs."""
    yield from (key for key in _FIXED if getattr(old, key) != getattr(new, key))
    yield from (f"web.{key}" for key in _FIXED_WEB if getattr(old.web, key) != getattr(new.web, key))


def with_fixed(old: Settings, new: Settings) -> Settings:
    """The new settings, but for what needs a restart."""
    web = new.web.model_copy(update={key: getattr(old.web, key) for key in _FIXED_WEB})
    return new.model_copy(update={"web": web, **{key: getattr(old, key) for key in _FIXED}})


def acquisition(old: Settings, new: Settings) -> Iterator[str]:
    """Connections and devices that differ."""
    yield from _differences("connection", _connections(old), _connections(new))
    before, after = ({device.id: device for device in settings.devices()} for settings in (old, new))
    yield from _differences("device", before, after)


def _connections(settings: Settings) -> dict[str, object]:
    return {f"{kind} {connection.id}": connection for kind, _, connection in settings.connections()}


def _differences(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            yield f"{what} {key} removed"
        elif key not in old:
            yield f"{what} {key} added"
        elif old[key] != new[key]:
            yield f"{what} {key} changed"
