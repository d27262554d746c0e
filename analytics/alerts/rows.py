"""Findings and alerts as rows of the alert book, and back."""

import msgspec

from analytics.alerts.alert import Alert, Entry, Evidence, Excess, Finding, State, Verdict
from analytics.alerts.tables import AlertRow, EntryRow
from metering.event import Severity
from metering.instant import to_datetime


def new_row(finding: Finding, who: str, now_us: int) -> AlertRow:
    """The alert that a finding opens."""
    begin = to_datetime(finding.first_us).strftime("%Y%m%dT%H%M%SZ")
    return AlertRow(
        id=f"{finding.cause.replace(':', '.')}.{begin}",
        cause=finding.cause,
        kind=finding.kind,
        subject=finding.subject,
        building=finding.building,
        severity=finding.severity,
        state=State.OPEN,
        first_us=finding.first_us,
        last_us=finding.last_us,
        opened_us=now_us,
        changed_us=now_us,
        title=finding.title,
        explanation=finding.explanation,
        evidence=msgspec.json.encode(finding.evidence),
        excess=msgspec.json.encode(finding.excess) if finding.excess else None,
        rarity=finding.rarity,
        history=[EntryRow(now_us, who, "opened", "")],
    )


def take_over(row: AlertRow, finding: Finding) -> None:
    """Let the alert say what the newest finding of its cause says."""
    row.kind, row.severity = finding.kind, max(row.severity, finding.severity)
    row.last_us = max(row.last_us, finding.last_us)
    row.title, row.explanation = finding.title, finding.explanation
    row.evidence = msgspec.json.encode(finding.evidence)
    row.excess = msgspec.json.encode(finding.excess) if finding.excess else row.excess


def as_alert(row: AlertRow) -> Alert:
    return Alert(
        id=row.id,
        cause=row.cause,
        kind=row.kind,
        subject=row.subject,
        building=row.building,
        severity=Severity(row.severity),
        state=State(row.state),
        first_us=row.first_us,
        last_us=row.last_us,
        opened_us=row.opened_us,
        resolved_us=row.resolved_us,
        muted_until_us=row.muted_until_us,
        title=row.title,
        explanation=row.explanation,
        evidence=msgspec.json.decode(row.evidence, type=Evidence),
        excess=msgspec.json.decode(row.excess, type=Excess) if row.excess else None,
        history=tuple(Entry(entry.time_us, entry.who, entry.action, entry.text) for entry in row.history),
        assignee=row.assignee,
        verdict=Verdict(row.verdict) if row.verdict else None,
    )
