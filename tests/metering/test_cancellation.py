"""Whose wish a CancelledError is."""

import asyncio

import pytest

from metering.cancellation import cancel_wanted


async def test_a_cancelled_inner_task_is_no_wish_to_end_the_outer_one() -> None:
    inner = asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(inner.cancel)
    with pytest.raises(asyncio.CancelledError):
        await inner
    assert not cancel_wanted()


async def test_the_wish_stays_when_another_error_hides_it() -> None:
    async def leave_badly() -> bool:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return cancel_wanted()
        return False

    task = asyncio.create_task(leave_badly())
    await asyncio.sleep(0)
    task.cancel()
    assert await task
