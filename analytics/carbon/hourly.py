"""Emissions by an intensity that changes within the day (a decision aid; yearly reports use yearly factors)."""

from dataclasses import dataclass

import numpy as np

from analytics.carbon.mix import Intensity
from metering.samples import Floats, Int64s


@dataclass(frozen=True, slots=True)
class Matched:
    """Consumption by the intensity of its hours, beside the annual factor.

    kwh          all of it
    share        0..1, of the energy in intervals whose intensity is known; the rest counts with the annual factor
    annual_kg    all with the annual factor: what a report says
    anchored_kg  with the hourly shape at the level of the annual factor; None where the mix is not that of a year
    computed_kg  with the intensities as computed, of the known share alone
    """

    kwh: float
    share: float
    annual_kg: float
    anchored_kg: float | None
    computed_kg: float

    @property
    def anchored_g_per_kwh(self) -> float | None:
        """The intensity of what was consumed, by ``anchored_kg``; None without it, or without consumption."""
        return self.anchored_kg * 1000.0 / self.kwh if self.kwh and self.anchored_kg is not None else None

    @property
    def computed_g_per_kwh(self) -> float | None:
        """The same by ``computed_kg``, of the known share. The plain mean of the intensities is another number."""
        known = self.kwh * self.share
        return self.computed_kg * 1000.0 / known if known else None

    def plus(self, other: "Matched") -> "Matched":
        """Both together; they are of the same mix."""
        kwh = self.kwh + other.kwh
        anchored = None
        if self.anchored_kg is not None and other.anchored_kg is not None:
            anchored = self.anchored_kg + other.anchored_kg
        there = self.share * self.kwh + other.share * other.kwh
        return Matched(
            kwh,
            there / kwh if kwh else 0.0,
            self.annual_kg + other.annual_kg,
            anchored,
            self.computed_kg + other.computed_kg,
        )


def matched(start_us: Int64s, kwh: Floats, intensity: Intensity) -> Matched:
    """Consumption in intervals that begin at ``start_us`` (any order), each by the intensity of the mix's interval.

    Intervals of consumption must not be longer than those of the mix; where the mix says nothing, the annual factor
    stands, and ``share`` says so.
    """
    mix = intensity.mix
    at = np.searchsorted(mix.start_us, start_us, side="right") - 1
    inside = at >= 0
    if len(mix.start_us):
        inside &= start_us < mix.start_us[np.maximum(at, 0)] + mix.step_us
    anchored, computed = np.full(len(kwh), np.nan), np.full(len(kwh), np.nan)
    anchored[inside], computed[inside] = intensity.anchored[at[inside]], intensity.computed[at[inside]]
    known = np.isfinite(computed)
    total, there = float(kwh.sum()), float(kwh[known].sum())
    return Matched(
        kwh=total,
        share=there / total if total else 0.0,
        annual_kg=total * intensity.annual / 1000.0,
        anchored_kg=float((kwh * np.where(known, anchored, intensity.annual)).sum()) / 1000.0
        if intensity.is_anchored
        else None,
        computed_kg=float((kwh[known] * computed[known]).sum()) / 1000.0,
    )
