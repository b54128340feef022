"""What an evaluation found, as a table for people, JSON for programs, Markdown for the docs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noise import Figure, limit_for, pin


@dataclass(frozen=True)
class Row:
    """A figure beside its aim and the limit that it must reach."""

    figure: Figure
    limit: float | None

    @property
    def missed(self) -> bool:
        return self.limit is not None and not self.figure.reaches(self.limit)

    @property
    def word(self) -> str:
        if self.missed:
            return "MISSED"
        if self.figure.aim is not None and not self.figure.reaches(self.figure.aim):
            return "below the aim" if self.figure.at_least else "above the aim"
        return "" if self.limit is None and self.figure.aim is None else "ok"


def rows(figures: list[Figure], pinned: dict[str, Any]) -> list[Row]:
    """Each figure with the stricter of what it must reach anyway and what is pinned."""
    table = []
    for figure in figures:
        limits = [] if figure.must is None else [figure.must]
        if figure.name in pinned:
            limits.append(limit_for(figure, pinned[figure.name]))
        strictest = max if figure.at_least else min
        table.append(Row(figure, strictest(limits) if limits else None))
    return table


def _number(figure: Figure, value: float | None) -> str:
    if value is None:
        return ""
    if math.isnan(value):
        return "none"
    return f"{100 * value:.1f} %" if figure.kind == "share" else f"{value:.3g}"


def _cells(row: Row) -> tuple[str, ...]:
    figure = row.figure
    sign = "≥ " if figure.at_least else "≤ "
    bounds = [sign + _number(figure, v) if v is not None else "" for v in (figure.aim, row.limit)]
    return (figure.name, _number(figure, figure.value), str(len(figure.samples)), *bounds, row.word)


HEAD = ("figure", "measured", "of", "aim", "required", "")


def text(table: list[Row]) -> str:
    cells = [HEAD, *map(_cells, table)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
                     for line in cells)


def markdown(saved: dict[str, Any]) -> str:
    """The table of a file that `--json` wrote."""
    lines = ["| figure | measured | of | aim |", "|---|---|---|---|"]
    for entry in saved["figures"]:
        figure = Figure(entry["name"], entry["kind"], (0.0,), entry["aim"], entry["at_least"])
        sign = "≥ " if figure.at_least else "≤ "
        aim = "" if figure.aim is None else sign + _number(figure, figure.aim)
        value = math.nan if entry["value"] is None else entry["value"]
        reached = figure.aim is None or (value >= figure.aim if figure.at_least
                                         else value <= figure.aim)
        measured = _number(figure, value)
        lines.append(f"| {figure.name} | {measured if reached else f'**{measured}**'} | "
                     f"{entry['of']} | {aim} |")
    return "\n".join(lines)


def save(path: Path, table: list[Row], how: dict[str, Any]) -> None:
    entries = [{"name": r.figure.name, "kind": r.figure.kind, "at_least": r.figure.at_least,
                "value": None if math.isnan(r.figure.value) else round(r.figure.value, 5),
                "of": len(r.figure.samples), "aim": r.figure.aim,
                "required": None if r.limit is None else round(r.limit, 5), "missed": r.missed}
               for r in table]
    path.write_text(json.dumps({**how, "figures": entries}, indent=1) + "\n", encoding="utf-8")


def save_pins(path: Path, figures: list[Figure], how: dict[str, Any]) -> None:
    """What was reached, less noise, of figures that have an aim or are to be small."""
    pins = {f.name: pin(f) for f in figures if (f.aim is not None or not f.at_least)
            and f.must is None and not math.isnan(f.value)}
    path.write_text(json.dumps({"of": how, "figures": pins}, indent=1) + "\n", encoding="utf-8")
