"""`leitwarte alerts` on a real book, and settings that name what is not there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.alerts.book import AlertBook
from leitwarte.cli import app
from leitwarte.settings_file import SettingsError, load
from tests.analytics.alerts.conftest import NOW, Mailbox, finding

ROUTES = """
analytics:
  alerts:
    recipients:
      - id: weber
        urls: ["URL"]
    routes:
      - to: [weber, webber]
        buildings: [school, schol]
        kinds: [leak, leek]
        escalate_after_min: 30
        escalate_to: [nobody]
"""
ESTATE = "sites: [{id: town, buildings: [{id: school, usage: school}]}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(ESTATE)
    return path


def call(config: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["alerts", *arguments, "-c", str(config)])
    return result.exit_code, result.output


def test_alerts_are_listed_shown_acknowledged_and_resolved(config: Path) -> None:
    assert call(config, "list") == (0, "no alerts\n")
    book = AlertBook(f"sqlite:///{config.parent}/leitwarte-data/alerts.db")
    alert = book.report(finding(NOW, NOW), NOW)
    assert call(config, "ack", alert.id, "--as", "Ali", "-m", "fahre hin") == (0, f"{alert.id}: acknowledged\n")
    code, said = call(config, "list", "--json")
    assert (code, json.loads(said)["assignee"]) == (0, "Ali")
    assert alert.id in call(config, "list", "--kind", "leak", "--building", "school")[1]
    assert call(config, "list", "--kind", "gap")[1] == "no alerts\n"
    _, shown = call(config, "show", alert.id)
    for part in ("check first  Zähler bei geschlossenen Ventilen", "Ali: acknowledged fahre hin", "leak, warning"):
        assert part in shown
    assert call(config, "resolve", alert.id)[0] == 0
    assert call(config, "list")[1] == "no alerts\n"
    assert alert.id in call(config, "list", "--all")[1]
    assert call(config, "ack", "nope")[0] == 2
    book.close()


def test_a_recipient_is_sent_an_example(config: Path) -> None:
    mailbox = Mailbox()
    settings = ROUTES.replace("URL", mailbox.url("weber@example.org"))
    config.write_text(ESTATE + settings[: settings.index("    routes")])
    assert call(config, "test", "weber") == (0, "weber: sent\n")
    ((_, mail),) = mailbox.received
    assert mail["subject"] == "Probe: Leitwarte erreicht Sie"
    assert "image/png" in [part.get_content_type() for part in mail.walk()]
    mailbox.stop()
    code, said = call(config, "test", "weber")
    assert (code, said) == (1, "weber: nicht angenommen oder nicht erreichbar\n")
    assert call(config, "test", "webber")[0] == 2


def test_routes_that_lead_nowhere_are_named_with_their_lines(config: Path) -> None:
    config.write_text(ESTATE + ROUTES)
    with pytest.raises(SettingsError) as wrong:
        load(config)
    assert [
        (problem.line, problem.where.rsplit("routes[0].")[1], problem.remedy) for problem in wrong.value.problems
    ] == [
        (9, "to[1]", "did you mean 'weber'?"),
        (13, "escalate_to[0]", "define it, or use one of: weber"),
        (10, "buildings[1]", "did you mean 'school'?"),
        (11, "kinds[1]", "did you mean 'leak'?"),
    ]
