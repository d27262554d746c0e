"""The evidence of an alert as a picture, for mail: what was measured against what was expected."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analytics.alerts.alert import Alert
from analytics.alerts.wording import Wording
from metering.instant import DAY
from metering.samples import Floats

_ACTUAL, _EXPECTED, _ALERT = "#12303f", "#2a8fb3", "#d9480f"
_INCHES, _DPI = (7.2, 3.2), 110


def png(alert: Alert, wording: Wording) -> bytes | None:
    """The picture, the same bytes for the same alert; None if there is nothing to draw. Keeps a processor busy."""
    evidence = alert.evidence
    if not evidence.times_us:
        return None
    say, zone = wording.say_alert, wording.zone
    times = np.array(evidence.times_us) / DAY  # days since the epoch, as the library counts
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axvspan(alert.first_us / DAY, alert.last_us / DAY, color=_ALERT, alpha=0.08, linewidth=0)
    lower, upper = _values(evidence.lower, len(times)), _values(evidence.upper, len(times))
    if np.isfinite(lower).any() and np.isfinite(upper).any():
        axes.fill_between(times, lower, upper, color=_EXPECTED, alpha=0.22, linewidth=0, label=say("plot.interval"))
    expected = _values(evidence.expected, len(times))
    if np.isfinite(expected).any():
        axes.plot(times, expected, color=_EXPECTED, linewidth=1.2, linestyle="--", label=say("plot.expected"))
    actual = _values(evidence.actual, len(times))
    axes.plot(
        times, actual, color=_ACTUAL, linewidth=1.6, marker="." if len(times) < 3 else "", label=say("plot.actual")
    )
    axes.set_ylabel(evidence.unit)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(float(value))))
    locator = AutoDateLocator(tz=zone, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(  # type: ignore[no-untyped-call]
            locator,
            tz=zone,
            formats=["%Y", "%m.%Y", "%d.%m.", "%H:%M", "%H:%M", "%H:%M:%S"],
            zero_formats=["", "%Y", "%m.%Y", "%d.%m.", "%H:%M", "%H:%M"],
            show_offset=False,
        )
    )
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False, fontsize=8, ncols=3)
    axes.margins(x=0.01, y=0.18)
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _values(values: Sequence[float | None], number: int) -> Floats:
    """As numbers; all missing where there are none."""
    if len(values) != number:
        return np.full(number, np.nan)
    return np.array([np.nan if value is None else value for value in values], np.float64)
