"""Scenarios: which faults happen when, and the ground truth about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from pydantic import Field, ValidationError

from device_sim.faults.fault import FOR_EVER, Fault, Placed, instant
from device_sim.faults.load import BaseLoad, Leak, LoadFault, PvStringLoss, WeekendOperation
from device_sim.faults.metering import Drift, MeteringFault, PhaseLoss
from device_sim.faults.showing import RegisterBackwards, RegisterReset, ShowingFault, Silent, Spike, Stuck, UnitError
from device_sim.faults.telling import ModbusTelling, MqttTelling, TellingFault
from metering.estate import Estate
from metering.instant import MINUTE, Window, isoformat
from metering.strict import Strict

AnyFault = Annotated[
    BaseLoad
    | Drift
    | Leak
    | ModbusTelling
    | MqttTelling
    | PhaseLoss
    | PvStringLoss
    | RegisterBackwards
    | RegisterReset
    | Silent
    | Spike
    | Stuck
    | UnitError
    | WeekendOperation,
    Field(discriminator="kind"),
]

_SHELF = files("device_sim").joinpath("scenarios")


class Scenario(Strict):
    """A list of faults."""

    description: str = ""
    faults: tuple[AnyFault, ...]

    def place(self, start_us: int) -> list[Placed]:
        """The faults in time, relative ones counted from ``start_us``. Raises ValueError for an end before its begin.

        Faults of loads and of metering are widened to whole minutes, in which the town thinks.
        """
        return [_placed(fault, start_us) for fault in self.faults]


def load_scenario(name: str) -> Scenario:
    """A scenario by its name in device_sim/scenarios, or by the path of a file that ends with .yaml.

    Raises ValueError naming file and field for one that is missing or wrong.
    """
    file: Traversable = Path(name) if name.endswith(".yaml") else _SHELF.joinpath(f"{name}.yaml")
    try:
        return Scenario.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except FileNotFoundError:
        raise ValueError(f"no scenario {name!r}; known: {', '.join(scenarios())}, or give a .yaml file") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: no valid YAML: {error}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise ValueError("\n".join(f"{file}: {problem}" for problem in problems)) from None


def scenarios() -> list[str]:
    """The names of the scenarios that come with the town."""
    return sorted(file.name.removesuffix(".yaml") for file in _SHELF.iterdir() if file.name.endswith(".yaml"))


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one device. ``meters`` are all metering points whose values differ from a sound town's.

    start, end  ISO 8601 in UTC; no end: it lasts
    """

    kind: str
    device: str
    start: str
    end: str | None
    meters: list[str]
    parameters: dict[str, object]
    load: str = ""


def truth(faults: Iterable[Placed], estate: Estate, parents: Mapping[str, str | None]) -> list[Truth]:
    """The ground truth, one record for each device (or load) that a fault hits.

    ``parents`` names the device whose measurement contains that of another.
    """
    found = []
    for placed in faults:
        fault, window = placed.fault, placed.window
        is_load = isinstance(fault, LoadFault)
        for target in targets(fault):
            device = target.partition("/")[0]
            wrong = list(_upwards(device, parents)) if is_load else [device]
            found.append(
                Truth(
                    kind=_kind(fault),
                    device=device,
                    start=isoformat(window.start_us),
                    end=isoformat(window.end_us) if window.end_us != FOR_EVER else None,
                    meters=[meter.id for one in wrong for meter in estate.meters.values() if meter.device == one],
                    parameters=fault.parameters,
                    load=target if is_load else "",
                )
            )
    return found


def write_truth(path: Path, records: Sequence[Truth]) -> None:
    """Write the ground truth as JSON Lines."""
    path.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def targets(fault: Fault) -> tuple[str, ...]:
    """The loads or devices that a fault hits."""
    if isinstance(fault, LoadFault):
        return fault.loads
    assert isinstance(fault, MeteringFault | ShowingFault | TellingFault)
    return fault.devices


def check_targets(faults: Iterable[Placed], loads: Mapping[str, object], devices: Mapping[str, object]) -> None:
    """Raise ValueError if a fault hits something that does not exist."""
    for placed in faults:
        known = loads if isinstance(placed.fault, LoadFault) else devices
        for target in targets(placed.fault):
            if target not in known:
                raise ValueError(f"a {_kind(placed.fault)} fault hits {target!r}; known: {', '.join(known)}")


def _placed(fault: Fault, start_us: int) -> Placed:
    begin = instant(fault.begin, start_us)
    end = instant(fault.end, start_us) if fault.end is not None else FOR_EVER
    if isinstance(fault, LoadFault | MeteringFault):
        begin -= begin % MINUTE
        end = -(-end // MINUTE) * MINUTE if end != FOR_EVER else end
    if end <= begin:
        raise ValueError(f"a {_kind(fault)} fault ends ({fault.end}) before it begins ({fault.begin})")
    return Placed(fault, Window(begin, end))


def _kind(fault: Fault) -> str:
    return str(fault.model_dump()["kind"])


def _upwards(device: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    above: str | None = device
    while above is not None:
        yield above
        above = parents[above]
