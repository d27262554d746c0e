"""Virtual meters: exact sums with completeness and quality carried through; and the status of intervals."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.energy.intervals import MICRO, Intervals
from analytics.energy.source import Computed
from analytics.energy.status import Status, statuses
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.formula import CircularFormulas, Formula
from metering.instant import QUARTER_HOUR, Window, parse
from metering.quality import Quality

START = parse("2026-03-28T23:00:00Z")
ALL = Window(START, START + 4 * QUARTER_HOUR)
NAN = float("nan")


def intervals(
    values: list[float],
    shares: list[float] | None = None,
    qualities: list[Quality] | None = None,
    bridged: list[float] | None = None,
) -> Intervals:
    starts = START + np.arange(len(values), dtype=np.int64) * QUARTER_HOUR
    made = Intervals.of(starts, QUARTER_HOUR, np.array(values))
    return Intervals(
        starts,
        QUARTER_HOUR,
        made.consumption,
        made.completeness if shares is None else np.array(shares),
        made.qualities if qualities is None else np.array(qualities, np.int8),
        made.bridged if bridged is None else np.array(bridged),
    )


def computed(*parts: tuple[int | Fraction, Intervals]) -> Computed:
    return Computed(tuple((Fraction(factor), part) for factor, part in parts))


def test_main_minus_sub_is_as_good_as_the_worse_of_both() -> None:
    main = intervals([4.0, 4.1, 4.2, 4.3], [1.0, 1.0, 0.5, 1.0])
    sub = intervals(
        [1.0, 1.2, 1.1, NAN],
        [1.0, 0.0, 1.0, 0.0],
        [Quality.MEASURED, Quality.SUBSTITUTED, Quality.MEASURED, Quality.SUSPECT],
    )
    rest = computed((1, main), (-1, sub)).intervals(ALL, QUARTER_HOUR)
    np.testing.assert_array_equal(rest.consumption, [3.0, 2.9, 3.1, NAN])
    assert rest.completeness.tolist() == [1.0, 0.0, 0.5, 0.0]
    assert statuses(rest).tolist() == [Status.MEASURED, Status.SUBSTITUTED, Status.PROVISIONAL, Status.MISSING]


def test_what_a_gap_held_is_carried_through_a_formula() -> None:
    main = intervals([4.0, 1.5, NAN, NAN], [1.0, 0.5, 0.0, 0.0], bridged=[NAN, 2.5, 5.0, NAN])
    sub = intervals([1.0, 1.0, 1.0, 1.0])
    rest = computed((1, main), (-1, sub)).intervals(ALL, QUARTER_HOUR)
    np.testing.assert_array_equal(rest.consumption, [3.0, 0.5, NAN, NAN])
    np.testing.assert_array_equal(rest.bridged, [NAN, 2.5, 4.0, NAN])
    np.testing.assert_array_equal(rest.filled().consumption, [3.0, 3.0, 4.0, NAN])
    assert rest.filled().qualities.tolist() == [Quality.MEASURED, Quality.SUBSTITUTED, Quality.SUBSTITUTED, 3]


def test_a_virtual_meter_reaches_as_far_as_all_its_parts() -> None:
    long, short = intervals([1.0, 1.0, 1.0, 1.0]), intervals([NAN, 1.0, 1.0, NAN])
    assert computed((1, long), (-1, short)).extent() == Window(START + QUARTER_HOUR, START + 3 * QUARTER_HOUR)
    assert computed((1, long), (-1, intervals([NAN] * 4))).extent() is None


def test_parts_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="intervals of"):
        computed((1, intervals([1.0]))).intervals(ALL, QUARTER_HOUR // 3)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 10**9)] * 3), min_size=1, max_size=50), st.integers(0, 50))
def test_sums_over_sums_are_exact_and_split_anywhere(rows: list[tuple[int, int, int]], cut: int) -> None:
    first, second, third = (intervals([row[n] / MICRO for row in rows]) for n in range(3))
    window = Window(START, START + len(rows) * QUARTER_HOUR)
    virtual = computed((1, first), (1, second), (-2, third)).intervals(window, QUARTER_HOUR)
    assert round(virtual.total * MICRO) == sum(a + b - 2 * c for a, b, c in rows)
    middle = START + min(cut, len(rows)) * QUARTER_HOUR
    halves = [virtual.within(part) for part in (Window(START, middle), Window(middle, window.end_us))]
    assert round(sum(round(half.total * MICRO) for half in halves)) == round(virtual.total * MICRO)


def estate(*formulas: tuple[str, str]) -> Estate:
    meter = Meter("main", "Main", "school", Carrier.ELECTRICITY, Role.SUPPLY, "device", "active_energy_import")
    virtual = [
        Meter.virtual(id_, id_, "school", carrier=Carrier.ELECTRICITY, role=Role.SUBMETER, formula=Formula.parse(text))
        for id_, text in formulas
    ]
    sites, buildings = [Site("campus", "Campus")], [Building("school", "School", "campus", "school")]
    return Estate.of(sites, buildings, [Device("device", "Device", 10.0)], [*virtual, meter])


def test_meters_are_computed_after_what_they_are_computed_from() -> None:
    known = estate(("c", "b - a"), ("b", "2 * a"), ("a", "0.5 * main"))
    assert [[meter.id for meter in group] for group in known.computed_after()] == [["main"], ["a"], ["b"], ["c"]]


def test_a_circle_is_named() -> None:
    with pytest.raises(CircularFormulas, match=r"circle: (a → b → c → a|b → c → a → b|c → a → b → c)"):
        estate(("a", "b + main"), ("b", "c + main"), ("c", "a + main"))


def test_an_unknown_meter_is_named() -> None:
    with pytest.raises(ValueError, match=r"meter 'a' names meter 'mian', which is not defined"):
        estate(("a", "mian"))


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True),
        st.decimals(-1000, 1000, places=6).filter(lambda factor: factor != 0),
        min_size=1,
        max_size=6,
    )
)
def test_a_formula_reads_what_it_writes(terms: dict[str, Decimal]) -> None:
    formula = Formula(tuple((meter, Fraction(factor)) for meter, factor in terms.items()))
    assert Formula.parse(str(formula)) == formula
