"""The base of everything that is read from YAML: settings, device templates, scenarios."""

import ast
import gc
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_NO_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_LONGEST_NAME = 200
_GIVEN: dict[frozenset[str], set[str]] = {}


def _one_line(text: str) -> str:
    if _NO_LINE.search(text) or len(text) > _LONGEST_NAME:
        raise ValueError(f"a name is one line of at most {_LONGEST_NAME} characters, without control characters")
    return text


Name = Annotated[str, AfterValidator(_one_line)]
"""What people call something: it stands in pages, reports and the subjects of mails."""


class Strict(BaseModel):
    """An immutable record that refuses unknown keys, so that a typo is an error and not a silence.

    A text below an attribute is its description in the JSON Schema. It is read from the source when somebody asks for
    that, and not when the class is made as pydantic would: that took a tenth of the time in which a program starts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's
        """Thousands of devices have the same keys given; a set of them for each took 700 bytes."""
        given = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _GIVEN.setdefault(frozenset(given), given))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for base in cls.__mro__:
            if issubclass(base, Strict):
                for name, text in _texts_below_attributes(base).items():
                    properties.get(cls.model_fields[name].alias or name, {}).setdefault("description", text)
        return schema


class StrictQuery(Strict):
    """What an address takes behind its question mark: there FastAPI asks the fields themselves for their texts."""

    model_config = ConfigDict(use_attribute_docstrings=True)


@cache
def _texts_below_attributes(kind: type) -> dict[str, str]:
    with _no_garbage_collected():
        (definition,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        attribute.target.id: inspect.cleandoc(below.value.value)
        for attribute, below in pairwise(definition.body)
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """While Python parses: what is collected may log a traceback, and to format one Python 3.11 parses its lines.

    One parsing within another makes the outer one raise SystemError ("AST constructor recursion depth mismatch").
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
