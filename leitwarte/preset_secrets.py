"""Secrets that everybody knows: what people leave standing from guides and images. Leitwarte itself ships none."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr

_PRESETS = frozenset(
    ("admin", "changeme", "change-me", "guest", "influxdb", "leitwarte", "mosquitto", "password", "secret")
)


def secrets(value: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Every secret of the settings, with its key."""
    if isinstance(value, SecretStr):
        yield where, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets(item, f"{where}.{key}")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from secrets(item, f"{where}[{number}]")


def known_to_all(settings: BaseModel) -> list[str]:
    """The keys of secrets that are none."""
    return [key for key, secret in secrets(settings) if not secret or secret.lower() in _PRESETS]
