"""``leitwarte carbon fetch`` and ``degree-days``, against a server that answers as the sources would."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from analytics.carbon.mix import read_mix
from leitwarte.commands.carbon import app
from metering.instant import HOUR, isoformat, parse

NINE = parse("2026-07-20T09:00:00Z")


def called(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def history(first: int, count: int, gas: float) -> dict[str, object]:
    hours = [NINE + (first + n) * HOUR for n in range(count)]
    made = {"powerProductionBreakdown": {"gas": gas, "wind": 1.0}, "isEstimated": False}
    return {"history": [{"datetime": isoformat(at), **made} for at in hours]}


def test_a_daily_fetch_adds_to_the_file_and_what_is_fetched_again_takes_its_place(
    source: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("ELECTRICITY_MAPS_TOKEN", "secret")
    file = tmp_path / "feeds" / "maps.csv"
    asked = ("fetch", "electricity-maps", file, "--period", "2026-07", "--url", source.url)
    source.says("/v3/power-breakdown/history", history(0, 3, 10.0))
    assert "3 intervals fetched, 3 in all" in called(*asked).output.replace("\n", "")
    source.says("/v3/power-breakdown/history", history(2, 3, 20.0))
    assert "3 intervals fetched, 5 in all" in called(*asked).output.replace("\n", "")
    mix = read_mix(file)
    assert mix.start_us.tolist() == [NINE + n * HOUR for n in range(5)]
    assert mix.mwh["gas"].tolist() == [10.0, 10.0, 20.0, 20.0, 20.0]
    assert source.asked[0][2]["auth-token"] == "secret"


def test_a_file_of_another_source_is_left_alone(source: Any, tmp_path: Path) -> None:
    file = tmp_path / "mix.csv"
    source.says("/v3/power-breakdown/history", history(0, 1, 10.0))
    asked = ("fetch", "electricity-maps", file, "--period", "2026-07", "--url", source.url, "--token", "t")
    assert called(*asked).exit_code == 0
    before = file.read_text("utf-8").replace("electricity-maps", "somebody")
    file.write_text(before, "utf-8")
    refused = called(*asked)
    assert refused.exit_code == 1
    assert "name another file" in refused.output.replace("\n", " ")
    assert file.read_text("utf-8") == before


def test_degree_days_come_as_the_settings_take_them(source: Any) -> None:
    """10 °C always: 10 K under the indoor temperature on each of the 365 days."""
    begin = datetime(2024, 12, 31, 23, tzinfo=UTC)
    weather = [{"timestamp": (begin + timedelta(hours=n)).isoformat(), "temperature": 10.0} for n in range(365 * 24)]
    source.says("/weather", {"weather": weather})
    place = ("--latitude", 50.1, "--longitude", 8.8, "--url", source.url)
    found = called("degree-days", 2025, *place)
    assert "degree_days: {2025: 3650.0}" in found.output, found.output
    assert "Deutscher Wetterdienst" in found.output
    weather[5000]["temperature"] = None
    source.says("/weather", {"weather": weather})
    holed = called("degree-days", 2025, *place)
    assert holed.exit_code == 1
    assert "1 days of 2025 lack hours" in holed.output.replace("\n", " ")
