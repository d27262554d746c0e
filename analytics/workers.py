"""Workers for models: processes of this machine, or a Dask cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context

_LEARNING = ["analytics.anomaly.history", "analytics.update"]
_PATIENCE_S = 10


class SchedulerError(BrokenExecutor):
    """No work can be handed to the cluster; it may be possible later."""


@contextmanager
def workers(scheduler: str | None = None) -> Iterator[Executor]:
    """Processes of this machine, or the workers of the Dask cluster whose scheduler is at the address.

    Both are handed the same functions. Raises SchedulerError, saying what to do, if there is no such cluster or the
    extra that speaks to it isn't installed.
    """
    if scheduler is None:
        pool = worker_pool()
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
        return
    try:
        from distributed import Client  # noqa: PLC0415 - an extra that few have
    except ImportError:
        raise SchedulerError("analytics.scheduler needs Dask; install it: pip install 'leitwarte[dask]'") from None
    try:
        client = Client(scheduler, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SchedulerError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        yield client.get_executor()
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
