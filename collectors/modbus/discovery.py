"""What is on a bus: which units answer, and what they look like. Only ever reads."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from collectors.modbus.bus import Bus, BusError, NoAnswer, Refused, Unreachable, WrongAnswer
from collectors.modbus.codec import decode_text
from collectors.modbus.discovery_match import Impression, named_in, ranked
from collectors.modbus.plan import plan
from collectors.modbus.point import Point
from collectors.modbus.settings import ModbusConnection
from collectors.modbus.shelf import load_template, template_ids
from collectors.modbus.sunspec import COMMON, FUNCTION, ChainError, Model, walk
from collectors.modbus.template import Limits, Template
from collectors.modbus.transport import Transport
from metering.clock import Clock
from metering.instant import SECOND

USUAL_UNITS = (*range(1, 21), 71, 126, 180, 200, 240, 247, 255)
"""1 to 20, and what makers preset: KOSTAL 71, SMA 126, Phoenix Contact 180, Fronius meters 200, 240, wallboxes 255."""

_NOBODY = (0x0A, 0x0B)  # a gateway that has no such unit
_PATIENCE = 4.0  # times the slowest answer so far
_LEAST_TIMEOUT_S = 0.3
_SETTLING_S = 0.2  # Eastron meters overhear a request that follows another unit's answer too closely
_RECONNECTS = 3
_MOST_SILENCES = 4
_OBJECTS = ("vendor", "product", "revision", "url", "name", "model", "application")
_COMMON_TEXTS = {"vendor": (2, 16), "model": (18, 16), "revision": (42, 8), "serial": (50, 16)}
_MPPT_MODULES = 8  # offset of the number of modules in SunSpec's model 160
_LANDMARKS = (0, 1, 2, 100, 256, 512, 1000, 2000, 3000, 3027, 4096, 8192, 16384, 19000, 20480, 23296, 30000, 40000)

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0..1."""


@dataclass(frozen=True)
class FoundUnit:
    """A unit that answers.

    identity  what it says of itself: vendor, product, revision, model …
    models    ids of its SunSpec models
    devices   what to read it as: one, or with SunSpec and several strings more; () if it is unknown
    others    what it might be instead, the likeliest first
    readable  (function, address) of registers that can be read, if it is unknown
    round_s   how long it took to read all of ``devices`` once, in seconds
    same_as   a unit that shows the very same counters: perhaps the same device
    """

    unit: int
    identity: Mapping[str, str]
    models: tuple[int, ...] = ()
    devices: tuple[Impression, ...] = ()
    others: tuple[Impression, ...] = ()
    readable: tuple[tuple[int, int], ...] = ()
    round_s: float = 0.0
    same_as: int | None = None


