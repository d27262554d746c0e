"""Worker processes for models."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def worker_pool(workers: int | None = None) -> ProcessPoolExecutor:
    """Processes for CPU work, one per core unless told otherwise; each computes on one thread."""
    return ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
