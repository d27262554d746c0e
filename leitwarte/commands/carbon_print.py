"""How ``leitwarte carbon`` prints a trace and a restatement."""

from collections.abc import Sequence
from decimal import Decimal

from rich.table import Table

from analytics.carbon.factor import Factor
from analytics.reports.figure import Figure
from analytics.reports.restate import Restated
from analytics.reports.trace import Trace
from leitwarte.commands.common import output
from metering.estate import Meter
from metering.localtime import LocalCalendar
from metering.quality import Quality


def print_trace(trace: Trace, calendar: LocalCalendar) -> None:
    """The figure, then the step below it, then the factors and the program."""
    output.print(_line(trace.figure), markup=False)
    if trace.parts:
        output.print("\nis made of", markup=False)
        for part in trace.parts:
            output.print(f"  {_line(part)}", markup=False)
    if trace.meter is not None:
        output.print(f"\nmeter {trace.meter.id} ({trace.meter.name}): {_source(trace.meter)}", markup=False)
    unit = trace.meter.carrier.unit if trace.meter else ""
    for what, samples in (("quarter-hours", trace.intervals), ("register readings", trace.readings)):
        if len(samples):
            output.print(f"\n{what}", markup=False)
        columns = zip(samples.times_us.tolist(), samples.values.tolist(), samples.qualities.tolist(), strict=True)
        for time_us, value, quality in columns:
            time = calendar.local(time_us).isoformat(sep=" ")
            output.print(f"  {time}  {value:.6f} {unit}  {Quality(quality).name.lower()}", markup=False)
    for event in trace.exchanges:
        output.print(f"\n{calendar.local(event.time_us).isoformat(sep=' ')}  {event.title}", markup=False)
    if trace.factors:
        output.print("\nfactors", markup=False)
    for factor in trace.factors:
        output.print(f"  {_factor(factor)}", markup=False)
        output.print(f"    {factor.publisher}: {factor.document}, {factor.page}\n    {factor.url}", markup=False)
    output.print(f"\nmade by leitwarte {trace.version}", markup=False)


def print_restated(lines: Sequence[Restated]) -> None:
    """A table, then where each factor that differs is printed."""
    table = Table("carrier", "scope", "year", "kWh", "kg before", "kg now", "difference", "because")
    for line in lines:
        because = " → ".join(", ".join(f"{f.g_per_kwh:f} g" for f in side) for side in (line.before, line.now))
        kg = [_rounded(value) for value in (line.kwh, line.before_kg, line.now_kg, line.difference_kg)]
        table.add_row(
            line.carrier, line.scope, str(line.year), *kg, because if line.before != line.now else "the same factor"
        )
    output.print(table)
    for factor in dict.fromkeys(
        factor for line in lines if line.before != line.now for factor in (*line.before, *line.now)
    ):
        output.print(f"{_factor(factor)}: {factor.publisher}, {factor.document}, {factor.page}", markup=False)


def _source(meter: Meter) -> str:
    """Where its consumption comes from."""
    if meter.is_imported:
        return "imported load profiles"
    return str(meter.formula) if meter.formula else f"register {meter.register} of device {meter.device}"


def _line(figure: Figure) -> str:
    known = "" if figure.completeness is None else f", {_percent(figure.completeness)} measured"
    estimated = "" if not figure.estimated_share else f", {_percent(figure.estimated_share)} of it substituted"
    band = (
        ""
        if figure.low is None or figure.low == figure.high
        else f" ({_rounded(figure.low)} … {_rounded(figure.high)})"
    )
    missing = f"; INCOMPLETE: {', '.join(figure.problems)}" if figure.problems else ""
    return f"{figure.id} = {_rounded(figure.value)} {figure.unit}{band}{known}{estimated}{missing}"


def _factor(factor: Factor) -> str:
    per = "kWh" if factor.heat_basis == "none" else f"kWh({factor.heat_basis})"
    how = f"{factor.status}, {factor.variant}, read: {factor.evidence}"
    return f"{factor.id} = {factor.g_per_kwh:f} g {factor.gases}/{per}, {how}"


def _rounded(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:,.3f}"


def _percent(share: Decimal) -> str:
    return f"{share * 100:.1f} %"
