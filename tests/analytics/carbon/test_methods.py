"""Rules of allocation, instruments and rounding, each with its trap."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from analytics.carbon import chp
from analytics.carbon.change import Change, change
from analytics.carbon.conformity import Grade, quality_index
from analytics.carbon.energy import state_number
from analytics.carbon.factors import FactorSet
from analytics.carbon.matching import match
from analytics.carbon.weather import degree_days, heating_factor

D = Decimal


def test_the_four_allocations_of_one_plant_differ() -> None:
    plant = {"electricity": D(35), "heat": D(50)}
    exergetic = chp.exergetic_share(**plant, supply_k=D(373), return_k=chp.BISKO_RETURN_K)
    finnish = chp.finnish_share(D(100), **plant, reference_electric=D("0.53"), reference_thermal=D("0.92"))
    energy = chp.energy_share(**plant)
    assert [round(share, 3) for share in (exergetic, finnish, energy)] == [D("0.256"), D("0.451"), D("0.588")]
    displaced = FactorSet.load("geg-2020").factor("displacement", date(2025, 1, 1))
    assert chp.displacement_kg(D(24_700), D(10_000), displaced) == D(16_100)
    assert chp.displacement_kg(D(24_700), D(35_000), displaced) == 0


def test_losses_of_a_heat_network_raise_its_factor() -> None:
    assert chp.network_factor(D(1000), D(10_000), D(2000)) == D("0.125")
    with pytest.raises(ValueError, match="network losses"):
        chp.network_factor(D(1000), D(10_000), D(10_000))


def test_an_annual_balance_of_100_percent_is_less_by_the_hour() -> None:
    load, solar = np.array([10.0, 10.0, np.nan]), np.array([20.0, 0.0, 5.0])
    found = match(load, solar)
    assert (found.score, found.balance, found.hours, found.known) == (0.5, 1.0, 3, 2)
    twice = found.plus(match(np.array([20.0]), np.array([0.0])))
    assert (twice.score, twice.load, twice.known) == (0.25, 40.0, 3)
    assert match(np.array([0.0]), np.array([1.0])).score is None


def test_the_state_number_of_the_usual_gas_meter() -> None:
    assert round(state_number(D(15), D("1013.25") + D(22)), 4) == D("0.9685")


def test_degree_days_begin_below_the_heating_limit() -> None:
    assert degree_days([D("14.9"), D(15), D(-5), D(25)]) == D("5.1") + D(25)
    assert heating_factor(D(3000), D(3200)) > 1
    with pytest.raises(ValueError, match="no heating"):
        heating_factor(D(0), D(3200))


def test_data_quality_is_weighted_by_energy() -> None:
    assert quality_index([(D(80), Grade.A), (D(10), Grade.B), (D(10), Grade.D)]) == D("0.85")
    assert quality_index([]) is None


def test_a_change_from_nothing_is_activity() -> None:
    found = change(D(0), D(0), D(10), D(4))
    assert (found.activity_kg, found.factor_kg, found.total_kg) == (D(4), 0, D(4))
    both = Change.sum([found, Change.of_boundary(D(3), D(0))])
    assert (both.total_kg, both.boundary_kg) == (D(1), D(-3))
