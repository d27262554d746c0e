"""How devices write their payloads: one module for each format of `collectors.mqtt.formats`, named like it.

A module has two functions, ``encode`` and ``availability``, as in `Encoder`. To add a format, add its module.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from device_sim.mqtt.outgoing import Outgoing

Options = Mapping[str, object]


class Encoder(Protocol):
    """What a module here offers."""

    def encode(self, topic: str, values: Mapping[str, float], time_us: int, options: Options) -> Outgoing:
        """The message with these values (canonical units, none NaN). Raises ValueError for one it can't express."""

    def availability(self, topic: str, online: bool, options: Options) -> Outgoing | None:  # noqa: FBT001
        """What the device, or its last will, says about itself; None for formats that have nothing of the kind."""


def encoder(format_name: str) -> Encoder:
    """Raises ValueError, naming those there are, for a format without an encoder."""
    known = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    if format_name not in known:
        raise ValueError(f"no encoder for the format {format_name!r}; known: {', '.join(known)}")
    return cast("Encoder", import_module(f"{__name__}.{format_name}"))
