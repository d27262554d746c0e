"""One file with all of an installation: settings, store, alerts, outbox; each part with its SHA-256."""

import asyncio
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

import pyarrow as pa

from leitwarte import control
from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsFile, load
from storage.factory import open_store
from storage.migrate import Bookmark, Progress, migrate
from storage.settings import EmbeddedSettings

MANIFEST, SETTINGS, STORE, OUTBOX = "manifest.json", "leitwarte.yaml", "store.duckdb", "outbox"
ALERTS, ACCOUNTS = "alerts.db", "accounts.db"
_FORMAT = 1
_PATIENCE_S = 3600.0  # that a running process has to copy its store


class BackupError(Exception):
    """Why there can be no backup, or none can be restored."""


def backup(file: SettingsFile, target: Path, progress: Progress) -> dict[str, int]:
    """Write the file; the sizes of its parts in bytes. Raises BackupError, OSError, and what stores raise.

    The outbox is copied before the store: what passes from the one to the other meanwhile is in both, and counts once.
    """
    if target.exists():
        raise BackupError(f"{target} is there already; choose another name")
    settings = file.settings
    with TemporaryDirectory(dir=target.parent, prefix=".backup-") as name:
        folder = Path(name)
        shutil.copyfile(file.path, folder / SETTINGS)
        outbox = settings.gateway_in_data_dir.data_dir
        if outbox.is_dir():
            shutil.copytree(outbox, folder / OUTBOX, copy_function=_copy_what_is_there)
        for database, source in _databases(settings).items():
            _copy_database(source, folder / database)
        asyncio.run(_copy_store(settings, EmbeddedSettings(path=folder / STORE), progress))
        parts = sorted(path for path in folder.rglob("*") if path.is_file())
        manifest = {str(part.relative_to(folder).as_posix()): _sum(part.open("rb")) for part in parts}
        sizes = {part.relative_to(folder).parts[0]: 0 for part in parts}
        content = json.dumps({"format": _FORMAT, "sha256": manifest}, indent=1).encode()
        unfinished = folder / "archive"
        with _archive(unfinished, target.suffix, "w") as archive:
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
            for part in parts:
                archive.add(part, str(part.relative_to(folder).as_posix()))
                sizes[part.relative_to(folder).parts[0]] += part.stat().st_size
        unfinished.rename(target)
    return sizes


