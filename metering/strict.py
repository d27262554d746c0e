"""The base of everything that is read from YAML: settings, device templates, scenarios."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """An immutable record that refuses unknown keys, so that a typo is an error and not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
