"""Worker processes for models."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context

_LEARNING = ["analytics.anomaly.history"]


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
