"""The town serves every template, with every model and channel, and the collector reads back what is shown.

All devices are on one bus: one run over TCP, and one over a serial line (a pair of pseudo-terminals).
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from collectors.modbus.point import Point
from collectors.modbus.shelf import load_template, template_ids
from collectors.modbus.sunspec import Model
from collectors.modbus.template import Template
from device_sim.modbus import Wire
from metering.quantities import QUANTITIES
from metering.units import conversion

CHANNELS = 3
"""Of each template that has channels, the first two and its last."""
SUNSPEC_DIGITS = 2e-2  # a scale factor serves several values: the largest decides how many digits the others have


def devices(shown: Any) -> Iterator[Any]:
    """One for each template, channel and SunSpec model, none like the other."""
    unit = 0
    for template_id in template_ids():
        template = load_template(template_id)
        last = template.channels.count if template.channels else 1
        models = [(model,) for kind in template.sunspec for model in kind.models] or [()]
        for chosen in models:
            unit += 1
            for channel in sorted({1, min(2, last), last}):
                name = "-".join(map(str, (template_id.replace("/", "."), *chosen, channel)))
                values = {point.quantity: _value(point, unit, channel) for point in points(template, channel, chosen)}
                yield shown(name, template_id, values, unit=unit, channel=channel, models=chosen)


def points(template: Template, channel: int, models: tuple[int, ...]) -> tuple[Point, ...]:
    of_channel = template.of_channel(channel)
    return of_channel.points_in([Model(id_, 0, 0xFFFF) for id_ in models]) if models else of_channel.points


def _value(point: Point, unit: int, channel: int) -> float:
    """Plausible for the quantity, and another one for each device."""
    known = QUANTITIES[point.quantity]
    usual = {"V": 228.5, "Hz": 50.0, "A": 12.25, "W": 2250.0, "kWh": 4711.5, "kvarh": 815.0, "1": 0.9, "°C": 41.0}
    value = usual.get(known.unit, 37.0) * (1 + unit / 1000 + channel / 100)
    return float(round(100 * value)) if point.quantity in ("pulse_count", "state") else min(value, known.high)


def tolerance(point: Point) -> float:
    """Half a count of the register, in the canonical unit."""
    factor, _ = conversion(point.unit, QUANTITIES[point.quantity].unit)
    part = point.parts[-1]
    return 1e-9 if part.layout.type.is_float else 0.51 * abs(float(part.scale)) * factor


@pytest.fixture(scope="module", params=[Wire.TCP, Wire.SERIAL])
def read(rig: Any, shown: Any, request: pytest.FixtureRequest) -> Mapping[str, Mapping[str, float]]:
    """What the collector read of each device, the first time round."""

    async def everything() -> Mapping[str, Mapping[str, float]]:
        setup = rig(list(devices(shown)), wires={"bus": request.param})
        once = {device.id: {"interval_s": 60.0} for device in setup.devices}
        async with setup.running(**once) as sink:
            await sink.until(lambda: all(sink.of(device.id) for device in setup.devices))
        assert sink.failures == []
        return {device.id: sink.of(device.id)[0] for device in setup.devices}

    return asyncio.run(everything())


def test_what_is_shown_is_read(read: Mapping[str, Mapping[str, float]], shown: Any) -> None:
    for device in devices(shown):
        link = device.link
        template = load_template(link.template)
        wanted = {point.quantity: point for point in points(template, link.channel, link.models)}
        got = read[device.id]
        assert got.keys() == wanted.keys(), device.id
        for name, point in wanted.items():
            relative = SUNSPEC_DIGITS if point.exponent is not None else 2e-7
            assert got[name] == pytest.approx(device.values[name], rel=relative, abs=tolerance(point)), (
                device.id,
                name,
            )
