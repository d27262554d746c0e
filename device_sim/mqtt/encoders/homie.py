"""Homie: one property, whose meaning stands in the options; a device's own description would say it, too."""

from collections.abc import Mapping

from collectors.mqtt.formats.homie import HomieOptions
from device_sim.mqtt.encoders._single import only, printed
from device_sim.mqtt.outgoing import Outgoing


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    described = HomieOptions.model_validate(options)
    name, value = only("homie", values)
    for prop, meaning in described.properties.items():
        if meaning.quantity == name:
            text, said = printed(value, meaning)
            return Outgoing(f"{topic}/{prop}", text.encode(), {name: said}, retain=True)
    raise ValueError(f"a device with the format homie can't say {name}: no property has it")


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001, FBT001
    return Outgoing(f"{topic}/$state", b"ready" if online else b"lost", {}, retain=True)
