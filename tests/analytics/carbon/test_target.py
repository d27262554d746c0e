"""The path to the climate target."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from analytics.carbon.settings import TargetSettings
from analytics.carbon.target import Target

LAW = Target(1990, {2030: Decimal("0.65"), 2040: Decimal("0.88"), 2045: Decimal(1)})


@pytest.mark.parametrize(
    ("year", "share"), [(1990, "1"), (2010, "0.675"), (2030, "0.35"), (2035, "0.235"), (2044, "0.024"), (2060, "0")]
)
def test_the_path_runs_straight_from_aim_to_aim(year: int, share: str) -> None:
    assert LAW.share(year) == Decimal(share)


def test_before_the_base_year_there_is_no_path() -> None:
    with pytest.raises(ValueError, match="begins in 1990"):
        LAW.share(1989)
    assert (LAW.years[0], LAW.years[-1]) == (1990, 2045)


@given(st.dictionaries(st.integers(2020, 2100), st.integers(0, 100), min_size=1))
def test_a_path_never_rises_and_meets_its_aims(aims: dict[int, int]) -> None:
    rising = dict(zip(sorted(aims), sorted(aims.values()), strict=True))
    settings = {"base_year": 2019, "aims": rising, "known_t": {2019: 12.5}, "source": "council"}
    target = TargetSettings.model_validate(settings).target()
    shares = [target.share(year) for year in target.years]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert all(target.share(year) == 1 - Decimal(percent) / 100 for year, percent in rising.items())
    assert target.known_kg == {2019: Decimal(12500)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aims": {2019: 10}}, "after the base year 2019"),
        ({"aims": {2200: 10}}, "after the base year 2019"),
        ({"aims": {2030: 65, 2040: 60}}, "no lower than an earlier one"),
        ({"aims": {2030: 101}}, "percent, 0 to 100"),
        ({"aims": {2030: -5}}, "percent, 0 to 100"),
        ({"aims": {}}, "at least 1"),
        ({"known_t": {2020: -1}}, "from 0 on"),
        ({"known_t": {2019: 0}}, "more than 0 in the base year"),
        ({"base_year": 1800}, "1990"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TargetSettings.model_validate({"base_year": 2019, "aims": {2030: 65}, "source": "council", **change})
