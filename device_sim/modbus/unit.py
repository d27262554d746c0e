"""A unit: a device's registers at the present time, and its answers."""

import asyncio
import math
import struct
from collections.abc import Iterable, Mapping
from itertools import chain as joined

import numpy as np

from collectors.modbus.library import load_template
from collectors.modbus.plan import plan
from collectors.modbus.point import Point, encode_points
from collectors.modbus.sunspec import COMMON, COMMON_LENGTH, FUNCTION, Model, chain
from collectors.modbus.template import Template
from device_sim.device import ModbusLink, SimDevice
from device_sim.modbus.fault import Fault
from metering.quantities import QUANTITIES, Kind

_REFRESH_US = 200_000  # as often as a UMG 96RM renews its registers; what is read within is one picture

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
NO_TARGET = 11
_EXCEPTIONS = {Fault.FAILURE: 4, Fault.BUSY: 6, Fault.NO_TARGET: NO_TARGET}

Images = Mapping[int, Mapping[int, int]]
"""Function code → wire address → word."""


class _Refusal(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Unit:
    """Answers requests. A device that has no value for anything is off: it does not answer."""

    def __init__(self, device: SimDevice, link: ModbusLink) -> None:
        self._fault: Fault | None = None
        self._device = device
        self._template = load_template(link.template)
        self._holes = {} if self._template.is_sunspec else _holes(self._template)
        self._images: Images | None = {}
        self._at_us: int | None = None
        self._restarted_at: Mapping[str, float] | None = None
        self._lock = asyncio.Lock()

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault, self._restarted_at = fault, None
        if fault is not Fault.STUCK:
            self._at_us = None

    async def answer(self, question: bytes, now_us: int) -> bytes | None:
        """The reply to a request, both without their frames; None for silence."""
        if self._fault in _EXCEPTIONS:
            return refusal(question, _EXCEPTIONS[self._fault])
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
        return self._fault is not Fault.STUCK and not 0 <= now_us - self._at_us < _REFRESH_US

    def _read(self, question: bytes, images: Images) -> list[int]:
        if len(question) != 5 or question[0] not in (3, 4):
            raise _Refusal(_ILLEGAL_FUNCTION)
        function, start, count = struct.unpack(">BHH", question)
        if not 1 <= count <= self._template.limits.max_registers:
            raise _Refusal(_ILLEGAL_VALUE)
        image = images.get(function, {})
        holes = self._holes.get(function, frozenset()) if self._fault is not Fault.NO_HOLES else frozenset()
        wanted = range(start, start + count)
        if not all(address in image or address in holes for address in wanted):
            raise _Refusal(_ILLEGAL_ADDRESS)
        return [image.get(address, 0) for address in wanted]

    def _show(self, now_us: int) -> Images | None:
        shown = self._device.at(np.array([now_us], np.int64))
        values = {name: float(series[0]) for name, series in shown.items() if math.isfinite(series[0])}
        return self._encoded(self._spoiled(values)) if values else None

    def _spoiled(self, values: dict[str, float]) -> Mapping[str, float]:
        if self._fault is Fault.NO_VALUES:
            return {}
        if self._fault is Fault.RESTARTED:
            counted = {name: value for name, value in values.items() if QUANTITIES[name].kind is Kind.REGISTER}
            self._restarted_at = self._restarted_at or counted
            values |= {name: value - self._restarted_at.get(name, 0.0) for name, value in counted.items()}
        return values

    def _encoded(self, values: Mapping[str, float]) -> Images:
        template = self._template
        if template.is_sunspec:
            wanted = template.sunspec[0]
            points = template.points_in([Model(wanted.models[0], 0, wanted.length)])
            bodies = {COMMON: _common(template, self._device.id), wanted.models[0]: self._words(points, values)}
            return {FUNCTION: chain(bodies, {COMMON: COMMON_LENGTH, wanted.models[0]: wanted.length})}
        functions = {point.function for point in template.points}
        return {
            function: self._words([point for point in template.points if point.function == function], values)
            for function in functions
        }

    def _words(self, points: Iterable[Point], values: Mapping[str, float]) -> dict[int, int]:
        points = tuple(points)
        image = encode_points(points, values)
        if self._fault is Fault.SWAPPED_WORDS:
            for part in joined.from_iterable(point.parts for point in points):
                taken = range(part.address, part.stop)
                image |= zip(taken, [image[address] for address in reversed(taken)], strict=True)
        return image


def refusal(question: bytes, code: int) -> bytes:
    """The exception ``code`` as the reply to a request."""
    return bytes([question[0] | 0x80, code])


def _holes(template: Template) -> dict[int, frozenset[int]]:
    """Addresses between the registers that the device lets one read along, by function code."""
    limits = template.limits
    holes: dict[int, frozenset[int]] = {}
    for block in plan(template.points, max_registers=limits.max_registers, max_hole=limits.max_hole):
        holes[block.function] = holes.get(block.function, frozenset()) | frozenset(range(block.start, block.stop))
    return holes


def _common(template: Template, serial: str) -> dict[int, int]:
    """Model 1: maker, model, version and serial number, each a text of fixed length at its offset."""
    texts = {2: ("Leitwarte", 16), 18: (template.id, 16), 42: ("1", 8), 50: (serial, 16)}
    body: dict[int, int] = {}
    for offset, (text, words) in texts.items():
        data = text.encode()[: 2 * words].ljust(2 * words, b"\0")
        body |= {offset + i: word for i, (word,) in enumerate(struct.iter_unpack(">H", data))}
    return body
