"""The wall clock is set while devices are polled: polls go on, and their readings bear the new time."""

from typing import Any

import pytest

from metering.clock import Clock
from metering.instant import HOUR


class Settable(Clock):
    """A clock that is ``off_us`` off."""

    off_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.off_us


@pytest.mark.parametrize("step_us", [-HOUR, HOUR])
async def test_polls_go_on_when_the_clock_is_set(rig: Any, shown: Any, step_us: int) -> None:
    setup = rig([shown(f"meter-{unit}", "saia/h104", {"pulse_count": 7.0}, unit=unit) for unit in (1, 2)])
    setup.clock = Settable()
    async with setup.running(timeout_s=5.0) as sink:
        await sink.until(lambda: len(sink.of("meter-1")) > 1)
        setup.clock.off_us = step_us
        before = len(sink.of("meter-1"))
        await sink.until(lambda: len(sink.of("meter-1")) > before + 2)
        assert abs(sink.polls[-1][0].time_us - setup.clock.now_us()) < HOUR // 4
