"""A plain number on its own topic, with a newline behind it, as shell scripts print it."""

from collections.abc import Mapping

from collectors.mqtt.meaning import Meaning
from device_sim.mqtt.encoders._fields import refuse_others
from device_sim.mqtt.encoders._single import only, printed
from device_sim.mqtt.outgoing import Outgoing


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    meaning = Meaning.model_validate(options)
    name, value = only("number", values)
    refuse_others("number", values, {meaning.quantity: 0.0})
    text, said = printed(value, meaning)
    return Outgoing(topic, f"{text}\n".encode(), {name: said})


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None
