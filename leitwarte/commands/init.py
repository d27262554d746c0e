"""``leitwarte init``: a settings file to begin with."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from collectors.modbus.shelf import TemplateError, load_template
from leitwarte.commands.bus_options import host_and_port
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, fail, output
from leitwarte.first_settings import Answers, Influx, Modbus, Mqtt, plain, settings_text
from leitwarte.settings_file import SettingsError, load

app = commands()

_T = TypeVar("_T")
_SECRETS = "secrets"


@app.command()
def init(
    config: ConfigOption = CONFIG,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take what is given, else the defaults.")
    ] = False,
    language: Annotated[str | None, typer.Option(help="de or en.")] = None,
    city: Annotated[str | None, typer.Option(help="Name of the city or site.")] = None,
    building: Annotated[str | None, typer.Option(help="Name of the first building.")] = None,
    store: Annotated[str | None, typer.Option(help="embedded, or the URL of an InfluxDB server.")] = None,
    mqtt: Annotated[str | None, typer.Option(metavar="HOST[:PORT]", help="MQTT broker.")] = None,
    modbus: Annotated[str | None, typer.Option(metavar="HOST[:PORT]", help="First Modbus device.")] = None,
    unit: Annotated[str | None, typer.Option(help="Its unit id; 1 if left out.")] = None,
    template: Annotated[str | None, typer.Option(help="What it is, such as eastron/sdm630.")] = None,
) -> None:
    """Write a commented settings file by asking little. Nothing that exists is overwritten; nothing is connected.

    Passwords and tokens that are typed in go to files of their own, readable for this user only.
    """
    if config.exists():
        fail(f"{config} is there already, and nothing is overwritten; name another with -c FILE", WRONG_CALL)
    ask = _Ask(config.parent, asks=not yes)
    try:
        answers = Answers(
            language=ask(language, "Language of what people see (de, en)", "de", _one_of("de", "en")),
            city=ask(city, "City or site", "Musterstadt", _named),
            building=ask(building, "First building", "Rathaus", _named),
            influx=_influx(ask, store),
            mqtt=_mqtt(ask, mqtt),
            modbus=_modbus(ask, modbus, unit, template),
        )
        _write(config, settings_text(answers))
    except (ValueError, TemplateError) as error:
        fail(error, WRONG_CALL)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    option = "" if config == CONFIG else f" -c {shlex.quote(str(config))}"
    output.print(f"written: {config}", markup=False)
    for what in ("check", "doctor", "run"):
        output.print(f"  leitwarte {what}{option}", markup=False)


class _Ask:
    """Takes an answer from the command line, from the person, or the default; writes secrets into files."""

    def __init__(self, folder: Path, *, asks: bool) -> None:
        self._folder = folder
        self._asks = asks

    def __call__(self, given: str | None, question: str, default: str, parse: Callable[[str], _T]) -> _T:
        """Raises ValueError for what was given and cannot be; a person is asked again."""
        if given is not None or not self._asks:
            return parse(default if given is None else given)

        def understood(text: str) -> _T:
            try:
                return parse(text)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None

        found: _T = typer.prompt(question, default=default, value_proc=understood, show_default=bool(default))
        return found

    def secret(self, name: str, question: str) -> str:
        """How the settings find the secret: typed in, it is put into a file; else it is left to the environment."""
        typed = typer.prompt(question, default="", hide_input=True, show_default=False) if self._asks else ""
        if not typed:
            return f"${{env:{name.upper()}}}"
        file = self._folder / _SECRETS / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(typed)
        return f"${{file:{_SECRETS}/{name}}}"


def _influx(ask: _Ask, store: str | None) -> Influx | None:
    url = ask(store, "Store: embedded, or the URL of an InfluxDB server", "embedded", _embedded_or_url)
    if url == "embedded":
        return None
    version = ask(None, "Its version (1, 2, 3)", "2", _version)
    database = ask(None, "Database or bucket", "leitwarte", plain)
    if version == 1:
        owner = ask(None, "User (empty for none)", "", plain)
        secret = ask.secret("influx_password", "Password") if owner else ""
    else:
        owner = ask(None, "Organisation", "leitwarte", plain) if version == 2 else ""
        secret = ask.secret("influx_token", "Token (empty: from the environment)")
    return Influx(url, version, database, owner, secret)


def _mqtt(ask: _Ask, target: str | None) -> Mqtt | None:
    address = ask(target, "MQTT broker (HOST[:PORT], empty for none)", "", _address)
    if address is None:
        return None
    host, port = address
    username = ask(None, "User at the broker (empty for none)", "", plain)
    password = ask.secret("mqtt_password", "Password (empty: from the environment)") if username else ""
    return Mqtt(host, port or 1883, username, password)


def _modbus(ask: _Ask, target: str | None, unit: str | None, template: str | None) -> Modbus | None:
    address = ask(target, "First Modbus device (HOST[:PORT], empty for none)", "", _address)
    if address is None:
        return None
    host, port = address
    unit_id = ask(unit, "Its unit id", "1", int)
    return Modbus(host, port or 502, unit_id, ask(template, "Its type (maker/model)", "eastron/sdm630", _template))


def _write(config: Path, text: str) -> None:
    """Put the file there once it is known to be right. Raises OSError and ValueError."""
    config.parent.mkdir(parents=True, exist_ok=True)
    draft = config.with_name(f".{config.name}.draft")
    draft.write_text(text, "utf-8")
    try:
        try:
            load(draft)
        except SettingsError as error:
            others = [problem for problem in error.problems if "the environment has no variable" not in problem.message]
            if others:
                raise ValueError("\n".join(map(str, others))) from None
        os.link(draft, config)  # unlike a rename, never over a file that has come meanwhile
    finally:
        draft.unlink()


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError("a name is needed")
    return plain(text)


def _one_of(*known: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is none of {', '.join(known)}")
        return text

    return parse


def _embedded_or_url(text: str) -> str:
    if text != "embedded" and not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is neither embedded nor a URL such as http://localhost:8086")
    return plain(text).rstrip("/")


def _version(text: str) -> Literal[1, 2, 3]:
    versions: dict[str, Literal[1, 2, 3]] = {"1": 1, "2": 2, "3": 3}
    if text not in versions:
        raise ValueError(f"{text!r} is none of 1, 2, 3")
    return versions[text]


def _address(text: str) -> tuple[str, int | None] | None:
    return host_and_port(plain(text)) if text.strip() else None


def _template(text: str) -> str:
    load_template(text)
    return text
