"""The settings of one MQTT broker and the devices that are heard through it."""

import json
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, SecretStr, ValidationError, field_validator, model_validator

from collectors.mqtt.format import Format
from collectors.mqtt.formats import format_named
from collectors.settings import DeviceSettings
from metering.strict import Strict

_NOT_IN_A_LEVEL = re.compile(r"[/+#\x00]")


class MqttDevice(DeviceSettings):
    """A device, or one part of a device that has several sensors or channels."""

    format: str
    """Payload format: the name of a file in collectors/mqtt/formats, e.g. tasmota."""
    topic: str = Field(pattern=r"^[^#+$\x00][^#+\x00]*$")
    """The device's own topic, without what the format puts before and after it."""
    part: str = ""
    """Sensor or channel, where a device has several, e.g. DS18B20-1 or ch2; ``leitwarte decode mqtt`` shows it."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """What the format needs beyond the topic; see its file."""

    @field_validator("options")
    @classmethod
    def _options_shared(cls, options: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return _shared(json.dumps(options))

    @model_validator(mode="after")
    def _options_fit_the_format(self) -> Self:
        try:
            self.decoder()
        except ValidationError as error:
            problems = "; ".join(f"option {_path(item['loc'])}: {item['msg']}" for item in error.errors())
            raise ValueError(f"device {self.id!r} ({self.format}): {problems}") from None
        except ValueError as error:
            raise ValueError(f"device {self.id!r}: {error}") from None
        return self

    def decoder(self) -> Format[Any]:
        """A fresh decoder, which remembers nothing yet."""
        kind = format_named(self.format)
        return kind(self.topic, _understood(kind, json.dumps(self.options)))


class TlsSettings(Strict):
    """An encrypted connection; the broker's certificate is always verified."""

    ca_file: Path | None = None
    """Certificates to trust (PEM); those of the system if left out."""
    certificate_file: Path | None = None
    """This client's own certificate (PEM), if the broker asks for one."""
    key_file: Path | None = None
    """Its private key (PEM)."""

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file is given without certificate_file")
        return self


class MqttSettings(Strict):
    """One broker."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Unique among all connections; for logs and metrics."""
    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    """1883, or usually 8883 with ``tls``."""
    username: str | None = None
    password: SecretStr | None = None
    tls: TlsSettings | None = None
    """Leave out for an unencrypted connection; ``tls: {}`` trusts the system's certificates."""
    client_id: str = Field(default="", max_length=65535)
    """Names the session that the broker keeps, so it must stay the same and be unique; leitwarte-<id> if left out."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """MQTT version; auto tries 5 first."""
    session_expiry_s: int = Field(default=7 * 86400, ge=60, le=2**32 - 2)
    """How long a broker with MQTT 5 keeps messages while the collector is away; with 3.1.1 the broker decides."""
    say_status: bool = True
    """Whether to say online or offline there, retained and as the last will, under leitwarte/<client_id>/status."""
    share: str = Field(default="", pattern=r"^[^/+#\x00]*$")
    """Name of the group in which several gateways share the messages out (``$share/<name>/…``, MQTT 5)."""
    devices: tuple[MqttDevice, ...] = ()

    @field_validator("protocol", mode="before")
    @classmethod
    def _number_as_text(cls, version: object) -> object:
        return str(version) if isinstance(version, int) else version  # YAML reads a bare 5 as a number

    @model_validator(mode="after")
    def _device_ids_are_unique(self) -> Self:
        doubled = sorted(name for name, number in Counter(one.id for one in self.devices).items() if number > 1)
        if doubled:
            raise ValueError(f"broker {self.id!r} has more than one device named {', '.join(doubled)}")
        return self

    @model_validator(mode="after")
    def _password_needs_username(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError(f"broker {self.id!r} has a password without a username")
        return self

    @property
    def session_name(self) -> str:
        return self.client_id or f"leitwarte-{self.id}"

    @property
    def share_prefix(self) -> str:
        """What stands before each topic filter where messages are shared out."""
        return f"$share/{self.share}/" if self.share else ""

    def of_replica(self, replica: str) -> "MqttSettings":
        """As one of several gateways connects: in a session of its own where messages are shared out."""
        return self.model_copy(update={"client_id": f"{self.session_name}-{replica}"}) if self.share else self

    def presence_of(self, replica: str) -> "MqttSettings":
        """A connection beside it, for a replica to say that it is there."""
        changes = {"client_id": f"{self.session_name}~{replica}", "share": "", "devices": ()}
        return self.model_copy(update={**changes, "say_status": True, "session_expiry_s": 0})  # what it missed is old

    @property
    def status_topic(self) -> str:
        """Where the state of this connection is said, see ``say_status``."""
        return f"leitwarte/{_NOT_IN_A_LEVEL.sub('-', self.session_name.removeprefix('leitwarte-'))}/status"


# Thousands of devices of a type have the same options; each had its own, in a kilobyte.
@lru_cache(maxsize=1024)
def _shared(options: str) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = json.loads(options)
    return found


@lru_cache(maxsize=1024)
def _understood(kind: type[Format[Any]], options: str) -> Strict:
    return kind.Options.model_validate(json.loads(options))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "(all)"
