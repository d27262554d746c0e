"""What a server's refusal means to whoever called the store."""

from http import HTTPStatus

from storage.protocol import StoreError, StoreRefused, StoreUnavailable

# A bad request stays one. All else (an account, a database, a proxy that sends elsewhere) can be put right while the
# readings wait.
_BAD = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)

# Errors of a statement inside an answer that is itself a success: influxdata/influxdb 1.x, query/executor.go.
_LATER_IN_ANSWERS = ("timeout", "query interrupted", "max-concurrent-queries", "engine is closed", "shutdown")


class SetupWrong(StoreUnavailable):
    """Something answers, but not as the server does to an account that may use the database."""


class Missing(SetupWrong):
    """What was asked for does not exist, or not for this account."""


def of_status(status: int, message: str, retry_after: str | None = None) -> StoreError:
    """The error for an HTTP status over 299; ``retry_after`` is the header, in seconds as InfluxDB sends it."""
    text = f"InfluxDB answered {status}: {message.strip()}"
    if status in _BAD:
        return StoreRefused(text)
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wish = (retry_after or "").strip()
        return StoreUnavailable(text, float(wish) if wish.isdecimal() else None)
    kind = Missing if status == HTTPStatus.NOT_FOUND else SetupWrong
    return kind(f"{text} (check url, version, database and token or password)")


def of_statement(message: str) -> StoreError:
    """The error for a statement that the server took and could not execute."""
    text = f"InfluxDB cannot execute the statement: {message}"
    if message.startswith("database not found"):
        return Missing(text)
    return StoreUnavailable(text) if any(mark in message for mark in _LATER_IN_ANSWERS) else StoreRefused(text)
