"""What a running process may be asked for, by `leitwarte.control` or by a signal."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from leitwarte import imports
from leitwarte.control import Answer, Handler
from leitwarte.installation import Installation
from leitwarte.settings_file import SettingsError, load
from metering.reading import Reading

COPY = "store-copy.duckdb"
"""Name of the file in data_dir that the store is copied into, for backups."""

_log = structlog.get_logger()


class Requests:
    """Answers for an installation that runs by the settings in ``file``."""

    def __init__(self, installation: Installation, file: Path) -> None:
        self._installation = installation
        self._file = file
        self._reloading = asyncio.Lock()
        self._copying = asyncio.Lock()

    @property
    def handlers(self) -> dict[str, Handler]:
        """By the name under which each is asked for."""
        return {"reload": self.reload, "replay": self.replay, "copy_store": self.copy_store, "import": self.import_}

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

    async def copy_store(self, _request: bytes = b"") -> Answer:
        """Copy the embedded store into a file in data_dir, whose path is answered; whoever asked takes it away."""
        from storage.embedded.store import EmbeddedStore  # noqa: PLC0415 - nor one with a server its database

        database = self._installation.store.database
        if not isinstance(database, EmbeddedStore):
            return {"error": "this process has no embedded store"}
        target = self._installation.settings.data_dir / COPY
        async with self._copying:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            await database.copy(target)
        return {"path": str(target.absolute())}

    async def import_(self, request: bytes) -> Answer:
        """Write readings from a file into the store; the answer is their sum read back, see `leitwarte.imports`."""
        readings = msgspec.msgpack.decode(request, type=list[Reading])
        return {"sum": format(await imports.write(self._installation.store, readings), "f")}

    async def replay(self, request: bytes) -> Answer:
        """See `gateway.replay`."""
        from gateway.replay import Revision  # noqa: PLC0415 - a process without the gateway does not carry it

        class Wanted(msgspec.Struct):
            revisions: list[Revision]
            force: bool

        wanted = msgspec.msgpack.decode(request, type=Wanted)
        return {"outcomes": await self._installation.gateway.replay(wanted.revisions, force=wanted.force)}
