"""A station: one device on the bus, what is asked of it, and what it taught us by refusing."""

from collections.abc import Sequence
from functools import cache

import structlog

from collectors.modbus.bus import Bus, NoAnswer, Refused
from collectors.modbus.frame import Question, read_question, words_of
from collectors.modbus.plan import plan
from collectors.modbus.reader import Reader
from collectors.modbus.settings import ModbusDevice, device_type
from collectors.modbus.sunspec import FUNCTION, ChainError, Model, walk
from collectors.modbus.template import Pulses
from metering.clock import Clock
from metering.instant import DAY, SECOND

_log = structlog.get_logger(__name__)

_NO_SUCH_REGISTERS = (2, 3)  # illegal address; some makers complain about the length instead
_BUSY = (5, 6)
_BUSY_PAUSES_S = (0.05, 0.1, 0.2)  # short: the others on the bus wait, too
_FIRST_RETRY_S, _LONGEST_RETRY_S = 10.0, 300.0


class Station:
    """Polled by one task.

    due_us    when it is to be read next, see `Clock.steady_us`
    failures  how often in a row it was silent
    """

    def __init__(self, device: ModbusDevice, clock: Clock) -> None:
        self.device = device
        self.due_us = clock.steady_us()
        self.failures = 0
        self._clock = clock
        self._template = device.device_type()
        self._interval_us = round(device.interval_s * SECOND)
        self._readers: list[Reader] = []
        self._forget_us: int | None = None

    async def read(self, bus: Bus, values: dict[str, float]) -> None:
        """Add the device's values to ``values``, block by block. Raises BusError, and ChainError for no SunSpec.

        A block that the device refuses is asked for in smaller ones from then on; a register it does not have is left
        out. Both are forgotten after a day or a silence, since the device may have been exchanged.
        """
        if self._forget_us is not None and self._clock.steady_us() >= self._forget_us:
            self.forget()
        if not self._readers:
            self._readers = await self._find(bus)
        index = 0
        while index < len(self._readers):
            readers, answers = self._readers[index:], list[bytes]()
            try:
                await self._ask(bus, [reader.question for reader in readers], answers)
            except Refused as refusal:
                if refusal.code not in _NO_SUCH_REGISTERS:
                    raise
                self._learn(index + len(answers))
                if not self._readers:
                    raise
            finally:
                for reader, registers in zip(readers, answers, strict=False):
                    values.update(reader.values(registers))
            index += len(answers)

    def forget(self) -> None:
        """Ask for everything again next time."""
        self._readers, self._forget_us = [], None

    def succeeded(self) -> None:
        """The device is well: next at the clock's next multiple of the interval."""
        self.failures = 0
        self.postpone()

    def postpone(self) -> None:
        """Next at the clock's next multiple of the interval."""
        self.due_us = self._clock.steady_us() + self._interval_us - self._clock.now_us() % self._interval_us

    def failed(self) -> None:
        """Next after a wait that doubles from failure to failure, so that a dead unit costs the others little."""
        self.forget()
        first_s = min(self.device.interval_s, _FIRST_RETRY_S)
        wait_s = min(first_s * 2.0 ** min(self.failures, 10), _LONGEST_RETRY_S)
        self.failures += 1
        self.due_us = self._clock.steady_us() + round(wait_s * SECOND)

    def _learn(self, index: int) -> None:
        block = self._readers[index].block
        instead = block.refused()
        self._readers[index : index + 1] = map(Reader, instead)
        self._forget_us = self._clock.steady_us() + DAY
        _log.warning(
            "modbus registers refused",
            device=self.device.id,
            registers=f"{block.start}-{block.stop - 1}",
            remedy=f"read in {len(instead)} pieces" if instead else f"{block.points[0].quantity} left out",
        )

    async def _find(self, bus: Bus) -> list[Reader]:
        device, template = self.device, self._template
        models = await self._models(bus) if template.is_sunspec else ()
        readers = _readers(device.template, device.channel, device.pulses, models)
        if not readers:
            present = ", ".join(str(model.id) for model in models)
            raise ChainError(f"the device has SunSpec models {present}, none of those in {template.id}")
        return list(readers)

    async def _models(self, bus: Bus) -> tuple[Model, ...]:
        walking = walk()
        try:
            address, count = next(walking)
            while True:
                answers: list[bytes] = []
                try:
                    await self._ask(bus, [read_question(FUNCTION, address, count)], answers)
                    words: Sequence[int] | None = words_of(answers[0])
                except Refused as refusal:
                    if refusal.code not in _NO_SUCH_REGISTERS:
                        raise
                    words = None
                address, count = walking.send(words)
        except StopIteration as done:
            models: tuple[Model, ...] = done.value
            return models

    async def _ask(self, bus: Bus, questions: Sequence[Question], answers: list[bytes]) -> None:
        """As `Bus.read_each`; a device that was well is asked again while it is busy, and once more if it is silent."""
        was_well, answered = self.failures == 0, -1
        while True:
            try:
                return await bus.read_each(self.device.unit, questions, self._template.limits, answers)
            except (Refused, NoAnswer) as problem:
                if len(answers) > answered:  # not of the same question as before
                    answered, spare, pauses = len(answers), was_well, iter(_BUSY_PAUSES_S if was_well else ())
                if isinstance(problem, Refused):
                    pause_s = next(pauses, None) if problem.code in _BUSY else None
                    if pause_s is None:
                        raise
                    await self._clock.sleep(pause_s)
                elif spare:
                    spare = False
                else:
                    raise


@cache
def _readers(template_id: str, channel: int, pulses: Pulses | None, models: tuple[Model, ...]) -> tuple[Reader, ...]:
    """What devices of a type are asked for, compiled once for all of them."""
    template = device_type(template_id, channel, pulses)
    points = template.points_in(models) if template.is_sunspec else template.points
    limits = template.limits
    return tuple(map(Reader, plan(points, max_registers=limits.max_registers, max_hole=limits.max_hole)))
