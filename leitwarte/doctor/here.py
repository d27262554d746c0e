"""What can be seen on this machine: versions, disk, locks, file rights, secrets, addresses of channels."""

import fcntl
import os
import platform
import re
import shutil
import stat
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import apprise
import duckdb

from leitwarte import control
from leitwarte.doctor.finding import Finding, fail, ok, warn
from leitwarte.preset_secrets import known_to_all, secrets
from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsFile
from metering import yaml_lines
from storage.settings import EmbeddedSettings

_MB = 1_000_000
_LEAST_MB = 200
_REFERENCE = re.compile(r"\$\{file:([^}]+)\}")


def look(file: SettingsFile) -> Iterator[Finding]:
    """Everything there is to see without asking a server."""
    settings = file.settings
    yield ok("versions", f"leitwarte {version('leitwarte')}, Python {platform.python_version()}, {platform.system()}")
    running = sorted({part for _, parts in control.running(settings.control) for part in parts})
    yield ok("processes", f"running: {', '.join(running)}" if running else "none is running with these settings")
    yield from _disk(settings)
    yield _outbox(settings, running)
    if isinstance(settings.store, EmbeddedSettings):
        yield _embedded(settings, running)
    yield from _rights(file)
    yield from _secrets(settings)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        yield fail("data_dir", f"{folder} cannot be written by this user", "give it to the user that runs leitwarte")
    free = shutil.disk_usage(folder).free // _MB
    wanted = settings.gateway.outbox_max_mb + settings.gateway.quarantine_max_mb
    found = f"{free} MB free at {folder}"
    if free < _LEAST_MB:
        yield fail("disk", found, "make room: readings cannot be kept when the disk is full (docs/operation.md)")
    elif free < wanted:
        yield warn("disk", found, f"outbox and quarantine may grow to {wanted} MB: make room, or lower outbox_max_mb")
    else:
        yield ok("disk", found)


def _outbox(settings: Settings, running: list[str]) -> Finding:
    lock = settings.gateway_in_data_dir.data_dir / "outbox" / "lock"
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return ok("outbox", "not used yet")
    except OSError as error:
        return fail("outbox", f"{lock}: {error.strerror}", "run doctor as the user that runs leitwarte")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        if "gateway" in running:
            return ok("outbox", "in use by the running gateway")
        remedy = "one process alone may have it: find it with `fuser`, or give each its own data_dir"
        return warn("outbox", f"{lock} is held by a process that does not answer", remedy)
    else:
        return ok("outbox", "free")
    finally:
        os.close(descriptor)


def _embedded(settings: Settings, running: list[str]) -> Finding:
    store = settings.store_in_data_dir
    assert isinstance(store, EmbeddedSettings)
    if running:
        return ok("store", f"{store.path} is in use by the running leitwarte")
    if not store.path.exists():
        return ok("store", f"{store.path} will be made at the first start")
    try:
        duckdb.connect(str(store.path), read_only=True).close()
    except duckdb.Error as error:
        remedy = "end the other process; a file that is damaged is replaced by `leitwarte restore` (docs/operation.md)"
        return fail("store", f"{store.path} cannot be opened: {str(error).splitlines()[0]}", remedy)
    return ok("store", f"{store.path} can be opened, {store.path.stat().st_size // _MB} MB")


def _rights(file: SettingsFile) -> Iterator[Finding]:
    names = sorted(set(_files(yaml_lines.load(file.path.read_text("utf-8")).value)))
    open_ = [name for name in names if _others_can_read((file.path.parent / name).resolve())]
    for name in open_:
        yield warn("secrets", f"every user of this machine can read {name}", f"chmod 600 {file.path.parent / name}")
    if names and not open_:
        yield ok("secrets", f"{len(names)} files, closed to other users")


def _files(value: object) -> Iterator[str]:
    """The files that values refer to; what stands in comments is none."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _files(item)
    elif isinstance(value, str):
        yield from _REFERENCE.findall(value)


def _others_can_read(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH) and all(
        folder.stat().st_mode & stat.S_IXOTH for folder in path.parents
    )


def _secrets(settings: Settings) -> Iterator[Finding]:
    for key in known_to_all(settings):
        yield fail("secrets", f"{key} is one that everybody knows", "choose another: openssl rand -base64 32")
    for key, secret in secrets(settings):
        if key.startswith("analytics.") and "://" in secret:
            yield _channel(key, secret)


def _channel(key: str, url: str) -> Finding:
    if apprise.Apprise().add(url):
        return ok("channel", f"{key} is understood ({url.split(':', 1)[0]}); nothing was sent")
    return fail("channel", f"{key} is no address that Apprise understands", "see https://appriseit.com for its form")
