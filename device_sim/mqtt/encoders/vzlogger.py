"""vzlogger with ``timestamp`` set: a small object on the topic of one channel."""

from collections.abc import Mapping

from collectors.mqtt.formats.vzlogger import Options
from device_sim.mqtt.encoders._single import only, printed
from device_sim.mqtt.outgoing import Outgoing

_MILLISECOND = 1000


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:
    described = Options.model_validate(options)
    name, value = only("vzlogger", values)
    for channel, meaning in described.channels.items():
        if meaning.quantity == name:
            text, said = printed(value, meaning)
            milliseconds = time_us // _MILLISECOND
            payload = f'{{ "timestamp": {milliseconds}, "value": {text} }}'.encode()
            return Outgoing(f"{topic}/{channel}/{described.values}", payload, {name: said}, milliseconds * _MILLISECOND)
    raise ValueError(f"a device with the format vzlogger can't say {name}: no channel has it")


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None
