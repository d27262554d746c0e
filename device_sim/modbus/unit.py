"""A unit: a device's registers at the present time, and its answers."""

import asyncio
import math
import struct
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain as joined

import numpy as np

from collectors.modbus.codec import encode_text
from collectors.modbus.plan import plan
from collectors.modbus.point import Point, encode_shown
from collectors.modbus.shelf import load_template
from collectors.modbus.sunspec import COMMON, COMMON_LENGTH, FUNCTION, Model, chain
from collectors.modbus.template import Template
from device_sim.device import ModbusLink, SimDevice
from device_sim.misspeaking import ModbusFault, misspeaking
from metering.quantities import QUANTITIES, Kind

_REFRESH_US = 200_000  # as often as a UMG 96RM renews its registers; what is read within is one picture

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
NO_TARGET = 11
_EXCEPTIONS: Mapping[ModbusFault | None, int] = {
    ModbusFault.NO_REGISTERS: _ILLEGAL_ADDRESS,
    ModbusFault.FAILURE: 4,
    ModbusFault.BUSY: 6,
    ModbusFault.NO_TARGET: NO_TARGET,
}

Images = Mapping[int, Mapping[int, int]]
"""Function code → wire address → word."""


class _Refusal(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Unit:
    """Answers requests for the devices behind one unit id; if none of them has a value, it is off and silent.

    Usually that is one device. Channels of one template share their unit, and so do SunSpec devices, which all stand in
    one chain of models.
    """

    def __init__(self) -> None:
        self._devices: list[tuple[SimDevice, ModbusLink]] = []
        self._spoiled: ModbusFault | None = None
        self._fault: ModbusFault | None = None
        self._images: Images | None = {}
        self._at_us: int | None = None
        self._restarted_at: dict[str, Mapping[str, float]] = {}
        self._lock = asyncio.Lock()

    def add(self, device: SimDevice, link: ModbusLink) -> None:
        """Raises ValueError if the device can't share the unit with those that are there."""
        template = load_template(link.template)
        for other, taken in self._devices:
            is_other_channel = taken.template == link.template and taken.channel != link.channel
            both_sunspec = template.is_sunspec and load_template(taken.template).is_sunspec
            if not is_other_channel and not (both_sunspec and taken.template != link.template):
                raise ValueError(f"unit {link.unit} is {other.id!r} already; the second is {device.id!r}")
        self._devices.append((device, link))

    def spoil(self, fault: ModbusFault | None) -> None:
        """Misbehave from now on, whatever the devices' spells say; None goes by them again."""
        self._spoiled = fault

    def fault(self, now_us: int) -> ModbusFault | None:
        """How it misbehaves now."""
        spells = (misspeaking(link.spells, ModbusFault, now_us) for _, link in self._devices)
        fault = self._spoiled or next((fault for fault in spells if fault is not None), None)
        if fault is not self._fault:
            self._fault = fault
            self._restarted_at.clear()
            if fault is not ModbusFault.STUCK:
                self._at_us = None
        return fault

    async def answer(self, question: bytes, now_us: int) -> bytes | None:
        """The reply to a request, both without their frames; None for silence."""
        fault = self.fault(now_us)
        if fault in _EXCEPTIONS:
            return refusal(question, _EXCEPTIONS[fault])
        async with self._lock:
            if self._is_old(now_us):  # a device may have to compute a week of its load first: not on the event loop
                self._images, self._at_us = await asyncio.to_thread(self._show, now_us), now_us
        if self._images is None:
            return None
        try:
            words = self._read(question, self._images)
        except _Refusal as refused:
            return refusal(question, refused.code)
        return struct.pack(f">BB{len(words)}H", question[0], 2 * len(words), *words)

    def _is_old(self, now_us: int) -> bool:
        if self._at_us is None:
            return True
        return self._fault is not ModbusFault.STUCK and not 0 <= now_us - self._at_us < _REFRESH_US

    def _read(self, question: bytes, images: Images) -> list[int]:
        if len(question) != 5 or question[0] not in (3, 4):
            raise _Refusal(_ILLEGAL_FUNCTION)
        function, start, count = struct.unpack(">BHH", question)
        if not 1 <= count <= self._template.limits.max_registers:
            raise _Refusal(_ILLEGAL_VALUE)
        image = images.get(function, {})
        holes = self._holes.get(function, frozenset()) if self._fault is not ModbusFault.NO_HOLES else frozenset()
        wanted = range(start, start + count)
        if not all(address in image or address in holes for address in wanted):
            raise _Refusal(_ILLEGAL_ADDRESS)
        return [image.get(address, 0) for address in wanted]

    @property
    def _template(self) -> Template:
        return load_template(self._devices[0][1].template)

    @cached_property
    def _holes(self) -> Mapping[int, frozenset[int]]:
        """Addresses between the registers that the device lets one read along, by function code."""
        limits = self._template.limits
        holes: dict[int, frozenset[int]] = {}
        points = (point for _, link in self._devices for point in _channel(link).points)
        for block in plan(points, max_registers=limits.max_registers, max_hole=limits.max_hole):
            holes[block.function] = holes.get(block.function, frozenset()) | frozenset(range(block.start, block.stop))
        return holes

    def _show(self, now_us: int) -> Images | None:
        is_on = False
        shown: list[tuple[ModbusLink, Mapping[str, float]]] = []
        for device, link in self._devices:
            at = device.at(np.array([now_us], np.int64))
            values = {name: float(series[0]) for name, series in at.items() if math.isfinite(series[0])}
            is_on = is_on or bool(values)
            shown.append((link, self._wrong(device.id, values)))
        if not is_on:
            return None
        return self._chained(shown) if self._template.is_sunspec else self._registers(shown)

    def _wrong(self, device: str, values: dict[str, float]) -> Mapping[str, float]:
        if self._fault is ModbusFault.NO_VALUES:
            return {}
        if self._fault is ModbusFault.RESTARTED:
            counted = {name: value for name, value in values.items() if QUANTITIES[name].kind is Kind.REGISTER}
            before = self._restarted_at.setdefault(device, counted)
            values |= {name: value - before.get(name, 0.0) for name, value in counted.items()}
        return values

    def _registers(self, shown: Sequence[tuple[ModbusLink, Mapping[str, float]]]) -> Images:
        pairs = [
            (point, values.get(point.quantity, math.nan)) for link, values in shown for point in _channel(link).points
        ]
        by_function = {function: [pair for pair in pairs if pair[0].function == function] for function in (3, 4)}
        return {function: self._words(some) for function, some in by_function.items()}

    def _chained(self, shown: Sequence[tuple[ModbusLink, Mapping[str, float]]]) -> Images:
        """All models of all devices. Offsets count from the model's id, as if each stood at address 0."""
        pairs: dict[int, list[tuple[Point, float]]] = {}
        lengths = {COMMON: COMMON_LENGTH}
        for link, values in shown:
            template = _channel(link)
            for kind in template.sunspec:
                model = next((id_ for id_ in link.models or kind.models if id_ in kind.models), None)
                if model is None:
                    continue
                points = template.points_in([Model(model, 0, 0xFFFF)])
                lengths[model] = max(lengths.get(model, 0), kind.length, *(point.stop - 2 for point in points))
                pairs.setdefault(model, []).extend((it, values.get(it.quantity, math.nan)) for it in points)
        bodies = {model: self._words(some) for model, some in pairs.items()}
        return {FUNCTION: chain({COMMON: _common(self._template, self._devices[0][0].id), **bodies}, lengths)}

    def _words(self, pairs: Sequence[tuple[Point, float]]) -> dict[int, int]:
        image = encode_shown(pairs)
        if self._fault is ModbusFault.SWAPPED_WORDS:
            for part in joined.from_iterable(point.parts for point, _ in pairs):
                taken = range(part.address, part.stop)
                image |= zip(taken, [image[address] for address in reversed(taken)], strict=True)
        return image


def _channel(link: ModbusLink) -> Template:
    return load_template(link.template).of_channel(link.channel)


def refusal(question: bytes, code: int) -> bytes:
    """The exception ``code`` as the reply to a request."""
    return bytes([question[0] | 0x80, code])


def _common(template: Template, serial: str) -> dict[int, int]:
    """Model 1: maker, model, version and serial number, each a text of fixed length at its offset."""
    texts = {2: ("Leitwarte", 16), 18: (template.id, 16), 42: ("1", 8), 50: (serial, 16)}
    body: dict[int, int] = {}
    for offset, (text, size) in texts.items():
        body |= enumerate(encode_text(text, size), offset)
    return body
