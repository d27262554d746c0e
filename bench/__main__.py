"""How fast Leitwarte is, beside the limits of what it stands on, and a peer; all in one run.

    python -m bench [--quick] [--out FOLDER] [--docs] [PART …]

Parts: mqtt latency steps modbus outbox decode store detection carbon start growth shares; all if none is named. Writes
FOLDER/results.json and FOLDER/results.md (FOLDER is artefacts/bench), and with --docs the tables of
docs/performance.md. TELEGRAF_BIN names Telegraf's program, THINGSBOARD_GATEWAY_BIN that of ThingsBoard's gateway;
without them those rows say so.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import carbon, decode, detection, modbus, mqtt, outbox, shares, steps, store
from bench.result import Row, markdown, replace_between

TITLES = {
    "mqtt": "MQTT QoS 1 → InfluxDB, acknowledged once durable",
    "latency": "From publishing to queryable",
    "steps": "Where a message's time goes",
    "modbus": "Modbus at the fastest cadence",
    "outbox": "Outbox",
    "decode": "Payload formats",
    "store": "Stores",
    "detection": "Detection",
    "carbon": "CO2 of a year",
    "start": "Cold start",
    "growth": "Cost as the load grows",
    "shares": "Several gateways share the messages",
}
_ROOT = Path(__file__).parent.parent
_DOCS = _ROOT / "docs" / "performance.md"
Measurement = Callable[[], list[Row]]


def measurements(quick: bool) -> Mapping[str, Measurement]:  # noqa: FBT001
    size = 1 if quick else 10
    return {
        "mqtt": lambda: [
            *mqtt.end_to_end("json", 1000, 20_000 * size),
            mqtt.thingsboard("json", 1000, 2_000 * size),
            *([] if quick else mqtt.end_to_end("json", 10_000, 20_000 * size)),
        ],
        "latency": lambda: [
            mqtt.latency(500, 1000),
            *([] if quick else [mqtt.latency(4000, 1000), mqtt.latency(4000, 10_000)]),
        ],
        "steps": steps.measure,
        "modbus": lambda: [*modbus.measure(5.0 if quick else 10.0), *([] if quick else modbus.growth(10.0))],
        "outbox": lambda: outbox.measure(50_000 * size),
        "decode": lambda: decode.measure(5 * size),
        "store": lambda: store.measure(60_000 * size),
        "detection": lambda: detection.measure(2 * size),
        "carbon": lambda: _in_folder(lambda folder: carbon.measure(10 * size, folder)),
        "start": lambda: [mqtt.cold_start(100), *([] if quick else [mqtt.cold_start(10_000)])],
        "shares": lambda: shares.measure("json", 1000, 20_000 * size),
        "growth": lambda: [*mqtt.growth(100 * size, 1000 * size), *outbox.growth(5000 * size)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *TITLES])
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, in about two minutes")
    parser.add_argument("--out", type=Path, default=_ROOT / "artefacts" / "bench")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/performance.md")
    chosen = parser.parse_args()
    conditions = [_conditions(), "A quick run: a tenth of the load."] if chosen.quick else [_conditions()]
    rows: list[Row] = []
    for part, measure in measurements(chosen.quick).items():
        if not chosen.part or part in chosen.part:
            begun = time.monotonic()
            rows += measure()
            sys.stderr.write(f"{part}: {time.monotonic() - begun:.0f} s\n")
    conditions.append(f"Load average at the end: {_load()}.")
    text = "\n\n".join([" ".join(conditions), markdown(rows, TITLES)])
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "results.md").write_text(text, "utf-8")
    (chosen.out / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode([*conditions, *rows])))
    if chosen.docs:
        replace_between(_DOCS, "measured", text)
    sys.stdout.write(text)


def _in_folder(measure: Callable[[Path], list[Row]]) -> list[Row]:
    with TemporaryDirectory() as name:
        return measure(Path(name))


def _conditions() -> str:
    cores = len(os.sched_getaffinity(0))
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"Measured {when} on {cores} cores, Python {platform.python_version()}; load average before: {_load()}."


def _load() -> str:
    return " ".join(f"{number:.1f}" for number in os.getloadavg())


if __name__ == "__main__":
    main()
