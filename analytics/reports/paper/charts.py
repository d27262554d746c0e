"""Charts as SVG: few strokes, no script, the same for the same numbers. Widths and heights are in points."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from math import ceil
from xml.sax.saxutils import escape

from analytics.reports.paper.numbers import Numbers

COLORS = {
    "electricity": "#2f6db3",
    "heat": "#c4502e",
    "gas": "#d99a1c",
    "more": "#b3402f",
    "less": "#3f8a4a",
    "whole": "#5c6570",
}
_INK, _FAINT = "#30363d", "#d4d8dc"
_WIDTH = 480
_FONT = "Libertinus Serif, Georgia, serif"
_NICE = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


def columns(
    names: Sequence[str], parts: Mapping[str, Sequence[Decimal]], labels: Mapping[str, str], unit: str, numbers: Numbers
) -> str:
    """Stacked columns over ``names``; each of the ``parts`` has a value for every name, a colour and a label."""
    left, right, top, height = 46, 8, 26, 170
    sums = [sum((values[n] for values in parts.values()), Decimal(0)) for n in range(len(names))]
    ticks = _ticks(max(sums, default=Decimal(0)))
    scale = Decimal(height) / ticks[-1]
    drawn = []
    for tick in ticks:
        y = top + height - tick * scale
        drawn += [_line(left, y, _WIDTH - right, y, _FAINT), _text(left - 6, y + 3, numbers.decimal(tick), "end")]
    slot = Decimal(_WIDTH - left - right) / max(1, len(names))
    for n, name in enumerate(names):
        x, y = left + slot * n + slot / 6, Decimal(top + height)
        for key, values in parts.items():
            tall = max(Decimal(0), values[n]) * scale
            y -= tall
            drawn.append(_rect(x, y, slot * 2 / 3, tall, COLORS[key]))
        drawn.append(_text(left + slot * n + slot / 2, top + height + 14, name, "middle"))
    return _svg(top + height + 22, [*_legend(labels, left), _text(_WIDTH - right, 10, unit, "end"), *drawn])


def bars(rows: Sequence[tuple[str, Decimal]], unit: str, numbers: Numbers, color: str = "whole") -> str:
    """A bar to the right for every row, with its number behind it."""
    left, top, step = 190, 16, 20
    longest = max((value for _, value in rows), default=Decimal(0)) or Decimal(1)
    scale = Decimal(_WIDTH - left - 70) / longest
    drawn = [_text(_WIDTH - 8, 10, unit, "end")]
    for n, (name, value) in enumerate(rows):
        y, wide = top + step * n, max(Decimal(0), value) * scale
        drawn += [_text(left - 6, y + 12, _short(name), "end"), _rect(left, y + 2, wide, step - 6, COLORS[color])]
        drawn.append(_text(left + wide + 5, y + 12, numbers.decimal(value, 1), "start"))
    return _svg(top + step * len(rows) + 4, drawn)


def waterfall(
    before: tuple[str, Decimal], steps: Sequence[tuple[str, Decimal]], now: tuple[str, Decimal], numbers: Numbers
) -> str:
    """From one whole to another, step by step; the axis begins at `waterfall_floor`."""
    top, height = 18, 150
    levels = [before[1]]
    for _, value in steps:
        levels.append(levels[-1] + value)
    drawn: list[str] = []
    high, floor = max(*levels, now[1]), waterfall_floor(before[1], [value for _, value in steps])
    scale = Decimal(height) / ((high - floor) or Decimal(1))
    slot = Decimal(_WIDTH) / (len(steps) + 2)

    def column(n: int, name: str, bounds: tuple[Decimal, Decimal], color: str, label: str) -> None:
        y, tall = top + height - (max(bounds) - floor) * scale, abs(bounds[0] - bounds[1]) * scale
        drawn.extend(
            (
                _rect(slot * n + slot / 6, y, slot * 2 / 3, max(tall, Decimal(1)), COLORS[color]),
                _text(slot * n + slot / 2, y - 4, label, "middle"),
                _text(slot * n + slot / 2, top + height + 14, name, "middle"),
            )
        )

    column(0, before[0], (floor, before[1]), "whole", numbers.decimal(before[1], 1))
    for n, (name, value) in enumerate(steps):
        color = "more" if value > 0 else "less"
        column(n + 1, name, (levels[n], levels[n + 1]), color, numbers.signed(value, 1))
    column(len(steps) + 1, now[0], (floor, now[1]), "whole", numbers.decimal(now[1], 1))
    return _svg(top + height + 22, drawn)


def waterfall_floor(before: Decimal, steps: Sequence[Decimal]) -> Decimal:
    """Zero, or so much that small steps of large wholes show."""
    levels = list(accumulate(steps, initial=before))
    low, high = min(levels), max(levels)
    return max(Decimal(0), low - (high - low) * 2) if high > low else Decimal(0)


def _ticks(highest: Decimal) -> list[Decimal]:
    """Four or five round numbers from zero to at least the highest value."""
    if highest <= 0:
        return [Decimal(0), Decimal(1)]
    power = Decimal(1).scaleb((highest / 4).adjusted())
    step = next(nice * power for nice in _NICE if nice * power * 4 >= highest)
    count = ceil(highest / step)
    return [step * n for n in range(count + 1)]


def _legend(labels: Mapping[str, str], left: int) -> list[str]:
    drawn, x = [], left
    for key, label in labels.items():
        drawn += [_rect(x, 3, 8, 8, COLORS[key]), _text(x + 12, 10, label, "start")]
        x += 30 + 6 * len(label)
    return drawn


def _short(name: str) -> str:
    return name if len(name) <= 36 else f"{name[:35]}…"


def _line(x1: object, y1: object, x2: object, y2: object, color: str) -> str:
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{color}" stroke-width="0.6"/>'


def _rect(x: object, y: object, width: object, height: object, color: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{color}"/>'


def _text(x: object, y: object, text: str, anchor: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def _n(number: object) -> str:
    return f"{float(str(number)):.2f}".rstrip("0").rstrip(".")


def _svg(height: int, drawn: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    return f'{head} font-family="{_FONT}" font-size="9.5" fill="{_INK}">{"".join(drawn)}</svg>'
