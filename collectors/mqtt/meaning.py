"""What a configured field means: the part of the settings that several formats share."""

from typing import Self

from pydantic import Field, model_validator

from collectors.mqtt.payload import as_number
from metering.quantities import quantity
from metering.strict import Strict
from metering.units import conversion


class Meaning(Strict):
    """Quantity and unit of one field."""

    quantity: str
    """A quantity of Leitwarte, e.g. active_power."""
    unit: str
    """The unit the device sends, e.g. kW."""
    factor: float = Field(default=1.0, allow_inf_nan=False)
    """Multiplied before the unit is converted, e.g. 0.1 for tenths."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            conversion(self.unit, quantity(self.quantity).unit)
        except LookupError as error:
            raise ValueError(str(error)) from None
        return self

    def scaled(self, raw: object) -> object:
        """``raw`` times the factor; anything that is no number stays as it is."""
        number = as_number(raw)
        return raw if number is None or self.factor == 1.0 else number * self.factor