class Discovery:
    """Looks for units on one bus, one after the other. It asks with functions 3, 4 and 43/14, which change nothing."""

    def __init__(self, connection: ModbusConnection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock
        self._bus = Bus(Transport(connection), connection.timeout_s, clock)
        self._slowest_s: float | None = None
        self._settling = False

    async def run(self, units: Sequence[int], progress: Progress = lambda _: None) -> AsyncIterator[FoundUnit]:
        """The units that answer, as they are found. Raises Unreachable if the bus cannot be connected to."""
        found: list[FoundUnit] = []
        try:
            for number, unit in enumerate(units):
                progress(number / len(units))
                if await self._answers(unit):
                    self._bus.timeout_s = self._connection.timeout_s
                    seen = _compared(await Examination(self._bus, unit, self._clock).run(), found)
                    found.append(seen)
                    yield seen
            progress(1.0)
        finally:
            self._bus.close()

    async def _answers(self, unit: int) -> bool:
        """Whether there is such a unit. An exception is an answer, unless it is the gateway's for nobody."""
        for function in (3, 4):  # some that only know the one say nothing to the other; and a request may be lost
            begun_us = self._clock.steady_us()
            limits = Limits(unit_change_pause_s=_SETTLING_S if self._settling else 0.0)
            try:
                await patiently(self._bus, self._clock, unit, Span(function, 0, 2), limits)
            except WrongAnswer:
                pass
            except Refused as refusal:
                self._learn(begun_us)
                if refusal.code in _NOBODY:
                    self._settling = False
                    return False
            except NoAnswer:
                continue
            else:
                self._learn(begun_us)
            self._settling = True
            return True
        self._settling = False
        return False

    def _learn(self, begun_us: int) -> None:
        """The next unit is waited for as long as the slowest so far would have needed, and a good deal longer."""
        self._slowest_s = max(self._slowest_s or 0.0, (self._clock.steady_us() - begun_us) / SECOND)
        patience_s = max(_LEAST_TIMEOUT_S, _PATIENCE * self._slowest_s)
        self._bus.timeout_s = min(self._connection.timeout_s, patience_s)


class Examination:
    """Reads one unit as every type there is."""

    def __init__(self, bus: Bus, unit: int, clock: Clock) -> None:
        self._bus, self._unit, self._clock = bus, unit, clock
        self._known: dict[Span, list[int] | None] = {}
        self._silences = 0

    async def run(self) -> FoundUnit:
        identity = await self._identity()
        models = await self._models()
        if models:
            identity |= await self._common(models)
            devices = [seen async for seen in self._sunspec(models)]
            if devices:
                ids = tuple(model.id for model in models)
                return FoundUnit(self._unit, identity, ids, tuple(devices), round_s=await self._round_s(devices))
        seen = [await self._impression(load_template(id_), identity.values()) for id_ in template_ids()]
        likely = ranked(one for one in seen if one is not None)
        ids = tuple(model.id for model in models)
        if not likely or not likely[0].is_recognised:
            return FoundUnit(self._unit, identity, ids, (), tuple(likely), await self._readable())
        best = likely[:1]
        return FoundUnit(self._unit, identity, ids, tuple(best), tuple(likely[1:]), round_s=await self._round_s(best))

    async def _identity(self) -> dict[str, str]:
        try:
            objects = await self._bus.identify(self._unit, Limits())
        except Unreachable:
            raise
        except BusError:
            return {}
        texts = {number: text.decode("utf-8", "replace").strip("\0 ") for number, text in objects.items()}
        return {_OBJECTS[number]: text for number, text in texts.items() if number < len(_OBJECTS) and text}

    async def _impression(self, template: Template, texts: Iterable[str]) -> Impression | None:
        """The unit read as that type: first what would rule it out, then all. None if it is ruled out."""
        if template.is_sunspec:
            return None
        named = named_in(template, texts) or await self._own_name(template)
        telling = [point for point in template.points if point.quantity in template.fingerprint]
        first = telling or template.points[:1]
        values, refused = await self._read(first, template.limits)
        if refused or (telling and not template.fits(values)):
            return None
        values, refused = await self._read(template.points, template.limits)
        return Impression(template, values, refused, named)

    async def _own_name(self, template: Template) -> str:
        identity = template.identity
        if identity is None:
            return ""
        words = await self._words(identity.function, identity.address, identity.count, template.limits)
        return template.name if words is not None and tuple(words) in identity.words else ""

    async def _read(self, points: Sequence[Point], limits: Limits) -> tuple[dict[str, float], tuple[str, ...]]:
        """The values, and the quantities that are refused. What has no value at present is in neither."""
        values: dict[str, float] = {}
        refused: list[str] = []
        blocks = list(plan(points, max_registers=limits.max_registers, max_hole=limits.max_hole))
        while blocks:
            block = blocks.pop(0)
            words = await self._words(block.function, block.start, block.count, limits)
            if words is None:
                smaller = block.refused()
                blocks[:0] = smaller
                refused += [] if smaller else [block.points[0].quantity]
                continue
            image = dict(zip(range(block.start, block.stop), words, strict=True))
            found = ((point.quantity, point.value(image)) for point in block.points)
            values.update((name, value) for name, value in found if value is not None)
        return values, tuple(refused)

    async def _words(self, function: int, start: int, count: int, limits: Limits) -> list[int] | None:
        """The registers, or None if the unit does not give them. A unit that falls silent too often is left alone."""
        key = Span(function, start, count)
        if key not in self._known:
            self._known[key] = None
            if self._silences < _MOST_SILENCES:
                try:
                    self._known[key] = await patiently(self._bus, self._clock, self._unit, key, limits)
                except Refused:
                    pass
                except NoAnswer:
                    self._silences += 1
        return self._known[key]

    async def _models(self) -> tuple[Model, ...]:
        walking = walk()
        try:
            address, count = next(walking)
            while True:
                address, count = walking.send(await self._words(FUNCTION, address, count, Limits()))
        except StopIteration as done:
            models: tuple[Model, ...] = done.value
            return models
        except ChainError:
            return ()

    async def _common(self, models: Iterable[Model]) -> dict[str, str]:
        """What SunSpec's common model says of the device."""
        texts: dict[str, str] = {}
        for model in models:
            if model.id == COMMON:
                words = await self._words(FUNCTION, model.address, 2 + model.length, Limits())
                for name, (offset, length) in _COMMON_TEXTS.items() if words else ():
                    text = decode_text((words or [])[offset : offset + length])
                    texts |= {name: text} if text else {}
                break
        return texts

    async def _sunspec(self, models: Sequence[Model]) -> AsyncIterator[Impression]:
        """One device for each template that knows some of the models, and one for each string."""
        for template in map(load_template, template_ids()):
            if not template.is_sunspec or not template.points_in(models):
                continue
            for channel in range(1, await self._channels(template, models) + 1):
                of_channel = template.of_channel(channel)
                values, refused = await self._read(of_channel.points_in(models), template.limits)
                if values or channel == 1:
                    yield Impression(of_channel, values, refused, f"SunSpec {_ids_of(template, models)}", channel)

    async def _channels(self, template: Template, models: Sequence[Model]) -> int:
        if template.channels is None:
            return 1
        wanted = {id_ for model in template.sunspec for id_ in model.models}
        model = next(model for model in models if model.id in wanted)
        words = await self._words(FUNCTION, model.address + _MPPT_MODULES, 1, Limits())
        return words[0] if words and 1 <= words[0] <= template.channels.count else 1

    async def _round_s(self, devices: Iterable[Impression]) -> float:
        """Read all once more, as the collector will, and take the time."""
        self._known.clear()
        begun_us = self._clock.steady_us()
        models = await self._models() if any(seen.template.is_sunspec for seen in devices) else ()
        begun_us = begun_us if not models else self._clock.steady_us()
        for seen in devices:
            points = seen.template.points_in(models) if models else seen.template.points
            had = [point for point in points if point.quantity not in seen.refused]
            await self._read(had, seen.template.limits)
        return (self._clock.steady_us() - begun_us) / SECOND

    async def _readable(self) -> tuple[tuple[int, int], ...]:
        """Where registers can be read in a unit that looks like nothing known."""
        places = [(function, address) for function in (3, 4) for address in _LANDMARKS]
        return tuple([place for place in places if await self._words(*place, 2, Limits()) is not None])


class Span(NamedTuple):
    """What to ask for: ``length`` registers of a function code from ``start`` on."""

    function: int
    start: int
    length: int


async def patiently(bus: Bus, clock: Clock, unit: int, span: Span, limits: Limits) -> list[int]:
    """`Bus.read`, that waits for a gateway which does not take the next connection at once. Raises BusError."""
    tries = 0
    while True:
        try:
            return await bus.read(unit, *span, limits)
        except Unreachable as unreachable:
            tries += 1
            if not bus.was_reached or tries > _RECONNECTS:
                raise
            await clock.wait_until(unreachable.retry_us)


def _compared(seen: FoundUnit, before: Iterable[FoundUnit]) -> FoundUnit:
    """With ``same_as``: two meters with the same counts to the last digit are one that answers to two unit ids."""
    for other in before:
        for mine, theirs in zip(seen.devices, other.devices, strict=False):
            same = mine.counters and mine.template.id == theirs.template.id and mine.counters == theirs.counters
            if same and seen.identity == other.identity:
                return replace(seen, same_as=other.unit)
    return seen


def _ids_of(template: Template, models: Sequence[Model]) -> str:
    wanted = {id_ for model in template.sunspec for id_ in model.models}
    present = [str(model.id) for model in models if model.id in wanted]
    return f"model{'s' if len(present) > 1 else ''} {', '.join(present)}"
