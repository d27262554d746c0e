"""Workers for models: processes of this machine, or a Dask cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_all_start_methods, get_context
from typing import Any

_LEARNING = ["analytics.anomaly.history", "analytics.update"]
_PATIENCE_S = 10


class SchedulerError(BrokenExecutor):
    """No work can be handed to the cluster; it may be possible later."""


def require_extra() -> Any:  # noqa: ANN401 - it has few types
    """The package that speaks to a Dask cluster. Raises ValueError, saying what to install, if it isn't there."""
    try:
        return import_module("distributed")
    except ImportError:
        raise ValueError("analytics.scheduler needs Dask; install it: pip install 'leitwarte[dask]'") from None


@contextmanager
def workers(scheduler: str | None = None) -> Iterator[Executor]:
    """Processes of this machine, or the workers of the Dask cluster whose scheduler is at the address.

    Both are handed the same functions. Raises SchedulerError if nobody answers or the cluster loses work, ValueError as
    `require_extra`.
    """
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
        return
    pool = worker_pool()
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    dask = require_extra()
    losses = (dask.comm.core.CommClosedError, dask.scheduler.KilledWorker)
    try:
        client = dask.Client(scheduler, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SchedulerError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        yield client.get_executor()
    except* losses as lost:
        raise SchedulerError(f"the Dask cluster at {scheduler} lost work: {lost.exceptions[0]}") from lost
    finally:
        client.close(timeout=_PATIENCE_S)


def worker_pool(workers: int | None = None) -> ProcessPoolExecutor:
    """Processes for CPU work, one per core unless told otherwise; each computes on one thread.

    Where the system can, they are forked from one that has imported the detector already and holds nothing else: that
    takes its seconds once, and is safe beside threads and an event loop.
    """
    forks = "forkserver" in get_all_start_methods()
    context = get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(_LEARNING)
    return ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=context, initializer=_one_thread)


def _one_thread() -> None:
    """Let the linear algebra of this process use one thread: the processes are the parallelism."""
    # comes with scikit-learn, and only workers need it
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    threadpool_limits(1)
