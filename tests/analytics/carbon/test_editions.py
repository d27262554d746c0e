"""Editions are read strictly: whatever is doubtful is refused with file and line."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.carbon import edition
from analytics.carbon.factor import Boundary, Gases, HeatBasis, Status, Variant
from analytics.carbon.factors import FactorSet, names

HEADER = (
    "carrier,region,valid,g_per_kwh,gases,boundary,heat_basis,hi_per_hs,"
    "status,evidence,afterwards,publisher,document,page,url\n"
)
SOURCE = "Publisher,Document,p. 1,https://example.org"
GOOD = f"electricity,DE,2023,442,CO2e,upstream,none,,final,primary,latest,{SOURCE}\n"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "test-1.csv"
    path.write_text(HEADER + "".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("name", names())
def test_every_shipped_set_loads_and_names_its_sources(name: str) -> None:
    factors = FactorSet.load(name, edition.Shelf(unverified=True)).factors
    assert factors
    for factor in factors:
        assert factor.document
        assert factor.url.startswith("http") or factor.publisher == "Leitwarte"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (GOOD.replace("2023", "2025"), "line 3.*gap from 2024-01-01 to 2025-01-01"),
        (GOOD, "line 3.*overlaps the one from 2023-01-01"),
        (GOOD.replace("2023", "2023-06-01..2024-06-01"), "line 3.*overlaps"),
        (GOOD.replace("electricity", "elektricity"), "line 3: unknown carrier 'elektricity'"),
        (GOOD.replace("p. 1", ""), "line 3: no page"),
        (GOOD.replace("Publisher", " "), "line 3: no publisher"),
        (GOOD.replace("442", "0,442"), "line 3: .*quotes"),
        (GOOD.replace("442", "viel"), "line 3: g_per_kwh is 'viel'"),
        (GOOD.replace("442", "NaN"), "line 3: g_per_kwh is 'NaN'"),
        (GOOD.replace("2023", "2024..2020"), "line 3: .*ends before it begins"),
        (GOOD.replace("2023", "soon"), "line 3: valid is 'soon'"),
        (GOOD.replace("CO2e", "CO2eq"), "line 3: gases is 'CO2eq', not one of CO2, CO2e"),
        (GOOD.replace("none,", "Hi,"), "line 3: the heat basis of electricity must be none"),
        (GOOD.replace("electricity", "gas"), "line 3: the heat basis of gas must be Hs or Hi"),
        (GOOD.replace("latest", "always"), "line 3: afterwards is 'always'"),
        ("electricity,DE,2024\n", "line 3: 15 fields expected"),
    ],
)
def test_doubtful_lines_are_refused(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(edition.EditionError, match=rf"test-1\.csv, {complaint}"):
        edition.read(written(tmp_path, GOOD, line))


def test_one_series_has_one_heat_basis(tmp_path: Path) -> None:
    gas = GOOD.replace("electricity", "gas").replace("upstream,none,,", "upstream,Hi,0.903,")
    with pytest.raises(edition.EditionError, match=r"line 3: gas .*mixes heat bases: Hs after Hi"):
        edition.read(written(tmp_path, gas, gas.replace("2023", "2024").replace("Hi,", "Hs,")))


def test_a_wrong_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("carrier;value\n", "utf-8")
    with pytest.raises(edition.EditionError, match=r"other\.csv, line 1: the columns must be carrier,region"):
        edition.read(path)


def test_factors_are_exact_and_sourced() -> None:
    factor = FactorSet.load("municipal-2026").factor("electricity", date(2024, 12, 31))
    assert factor.kg_per_kwh == Decimal("0.414")
    assert (factor.gases, factor.boundary, factor.heat_basis) == (Gases.CO2E, Boundary.UPSTREAM, HeatBasis.NONE)
    assert factor.status is Status.PRELIMINARY
    assert factor.variant is Variant.EXACT
    assert factor.id == "uba-16-2026/electricity/DE/2024-01-01/CO2e/upstream"
    assert "16/2026" in factor.document
    assert "S. 14-16" in factor.page


def test_after_the_last_published_year_the_newest_stands_in_and_says_so() -> None:
    factor = FactorSet.load("municipal-2026").factor("electricity", date(2026, 10, 1))
    assert factor.g_per_kwh == 406
    assert factor.variant is Variant.FALLBACK_LATEST


def test_what_ends_by_law_does_not_stand_in() -> None:
    geg = FactorSet.load("geg-2020")
    assert geg.factor("electricity", date(2026, 12, 31)).g_per_kwh == 560
    with pytest.raises(LookupError, match=r"geg-2020 has no factor for electricity on 2027-01-01"):
        geg.factor("electricity", date(2027, 1, 1))


def test_missing_factors_are_errors_that_say_what_there_is() -> None:
    municipal = FactorSet.load("municipal-2026")
    with pytest.raises(LookupError, match="no factor for water; it has: electricity, gas, heat"):
        municipal.factor("water", date(2024, 1, 1))
    with pytest.raises(LookupError, match="no factor for electricity on 1989-12-31: it covers 1990-01-01"):
        municipal.factor("electricity", date(1989, 12, 31))
    with pytest.raises(LookupError, match="no factor for electricity AT/any/any; it has: DE/CO2e/upstream"):
        municipal.factor("electricity", date(2024, 1, 1), region="AT")
    with pytest.raises(LookupError, match=r"unknown factor set 'uba'; known: municipal-2026"):
        FactorSet.load("uba")


def test_an_ambiguous_question_is_refused_and_a_precise_one_answered() -> None:
    uba = FactorSet.load("uba-16-2026")
    with pytest.raises(LookupError, match="several factors for electricity: DE/CO2/direct; "):
        uba.factor("electricity", date(2024, 1, 1))
    columns = {
        (gases, boundary): uba.factor("electricity", date(2024, 1, 1), gases=gases, boundary=boundary).g_per_kwh
        for gases, boundary in (
            (Gases.CO2, Boundary.DIRECT),
            (Gases.CO2E, Boundary.DIRECT),
            (Gases.CO2E, Boundary.UPSTREAM),
        )
    }
    assert list(columns.values()) == [353, 361, 414]


def test_a_rule_set_lends_gas_its_conversion() -> None:
    assert FactorSet.load("bisko-2024").factor("gas", date(2022, 1, 1)).hi_per_hs is None
    assert FactorSet.load("municipal-2026").factor("gas", date(2022, 1, 1)).hi_per_hs == Decimal("0.903")


def test_an_own_edition_is_one_file_beside_the_projects(tmp_path: Path) -> None:
    own = tmp_path / "stadtwerk-2026.csv"
    own.write_text(HEADER + GOOD.replace("electricity", "heat").replace("442", "98.5"), "utf-8")
    found = FactorSet.load("stadtwerk-2026", edition.Shelf((own,))).factor("heat", date(2023, 5, 1))
    assert found.g_per_kwh == Decimal("98.5")


def test_an_edition_of_the_project_cannot_be_replaced_and_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(edition.EditionError, match="uba-16-2026 exists; editions never change"):
        edition.Shelf((tmp_path / "uba-16-2026.csv",)).edition("uba-16-2026")
    with pytest.raises(edition.EditionError, match=r"gone-1\.csv cannot be read: No such file"):
        edition.Shelf((tmp_path / "gone-1.csv",)).edition("gone-1")


def test_unverified_values_are_off_by_default() -> None:
    with pytest.raises(LookupError, match="no value of gmodg-2027 is verified"):
        FactorSet.load("gmodg-2027")
    with pytest.raises(LookupError):
        FactorSet.load("bisko-2024").factor("electricity", date(2015, 1, 1))
    unverified = FactorSet.load("bisko-2024", edition.Shelf(unverified=True))
    assert unverified.factor("electricity", date(2015, 1, 1)).g_per_kwh == 600
