"""Ways in which a message goes wrong before it reaches the broker: each turns one into those that are really sent."""

from collections.abc import Callable, Sequence

from device_sim.mqtt.outgoing import Outgoing

Fault = Callable[[str, Outgoing], Sequence[Outgoing]]
"""Given the device's id and what it would send, what is sent."""


def none(device: str, message: Outgoing) -> Sequence[Outgoing]:  # noqa: ARG001
    return (message,)


def silent(device: str, message: Outgoing) -> Sequence[Outgoing]:  # noqa: ARG001
    """The device is off, or out of reach."""
    return ()


def duplicate(device: str, message: Outgoing) -> Sequence[Outgoing]:  # noqa: ARG001
    """The device did not see the acknowledgement and says it again, as a new message."""
    return (message, message)


def retained(device: str, message: Outgoing) -> Sequence[Outgoing]:  # noqa: ARG001
    """Published with the retain flag, so that whoever subscribes years later is told it as news."""
    return (message._replace(retain=True),)


def garbage(device: str, message: Outgoing) -> Sequence[Outgoing]:  # noqa: ARG001
    """Cut off in the middle, with a byte that is not UTF-8, as a device low on memory sends it."""
    return (message._replace(payload=message.payload[: len(message.payload) // 2] + b"\xff", values={}, time_us=None),)
