"""The payload formats: every module here that doesn't begin with ``_`` defines one `Format`. README.md says how."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any

from collectors.mqtt.format import Format


@cache
def formats() -> MappingProxyType[str, type[Format[Any]]]:
    """All formats by name. Raises ValueError for a module that defines none or several, and for a doubled name."""
    found: dict[str, type[Format[Any]]] = {}
    for module_info in iter_modules(__path__, f"{__name__}."):
        if not module_info.name.rpartition(".")[2].startswith("_"):
            kind = _only_format(import_module(module_info.name))
            if kind.name in found:
                raise ValueError(f"two modules define the payload format {kind.name!r}")
            found[kind.name] = kind
    return MappingProxyType(found)


def format_named(name: str) -> type[Format[Any]]:
    """Raises ValueError, naming those there are, for an unknown name."""
    try:
        return formats()[name]
    except KeyError:
        raise ValueError(f"unknown payload format {name!r}; known: {', '.join(formats())}") from None


def recognise(topic: str, payload: bytes) -> tuple[str, str] | None:
    """The name of the format that a message is in and the device's topic, or None if no format knows it."""
    for name, kind in formats().items():
        device_topic = kind.recognise(topic, payload)
        if device_topic is not None:
            return name, device_topic
    return None


def _only_format(module: ModuleType) -> type[Format[Any]]:
    defined = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Format) and item.__module__ == module.__name__
    ]
    if len(defined) != 1:
        raise ValueError(f"{module.__name__} must define exactly one Format, not {len(defined)}")
    return defined[0]
