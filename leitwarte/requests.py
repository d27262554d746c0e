"""What a running process may be asked for, by `leitwarte.control` or by a signal."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from leitwarte.control import Answer
from leitwarte.installation import Installation
from leitwarte.settings_file import SettingsError, load

_log = structlog.get_logger()


class Requests:
    """Answers for an installation that runs by the settings in ``file``."""

    def __init__(self, installation: Installation, file: Path) -> None:
        self._installation = installation
        self._file = file
        self._reloading = asyncio.Lock()

    async def reload(self, _request: bytes = b"") -> Answer:
        """Read the settings file again and go by it; a file with any problem is refused whole."""
        async with self._reloading:
            try:
                file = await asyncio.to_thread(load, self._file)
                changes = await self._installation.reload(file.settings)
            except (SettingsError, ValueError, LookupError) as error:
                _log.error("settings_refused", problems=str(error))
                return {"refused": str(error)}
        _log.info("settings_reloaded", applied=changes.applied, needs_restart=changes.needs_restart)
        return msgspec.structs.asdict(changes)

    async def replay(self, request: bytes) -> Answer:
        """See `gateway.replay`."""
        from gateway.replay import Revision  # noqa: PLC0415 - a process without the gateway does not carry it

        class Wanted(msgspec.Struct):
            revisions: list[Revision]
            force: bool

        wanted = msgspec.msgpack.decode(request, type=Wanted)
        return {"outcomes": await self._installation.gateway.replay(wanted.revisions, force=wanted.force)}
