"""Logging: one line an event, for people on a terminal and as JSON everywhere else. Always on standard error."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog

_ROOMS = ("leitwarte", "dashboards", "analytics", "gateway", "collectors", "device_sim", "storage")


class _Patient:
    """Standard error, but a line that cannot be written, as on a full disk, stops nobody's work."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Set up logging for the process; without ``json`` a terminal decides. Libraries may only warn."""
    as_json = not sys.stderr.isatty() if json is None else json
    # rich tracebacks show the values of variables, and with them secrets
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, renderer] if as_json else [renderer]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    for room in _ROOMS:
        logging.getLogger(room).setLevel(level)
