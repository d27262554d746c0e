"""A report with what is told hour by hour: purchased electricity by the mix of its hour, own generation by its time."""

from dataclasses import replace

from analytics.reports.assemble import balanced
from analytics.reports.hourly import hourly
from analytics.reports.matching import matching
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from metering.estate import Estate
from storage.protocol import Store


async def with_hours(store: Store, estate: Estate, report: Report, rules: Rules) -> Report:
    """Raises as `hourly` and the store."""
    meters = balanced(estate, report.place, rules)
    return replace(
        report,
        hourly=await hourly(store, meters, report.period, rules, report.view),
        matching=await matching(store, estate, meters, report.period, rules),
    )
