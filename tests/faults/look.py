"""What is in the store and in the quarantine, seen without Leitwarte's own reader: InfluxQL over plain HTTP."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gateway.quarantine import cases
from metering.clock import Clock
from metering.instant import DAY
from tests.faults.ledger import Found, Key
from tests.faults.towns import CONFLICTING, PLAIN, RETENTION_DAYS

_REFUSALS = re.compile("field type conflict|beyond retention policy")
_POISON = re.compile(rb'{"v": (\d+),')


class Store:
    """A database of an InfluxDB 1.x, in which one field has another type than Leitwarte writes."""

    def __init__(self, url: str, database: str) -> None:
        self._url = url
        self._database = database

    def settings(self, url: str = "", **more: object) -> dict[str, object]:
        """What a gateway is told of it, reached at ``url`` if that is a proxy. Deleting is left to it."""
        kept = {"raw_days": None, "quarter_hour_days": None}
        where = {"kind": "influxdb", "version": 1, "url": url or self._url, "database": self._database}
        return {**where, "retention": kept, **more}

    def create(self) -> None:
        self._query(f'CREATE DATABASE "{self._database}" WITH DURATION {RETENTION_DAYS}d', post=True)

    def prepare(self) -> None:
        """A day's shard each: yesterday's, today's and tomorrow's get a text where a number is going to be written."""
        self.create()
        now_us = Clock().now_us()
        for day in (-1, 0, 1):
            line = f'reading,device=older {CONFLICTING}="moist" {now_us + day * DAY}'
            self._open("/write", {"db": self._database, "precision": "u"}, line.encode()).close()

    def stored(self) -> Iterator[Key]:
        """Every value of every device, as often as it is there."""
        for quantity in (PLAIN, "pulse_count"):
            for series in self._query(f'SELECT "{quantity}" FROM "reading" GROUP BY "device"'):
                for _, value in series["values"]:
                    yield Key(series["tags"]["device"], round(value))

    def number_of(self, quantities: Iterable[str]) -> int:
        """How many values of the quantities there are."""
        found = [self._query(f'SELECT COUNT("{quantity}") FROM "reading"') for quantity in quantities]
        return sum(round(series[0]["values"][0][1]) for series in found if series)

    def _query(self, statement: str, *, post: bool = False) -> list[dict[str, Any]]:
        parameters = {"db": self._database, "epoch": "u", "chunked": "true", "q": statement}
        with self._open("/query", parameters, b"" if post else None) as answer:
            chunks = [json.loads(line) for line in answer.read().splitlines()]
        results = [result for chunk in chunks for result in chunk["results"]]
        assert not any("error" in result for result in results), results
        return [series for result in results for series in result.get("series", [])]

    def _open(self, path: str, parameters: dict[str, str], body: bytes | None) -> Any:
        return urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(parameters)}", body, 120)


def look(store: Store, quarantine: Path, damaged: set[Key]) -> Found:
    """Raises OSError while the store cannot be asked."""
    found = Found(damaged=damaged)
    found.stored.update(store.stored())
    for case in cases(quarantine):
        if case.reading is not None and _REFUSALS.search(case.detail):
            found.refused.add(Key(case.reading.device, round(case.reading.value)))
        elif case.letter is not None and (number := _POISON.match(case.letter.payload)):
            found.dead.add(Key(case.letter.topic.split("/")[-1], int(number[1])))
        else:
            found.dead.add(Key(f"nobody's: {case.reason}", case.at_us))
    return found
