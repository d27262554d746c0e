"""Device models: what hangs in the town, from models.yaml."""

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field

from collectors.modbus.shelf import also, load_template, template_ids
from metering.estate import Carrier
from metering.strict import Strict

Shows = Literal["electricity", "inverter", "heat", "volume", "climate", "weather"]

CARRIERS = {
    "active_energy_import": Carrier.ELECTRICITY,
    "active_energy_export": Carrier.ELECTRICITY,
    "active_energy_generation": Carrier.ELECTRICITY,
    "heat_energy": Carrier.HEAT,
    "water_volume": Carrier.WATER,
    "gas_volume": Carrier.GAS,
}
"""The registers that the town's meters have, and what they count."""

_POWERS = {
    "active_energy_import": "active_power",
    "active_energy_generation": "active_power_generation",
    "heat_energy": "heat_power",
    "water_volume": "volume_flow",
}


class Model(Strict):
    """A device model; see the head of models.yaml."""

    id: str
    shows: Shows | None = None
    """The instrument behind it; None for models that the town has none of, which only replays use."""
    digits: int = 0
    """Decimals of the registers, in kWh or m³."""
    format: str | None = None
    """Payload format, or None for Modbus."""
    quantities: tuple[str, ...]
    options: dict[str, object] = Field(default_factory=dict)

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers it has, the principal one first."""
        return tuple(register for register in CARRIERS if register in self.quantities)

    def power_of(self, register: str) -> str | None:
        """The quantity that shows the register's rate, if it has one."""
        power = _POWERS.get(register)
        return power if power in self.quantities else None


@cache
def models() -> dict[str, Model]:
    """All models by id."""
    entries: dict[str, dict[str, object]] = yaml.safe_load(
        files("device_sim").joinpath("models.yaml").read_text("utf-8")
    )
    return {
        id_: Model.model_validate({"id": id_, "quantities": _in_template(id_, entry), **entry})
        for id_, entry in entries.items()
    }


def model(id_: str) -> Model:
    """A model of models.yaml, or any device template. Raises LookupError, naming all, for an unknown one."""
    known = models()
    if id_ in known:
        return known[id_]
    if id_ in template_ids() or id_ in also():
        return Model(id=id_, quantities=tuple(_in_template(id_, {})))
    raise LookupError(f"unknown device model {id_!r}; known: {', '.join(sorted({*known, *template_ids()}))}")


def _in_template(id_: str, entry: dict[str, object]) -> list[str]:
    if "format" in entry:
        return []
    template = load_template(id_)
    blocks = [template.registers, *(block.registers for block in template.sunspec)]
    return list(dict.fromkeys(register.quantity for block in blocks for register in block))
