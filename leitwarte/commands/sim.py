"""``leitwarte sim``: the town alone, or measured series, as devices that any client can read."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from device_sim.faults.scenario import load_scenario, write_truth
from device_sim.replay import load_replay
from device_sim.town import Town
from leitwarte import logs
from leitwarte.commands.common import WRONG_CALL, commands, errors, fail
from leitwarte.durations import seconds
from leitwarte.lifetime import until_stopped
from leitwarte.stage import Lapse, Stage, Venue, replay_estate, serve
from leitwarte.town_settings import Broker
from metering.clock import Clock
from metering.instant import DAY, SECOND

_TAIL_INTERVALS = 3  # so that everybody reads the last register
_LEAST_REAL_S = 0.25
"""Real seconds between two readings of a device in a time lapse, at least."""
_INTERVALS_S = (10.0, 60.0, 300.0, 900.0, 3600.0)


app = commands()


@app.command()
def sim(
    replay: Annotated[
        Path | None, typer.Option(help="Measured series to replay: CSV timestamp,value[,series_id].")
    ] = None,
    template: Annotated[
        str, typer.Option(help="Replay: what the devices are, such as eastron/sdm630.")
    ] = "eastron/sdm630",
    unit: Annotated[str, typer.Option(help="Replay: unit of the values per interval.")] = "kWh",
    speed: Annotated[float, typer.Option(help="Simulated seconds per real second.")] = 1.0,
    lead: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="Replay: real time before it begins, to connect in.")
    ] = 10.0,
    scenario: Annotated[str, typer.Option(help="Town: what goes wrong; a name or a .yaml file.")] = "demo",
    seed: Annotated[int, typer.Option(help="Town: another seed, another town.")] = 1,
    modbus_port: Annotated[
        int, typer.Option(help="Port of the first Modbus bus; the others follow. 0: free ones.")
    ] = 5020,
    mqtt: Annotated[str | None, typer.Option(help="HOST:PORT of a broker; one of its own on 1883 if left out.")] = None,
    settings: Annotated[Path | None, typer.Option(help="Write settings here that read all of this.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write the ground truth of the faults here.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Write what the broker acknowledged here, as JSON lines.")] = None,
    for_: Annotated[
        float | None, typer.Option("--for", parser=seconds, metavar="TIME", help="End by itself, such as 10min.")
    ] = None,
) -> None:
    """Serve simulated devices over real Modbus TCP and real MQTT, for any client.

    The town by default; with --replay, meters that count measured series, as fast as --speed says, to their end.
    """
    logs.configure(level=logging.WARNING)
    try:
        stage = _replayed(replay, template, unit, speed, lead) if replay else _town(seed, scenario, speed, truth)
        venue = Venue(modbus_port, _broker(mqtt), mqtt is None, settings, ledger)
        asyncio.run(until_stopped(serve(stage, venue), for_))
    except (ValueError, LookupError) as error:
        fail(error, WRONG_CALL)
    except OSError as error:
        fail(error)


def _town(seed: int, scenario: str, speed: float, truth: Path | None) -> Stage:
    now_us = Clock().now_us()
    town = Town(seed, now_us - 60 * DAY, load_scenario(scenario).place(now_us))
    if truth is not None:
        write_truth(truth, town.truth())
    return Stage(town.devices, town.estate, Lapse(speed, now_us, now_us))


def _replayed(file: Path, template: str, unit: str, speed: float, lead_s: float) -> Stage:
    interval_s = next((s for s in _INTERVALS_S if s >= speed * _LEAST_REAL_S), _INTERVALS_S[-1])
    replay = load_replay(file, template, unit=unit, interval_s=interval_s)
    for problem in replay.problems:
        errors.print(problem, markup=False, style="yellow")
    estate = replay_estate(replay, file.name, interval_s)
    lapse = Lapse(speed, replay.window.start_us - round(lead_s * speed * SECOND), Clock().now_us())
    return Stage(replay.devices, estate, lapse, replay.window.end_us + round(_TAIL_INTERVALS * interval_s * SECOND))


def _broker(text: str | None) -> Broker:
    if text is None:
        return Broker.in_process("127.0.0.1", 1883)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{text!r} is no broker; write HOST:PORT")
    return Broker(host, int(port))
