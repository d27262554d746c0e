"""The intake: judges what the collectors hear and puts it in its place, durably: outbox or quarantine."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from collectors.protocol import DeadLetter, Receipts
from gateway.device_state import Devices
from gateway.group_commit import GroupCommit
from gateway.outbox import Outbox
from gateway.plausibility import Plausibility
from gateway.quarantine import Case, Quarantine
from gateway.settings import GatewaySettings
from gateway.thinning import Thinner
from metering.clock import Clock
from metering.estate import Device
from metering.reading import Reading

_MB = 1_000_000
_LAST_WRITES_S = 2.0  # at the end, for what is on its way to a disk; one that fails would be tried for ever
_QUARTER_HOUR, _NO_ROOM = "quarter_hour", "no_room"


class Intake:
    """The `collectors.protocol.Sink` of the collectors.

    Policy when the outbox is full: sources that can wait do so, their messages not acknowledged. Of the others the
    newest reading of each series and quarter-hour is kept, for which a part of the outbox is reserved; the rest is
    counted as thinned. The one of the running quarter-hour is in memory only.
    """

    def __init__(self, devices: Mapping[str, Device], settings: GatewaySettings, clock: Clock) -> None:
        self.rejected: Counter[str] = Counter()  # on arrival, by reason
        self.dead_letters = 0
        self.devices = Devices(devices, clock.now_us())
        self.plausibility = Plausibility(devices, settings.stuck_after_s, settings.future_tolerance_s)
        newest_first = settings.drain == "newest_first"
        outbox = settings.data_dir / "outbox"
        self.outbox = Outbox(outbox, settings.outbox_max_mb * _MB, clock, newest_first=newest_first)
        self.quarantine = Quarantine(settings.data_dir / "quarantine", settings.quarantine_max_mb * _MB)
        self._clock = clock
        self._thinner = Thinner()
        self._polls: GroupCommit[Sequence[Reading]] = GroupCommit(self._take_over)
        self._no_room = 0  # readings that even the reserve had no room for

    @property
    def received(self) -> int:
        """Readings taken over, or set aside."""
        return self.outbox.appended + self.rejected.total() + sum(self.thinned.values()) + self._thinner.held

    @property
    def queued(self) -> int:
        """Readings that wait for the store."""
        return self.outbox.queued + self._thinner.held

    @property
    def thinned(self) -> dict[str, int]:
        """Readings left out while the outbox was full, by reason."""
        counts = {_QUARTER_HOUR: self._thinner.dropped, _NO_ROOM: self._no_room}
        return {reason: number for reason, number in counts.items() if number}

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Take over what a former process left. Raises JournalInUse if another process has it, and OSError."""
        try:
            await self.outbox.open()
            await self.quarantine.open()
            yield
        finally:
            await self._polls.close(_LAST_WRITES_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WRITES_S):
                    await self._keep_thinned(self._thinner.take())
            await self.quarantine.close(_LAST_WRITES_S)
            await self.outbox.close(_LAST_WRITES_S)

    async def accept(
        self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
    ) -> None:
        """See `collectors.protocol.Sink`."""
        if can_wait:
            await self.outbox.append(await self._judged(readings), receipts)
        else:
            await self._polls.add(readings)

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        """See `collectors.protocol.Sink`; how many are remembered: `gateway.receipts`."""
        return self.outbox.is_known(channel, number, digest)

    async def dead_letter(self, letter: DeadLetter) -> None:
        """See `collectors.protocol.Sink`."""
        await self.quarantine.keep([Case(self._clock.now_us(), letter.reason, letter=letter)])
        self.dead_letters += 1

    def failed(self, device: str, reason: str) -> None:
        """See `collectors.protocol.Sink`."""
        self.devices.failed(device, reason, self._clock.now_us())

    def know(self, devices: Mapping[str, Device], watched: Collection[str] | None = None) -> None:
        """From now on these are the devices; what is known of those that stay is kept.

        ``watched`` are those whose silence is noticed; all if left out.
        """
        here = devices if watched is None else {id_: device for id_, device in devices.items() if id_ in watched}
        self.devices.know(here, self._clock.now_us())
        self.plausibility.know(devices)

    async def _judged(self, readings: Sequence[Reading]) -> list[Reading]:
        """Those that are accepted; the others are set aside durably."""
        now_us = self._clock.now_us()
        accepted, rejected = self.plausibility.judge(readings, now_us)
        self.devices.heard(accepted, now_us)
        if rejected:
            await self.quarantine.keep([Case(now_us, item.reason, reading=item.reading) for item in rejected])
            for reading, reason in rejected:
                self.rejected[reason] += 1
                self.devices.failed(reading.device, f"reading of {reading.quantity} rejected: {reason}", now_us)
        return accepted

    async def _take_over(self, polls: Sequence[Sequence[Reading]]) -> None:
        """Polls of many devices at once: judged in one go, in one frame of the outbox, with one write to the disk."""
        readings = await self._judged([reading for poll in polls for reading in poll])
        is_thinned = self._thinner.held
        if not is_thinned and await self.outbox.append_at_once(readings):
            return
        if is_thinned and self.outbox.has_room:
            await self._keep_thinned(self._thinner.take())
            await self._keep_thinned(readings)
        else:
            await self._keep_thinned(self._thinner.add(readings))

    async def _keep_thinned(self, readings: Sequence[Reading]) -> None:
        if not await self.outbox.append_at_once(readings, from_reserve=True):
            self._no_room += len(readings)
