import gc
import traceback

from metering.strict import Strict


def described() -> type[Strict]:
    class Described(Strict):
        height_m: float
        """above the sea"""

    return Described


class Noisy:
    """Garbage that has an exception to tell of, as a task has that nobody waited for."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        try:
            int("no number")
        except ValueError:
            traceback.format_exc()


def test_a_text_below_an_attribute_is_its_description() -> None:
    assert described().model_json_schema()["properties"]["height_m"]["description"] == "above the sea"


def test_a_schema_is_made_while_garbage_formats_tracebacks() -> None:
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(50):
            kind = described()
            garbage = [Noisy() for _ in range(5)]
            del garbage
            assert "description" in kind.model_json_schema()["properties"]["height_m"]
    finally:
        gc.set_threshold(*thresholds)
