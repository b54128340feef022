"""Figures with what they were taken from, and how far chance moves them.

A figure that was pinned over many samples is asked of fewer ones with an allowance: for a share the
quantile of the binomial distribution, for a mean or a median some standard errors. No allowance is
guessed; with the samples that were pinned it is nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

RARE = 1e-4          # how often a model that is as good as pinned may miss a figure by chance
MANY = 4.0           # standard errors, for means and medians: about as rare
MEDIAN = 1.253       # a median's standard error, in those of a mean


@dataclass(frozen=True)
class Figure:
    """A measured value; `must` is a limit that holds whatever was pinned."""

    name: str
    kind: str                # share, mean or median
    samples: tuple[float, ...]
    aim: float | None = None
    at_least: bool = True    # else at most
    must: float | None = None

    @property
    def value(self) -> float:
        """NaN, which misses every limit, if there are no samples."""
        if not self.samples:
            return math.nan
        return float((np.median if self.kind == "median" else np.mean)(self.samples))

    @property
    def spread(self) -> float:
        """Half the width of the middle 68 % of the samples."""
        if not self.samples:
            return 0.0
        low, high = np.percentile(self.samples, (16, 84))
        return float(high - low) / 2

    def reaches(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


def lower_quantile(share: float, count: int, rare: float = RARE) -> float:
    """The share of `count` that is undercut with probability < `rare`, if `share` is the truth."""
    below = 0.0
    for k in range(count + 1):
        below += math.comb(count, k) * share ** k * (1 - share) ** (count - k)
        if below >= rare:
            return k / count
    return 1.0


def upper_quantile(share: float, count: int, rare: float = RARE) -> float:
    return 1 - lower_quantile(1 - share, count, rare)


def pin(figure: Figure) -> dict[str, Any]:
    """What to write down of a figure: its value, less noise."""
    count = len(figure.samples)
    if figure.kind == "share":
        hit = figure.value * count
        # One imagined miss (or hit): of 300 right ones not all of all are known to be right.
        if figure.at_least:
            limit = lower_quantile(hit / (count + 1), count, 1e-3)
        else:
            limit = upper_quantile((hit + 1) / (count + 1), count, 1e-3)
    else:
        error = _standard_error(figure.kind, figure.spread, count)
        limit = figure.value - 3 * error if figure.at_least else figure.value + 3 * error
    return {"limit": round(limit, 4), "spread": round(figure.spread, 4), "of": count}


def limit_for(figure: Figure, pinned: dict[str, Any]) -> float:
    """The pinned limit, loosened by chance when the figure is of fewer samples."""
    limit, count = float(pinned["limit"]), len(figure.samples)
    if count == 0 or count >= pinned["of"]:
        return limit
    if figure.kind == "share":
        quantile = lower_quantile if figure.at_least else upper_quantile
        return quantile(min(max(limit, 0.0), 1.0), count)
    margin = MANY * _standard_error(figure.kind, float(pinned["spread"]), count)
    return limit - margin if figure.at_least else limit + margin


def _standard_error(kind: str, spread: float, count: int) -> float:
    return (MEDIAN if kind == "median" else 1.0) * spread / math.sqrt(max(count, 1))


def chance(verdicts: list[str | None], wanted: list[str]) -> float:
    """The share that agrees when verdicts and answers are paired at random."""
    return sum(verdicts.count(value) * wanted.count(value)
               for value in set(wanted)) / len(wanted) ** 2
