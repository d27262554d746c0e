"""How ``leitwarte carbon`` prints a trace and a restatement."""

from collections.abc import Sequence
from decimal import Decimal

from rich import box
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
    _print_rates(trace)
    output.print(f"\nmade by leitwarte {trace.version}", markup=False)


def _print_rates(trace: Trace) -> None:
    """By what m³ became kWh, and kWh became kg."""
    for gas in trace.gas:
        output.print(
            f"\ngas from {gas.start}: 1 m³ × {gas.state_number:f} × {gas.calorific_value:f} kWh(Hs)/m³ ({gas.source})",
            markup=False,
        )
    if trace.factors:
        output.print("\nfactors", markup=False)
    for factor in trace.factors:
        output.print(f"  {_factor(factor)}", markup=False)
        output.print(f"    {factor.publisher}: {factor.document}, {factor.page}\n    {factor.url}", markup=False)


def print_restated(lines: Sequence[Restated]) -> None:
    """A table with its sum, then which factors differ, and where each is printed."""
    table = Table("carrier", "scope", "year", box=box.SIMPLE)
    for name in ("kWh", "kg before", "kg now", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        kg = (line.kwh, line.before_kg, line.now_kg, line.difference_kg)
        table.add_row(line.carrier, line.scope, str(line.year), *(_rounded(value, 1) for value in kg))
    sums = [_sum(values) for values in zip(*((o.before_kg, o.now_kg, o.difference_kg) for o in lines), strict=True)]
    if len(lines) > 1:
        table.add_section()
        table.add_row("total", "", "", "", *(_rounded(value, 1) for value in sums))
    output.print(table)
    sources: dict[Factor, None] = {}
    for line in lines:
        gone = [factor for factor in line.before if factor not in line.now]
        come = [factor for factor in line.now if factor not in line.before]
        if gone or come:
            because = " → ".join(", ".join(f"{f.g_per_kwh:f} g" for f in side) or "none" for side in (gone, come))
            output.print(f"{line.carrier}, {line.scope}, {line.year}: {because}", markup=False)
            sources |= dict.fromkeys((*gone, *come))
    if not sources:
        output.print("the same factors throughout", markup=False)
    for factor in sources:
        output.print(f"{_factor(factor)}: {factor.publisher}, {factor.document}, {factor.page}", markup=False)


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    """None where one is not known: a part must not pass for the whole."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


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


def _rounded(value: Decimal | None, digits: int = 3) -> str:
    return "?" if value is None else f"{value:,.{digits}f}"


def _percent(share: Decimal) -> str:
    return f"{share * 100:.1f} %"
