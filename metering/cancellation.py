"""Telling the wish to end a task from other cancellations."""

import asyncio


def cancel_wanted() -> bool:
    """Whether somebody has asked the running task to end.

    A CancelledError alone doesn't say so, as it may come from a task that was waited for; and another error may hide
    the wish, if it is raised while the task takes its leave.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
