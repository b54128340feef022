#!/usr/bin/env python3
"""A run's log.jsonl as one SVG picture: losses, how much each word is heard, and the judge's
figures, over the transformer's steps.

    python curves.py build/train-mini/log.jsonl -o docs/mini-curves.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, MARGIN, GAP = 720, 170, 46, 34
COLORS = ("#1b6ca8", "#c8553d", "#588157", "#7b4ea3", "#8a6d00", "#444444")
Series = dict[str, list[tuple[float, float]]]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def losses(log: list[dict[str, Any]], what: str) -> Series:
    """The transformer's fields that begin or end with `what`."""
    series: Series = {}
    for line in log:
        if line["stage"] == "transformer":
            for name, value in line.items():
                if what in name and isinstance(value, float):
                    series.setdefault(name, []).append((line["step"], value))
    return series


def figures(log: list[dict[str, Any]]) -> Series:
    """What the judge read of clips from text."""
    series: Series = {}
    for line in log:
        if line["stage"] == "evaluation":
            for name in ("background", "color", "motion", "shape", "all"):
                series.setdefault(name, []).append((line["step"], line["figures"]["text"][name]))
    return series


def panel(title: str, series: Series, top: float) -> list[str]:
    """One diagram: axes with their ends, a line and a name for each series."""
    points = [p for line in series.values() for p in line]
    if not points:
        return []
    right, high = max(p[0] for p in points) or 1, max(p[1] for p in points) or 1
    low = min(0.0, min(p[1] for p in points))
    bottom, plot = top + HEIGHT, WIDTH - MARGIN - 150

    def place(step: float, value: float) -> str:
        return (f"{MARGIN + plot * step / right:.1f},"
                f"{bottom - HEIGHT * (value - low) / (high - low):.1f}")

    parts = [f'<text x="{MARGIN}" y="{top - 8}" font-weight="bold">{title}</text>',
             f'<path d="M{MARGIN},{top} V{bottom} H{MARGIN + plot}" fill="none" stroke="#999"/>',
             f'<text x="{MARGIN - 4}" y="{top + 8}" text-anchor="end">{high:.2g}</text>',
             f'<text x="{MARGIN - 4}" y="{bottom}" text-anchor="end">{low:.2g}</text>',
             f'<text x="{MARGIN + plot}" y="{bottom + 14}" text-anchor="end">{right:.0f}</text>']
    for i, (name, line) in enumerate(series.items()):
        color = COLORS[i % len(COLORS)]
        path = " ".join(place(*p) for p in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts.append(f'<text x="{MARGIN + plot + 10}" y="{top + 14 + 16 * i}" fill="{color}">'
                     f'{name.replace("_", " ")}</text>')
    return parts


def picture(log: list[dict[str, Any]]) -> str:
    panels = [("Loss at noise 0.7 and 0.92, held-out combinations", losses(log, "loss_")),
              ("How much worse with a wrong word, at noise 0.7", losses(log, "gap_0.7")),
              ("The same at 0.92", losses(log, "gap_0.92")),
              ("Clips from text that the judge reads as asked", figures(log))]
    panels = [p for p in panels if p[1]]
    parts = [line for i, (title, series) in enumerate(panels)
             for line in panel(title, series, GAP + i * (HEIGHT + 2 * GAP))]
    total = len(panels) * (HEIGHT + 2 * GAP)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" '
            'font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{total}" fill="white"/>\n' + "\n".join(parts)
            + "\n</svg>\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.write_text(picture(read(args.log)), encoding="utf-8")


if __name__ == "__main__":
    main()
