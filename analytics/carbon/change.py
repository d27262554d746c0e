"""Why emissions changed from one year to the next: activity, weather, factor, boundary. Exact: the parts add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Change:
    """The parts of a change in kg; they add up to ``now_kg`` - ``before_kg`` exactly."""

    before_kg: Decimal
    now_kg: Decimal
    activity_kg: Decimal = _NONE
    weather_kg: Decimal = _NONE
    factor_kg: Decimal = _NONE
    boundary_kg: Decimal = _NONE

    @property
    def total_kg(self) -> Decimal:
        return self.now_kg - self.before_kg

    @classmethod
    def of_boundary(cls, before_kg: Decimal, now_kg: Decimal) -> "Change":
        """Something that was balanced in one of the years only."""
        return cls(before_kg, now_kg, boundary_kg=now_kg - before_kg)

    @classmethod
    def sum(cls, changes: Iterable["Change"]) -> "Change":
        """All of them together, part by part."""
        total = cls(_NONE, _NONE)
        for one in changes:
            total = cls(
                total.before_kg + one.before_kg,
                total.now_kg + one.now_kg,
                total.activity_kg + one.activity_kg,
                total.weather_kg + one.weather_kg,
                total.factor_kg + one.factor_kg,
                total.boundary_kg + one.boundary_kg,
            )
        return total


def change(  # noqa: PLR0913, PLR0917 - two years, three numbers each
    before_kwh: Decimal,
    before_kg: Decimal,
    now_kwh: Decimal,
    now_kg: Decimal,
    before_normal: Decimal = Decimal(1),
    now_normal: Decimal = Decimal(1),
) -> Change:
    """Activity and weather at the old factor, the factor's change at the new activity (Laspeyres, Paasche).

    before_normal, now_normal  what each year's energy is multiplied by to be that of a normal year

    Activity is the change of the normalised energy, weather the rest of the change of energy. From nothing, or to
    nothing at an unknown factor, it is all activity.
    """
    if not before_kwh:
        return Change(before_kg, now_kg, activity_kg=now_kg - before_kg)
    factor = before_kg / before_kwh
    activity = _cut((now_kwh * now_normal - before_kwh * before_normal) * factor)
    weather = _cut((now_kwh - before_kwh) * factor) - activity
    return Change(before_kg, now_kg, activity, weather, now_kg - before_kg - activity - weather)


def _cut(kg: Decimal) -> Decimal:
    """To nanograms: quotients have no end, and only decimals of few digits add up without rounding."""
    return kg.quantize(Decimal("1e-12"))
