"""The client of what is no collector: the simulated town, discovery, the doctor."""

from types import TracebackType

import aiomqtt


class Client(aiomqtt.Client):
    """As aiomqtt's, but a connection that was lost while nobody used it leaves no traceback in the log.

    aiomqtt keeps the loss in a future, which complains when it goes if nobody has looked at it.
    """

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, traceback)
        finally:
            if self._disconnected.done() and not self._disconnected.cancelled():
                self._disconnected.exception()
