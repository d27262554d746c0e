"""Draws docs/pictures/architecture.svg: the way of a value through the house.

python3 docs/pictures/architecture.py
"""

from pathlib import Path

INK, PAPER, LINE, ACCENT, SOFT = "#12263a", "#ffffff", "#8aa0b4", "#0b7285", "#e8f4f6"
FONT = "font-family='Inter,Segoe UI,Helvetica,Arial,sans-serif'"

# room, what it does (lines), column, row
ROOMS = [
    ("collectors/", ["the ears", "Modbus · MQTT", "device templates"], 1, 0),
    ("gateway/", ["the spine", "validate · outbox", "write · health"], 2, 0),
    ("storage/", ["the memory", "InfluxDB 1 · 2 · 3", "DuckDB, embedded"], 3, 0),
    ("analytics/", ["the mind", "energy · anomalies", "alerts · CO₂ · reports"], 4, 0),
    ("dashboards/", ["the faces", "Grafana as code", "web app · REST"], 5, 0),
]
OUTSIDE = [("Meters, sensors,", "inverters, chargers", 0), ("Engineers, facility", "managers, climate office", 6)]
WIDTH, HEIGHT, GAP, TOP, LEFT = 158, 112, 34, 92, 24
STEP = WIDTH + GAP


def box(x: float, y: float, width: float, height: float, title: str, lines: list[str], fill: str) -> str:
    parts = [f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='10' fill='{fill}' stroke='{ACCENT}'/>"]
    middle = x + width / 2
    parts.append(
        f"<text x='{middle}' y='{y + 27}' text-anchor='middle' font-weight='700' font-size='16'>{title}</text>"
    )
    for n, line in enumerate(lines):
        style = "font-style='italic' fill='#0b7285'" if n == 0 else f"fill='{INK}'"
        parts.append(
            f"<text x='{middle}' y='{y + 51 + 20 * n}' text-anchor='middle' font-size='13' {style}>{line}</text>"
        )
    return "".join(parts)


def arrow(x1: float, y1: float, x2: float, y2: float, dashed: bool = False) -> str:
    dash = " stroke-dasharray='5 4'" if dashed else ""
    return (
        f"<path d='M{x1} {y1} L{x2} {y2}' stroke='{LINE}' stroke-width='2' fill='none' marker-end='url(#tip)'{dash}/>"
    )


def label(x: float, y: float, text: str, size: int = 12, anchor: str = "middle") -> str:
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}' font-size='{size}' fill='#4a6074'>{text}</text>"


def picture() -> str:
    total = LEFT * 2 + STEP * 7 - GAP
    middle = TOP + HEIGHT / 2
    parts = [label(LEFT, 38, "Leitwarte — the way of a value", 20, "start")]
    for first, second, column in OUTSIDE:
        x = LEFT + STEP * column
        parts.append(f"<text x='{x + WIDTH / 2}' y='{middle - 6}' text-anchor='middle' font-size='14'>{first}</text>")
        parts.append(f"<text x='{x + WIDTH / 2}' y='{middle + 14}' text-anchor='middle' font-size='14'>{second}</text>")
    for title, lines, column, row in ROOMS:
        parts.append(box(LEFT + STEP * column, TOP + row * 150, WIDTH, HEIGHT, title, lines, SOFT))
    for column, text in enumerate(["", "Reading", "batch", "window", "alert, report", ""]):
        x = LEFT + STEP * column + WIDTH
        parts.append(arrow(x + 4, middle, x + GAP - 5, middle))
        parts.append(label(x + GAP / 2, TOP - 10, text))
    below = TOP + HEIGHT + 46
    span = STEP * 5 - GAP
    parts.append(
        box(
            LEFT + STEP,
            below,
            span,
            58,
            "metering/",
            ["the ground floor: quantities, OBIS, readings, time, the estate"],
            PAPER,
        )
    )
    parts.append(box(LEFT, below, WIDTH, 58, "device_sim/", ["the town, for trying it out"], PAPER))
    parts.append(arrow(LEFT + WIDTH / 2, below - 4, LEFT + WIDTH / 2, middle + 34, dashed=True))
    for column in range(1, 6):
        x = LEFT + STEP * column + WIDTH / 2
        parts.append(arrow(x, TOP + HEIGHT + 4, x, below - 6, dashed=True))
    parts.append(
        label(
            LEFT + STEP + span / 2,
            below + 82,
            "solid: values flow · dashed: imports, always downwards · leitwarte/ puts all together",
        )
    )
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total} {below + 100}' {FONT} fill='{INK}'>\n"
        f"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{LINE}'/></marker></defs>\n"
        f"<rect width='100%' height='100%' fill='{PAPER}'/>\n{body}\n</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(picture(), "utf-8")