def _copy_what_is_there(source: str, target: str) -> None:
    """A segment that is gone meanwhile has been handed over to the store, which is copied later."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def restore(source: Path, config: Path, progress: Progress) -> Settings:
    """Put everything where the settings say; they are written to ``config``. Nothing that exists is overwritten.

    Raises BackupError, OSError, SettingsError, and what stores raise.
    """
    if config.exists():
        raise BackupError(f"{config} is there already; restore into an empty folder, or move it away")
    config.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=config.parent, prefix=".restore-") as name:
        folder = Path(name)
        _unpack(source, folder)
        (folder / SETTINGS).rename(config)
        try:
            settings = load(config).settings
            _refuse_what_exists(settings)
            settings.data_dir.mkdir(parents=True, exist_ok=True)
            _bring_back(settings, folder, progress)
        except BaseException:
            config.unlink()
            raise
    return settings


def _bring_back(settings: Settings, folder: Path, progress: Progress) -> None:
    store = settings.store_in_data_dir
    if isinstance(store, EmbeddedSettings):
        store.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / STORE, store.path)
    else:
        asyncio.run(_copy(EmbeddedSettings(path=folder / STORE), settings, progress, back=True))
    for name, place in _databases(settings).items():
        if (folder / name).exists():
            shutil.move(folder / name, place)
    if (folder / OUTBOX).exists():
        shutil.move(folder / OUTBOX, settings.gateway_in_data_dir.data_dir)


def _refuse_what_exists(settings: Settings) -> None:
    places = [*_databases(settings).values(), settings.gateway_in_data_dir.data_dir]
    if isinstance(settings.store_in_data_dir, EmbeddedSettings):
        places.append(settings.store_in_data_dir.path)
    for place in places:
        if place.exists():
            raise BackupError(f"{place} is there already, and nothing is overwritten; move it away")


def _databases(settings: Settings) -> dict[str, Path]:
    """The SQLite databases by their name in the backup; of another database the administrator keeps the backups."""
    places = {ACCOUNTS: settings.web_in_data_dir.accounts}
    return places if settings.alerts_url else {ALERTS: settings.data_dir / "alerts.db", **places}


def _copy_database(source: Path, target: Path) -> None:
    """Also while it is in use."""
    if source.exists():
        with closing(sqlite3.connect(source)) as book, closing(sqlite3.connect(target)) as copy:
            book.backup(copy)


async def _copy_store(settings: Settings, target: EmbeddedSettings, progress: Progress) -> None:
    """A file is copied by the process that has it open; else it is opened, which puts its log into it, and copied.

    Of a server's readings a file is made.
    """
    store = settings.store_in_data_dir
    if not isinstance(store, EmbeddedSettings):
        await _copy(target, settings, progress, back=False)
    elif await asyncio.to_thread(_copied_by_its_owner, settings, target.path):
        return
    elif store.path.exists():
        opened = open_store(store)
        try:
            await opened.start()
        finally:
            await opened.close()
        await asyncio.to_thread(shutil.copyfile, store.path, target.path)


def _copied_by_its_owner(settings: Settings, target: Path) -> bool:
    """Whether a process that runs by these settings has copied its store. Raises BackupError if it could not."""
    for path, _ in control.running(settings.control):
        answer = control.ask(path, "copy_store", patience_s=_PATIENCE_S)
        if "error" in answer:
            raise BackupError(f"the running Leitwarte could not copy its store: {answer['error']}")
        shutil.move(str(answer["path"]), target)
        return True
    return False


async def _copy(file: EmbeddedSettings, settings: Settings, progress: Progress, *, back: bool) -> None:
    own, server = open_store(file), open_store(settings.store_in_data_dir)
    try:
        await own.start()
        await server.start()
        if back and await server.series():
            raise BackupError("the database already holds readings, and nothing is overwritten; name an empty one")
        source, target = (own, server) if back else (server, own)
        compared = await migrate(source.database, target.database, Bookmark(), progress)
        unequal = [part.what for part in compared if not part.equal]
        if unequal:
            raise BackupError(f"the copy differs from the original in {', '.join(unequal)}")
    finally:
        await own.close()
        await server.close()


def _unpack(source: Path, folder: Path) -> None:
    """Every part checked against its sum. Raises BackupError for a file that is not whole."""
    try:
        with _archive(source, source.suffix, "r") as archive:
            for part in archive:
                _take_out(archive, part, folder)
        manifest = json.loads((folder / MANIFEST).read_bytes())
        expected: dict[str, str] = manifest["sha256"]
        known = manifest["format"]
    except (tarfile.TarError, EOFError, ValueError, KeyError, OSError) as error:
        raise BackupError(f"{source} is no whole backup: {error}") from error
    if known != _FORMAT:
        raise BackupError(f"{source} has format {known}; this version reads {_FORMAT}")
    there = {PurePosixPath(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    if {str(path) for path in there} - {MANIFEST} != expected.keys():
        raise BackupError(f"{source} does not hold what its manifest names")
    for name, sum_ in expected.items():
        if _sum((folder / name).open("rb")) != sum_:
            raise BackupError(f"{source}: {name} is damaged (SHA-256 differs); take another backup")


def _take_out(archive: tarfile.TarFile, part: tarfile.TarInfo, folder: Path) -> None:
    """Files alone, and none outside the folder (`tarfile.data_filter` is not in every Python 3.11)."""
    place = (folder / part.name).resolve()
    content = archive.extractfile(part) if part.isfile() else None
    if content is None or not place.is_relative_to(folder.resolve()):
        raise BackupError(f"{part.name} does not belong into a backup")
    place.parent.mkdir(parents=True, exist_ok=True)
    with content, place.open("xb") as file:
        shutil.copyfileobj(content, file)


@contextmanager
def _archive(path: Path, suffix: str, mode: str) -> Iterator[tarfile.TarFile]:
    """``.tar``, ``.gz`` or ``.zst``. Raises BackupError for another suffix."""
    if suffix not in {".tar", ".gz", ".tgz", ".zst"}:
        raise BackupError(f"a backup is called .tar, .tar.gz or .tar.zst, not {suffix!r}")
    stream: IO[bytes] | pa.NativeFile
    if suffix == ".tar":
        stream = path.open(mode + "b")
    else:
        codec = "zstd" if suffix == ".zst" else "gzip"
        make = pa.CompressedOutputStream if mode == "w" else pa.CompressedInputStream
        stream = make(str(path), codec)
    with stream, tarfile.open(fileobj=stream, mode="w|" if mode == "w" else "r|") as archive:
        yield archive


def _sum(file: IO[bytes]) -> str:
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
