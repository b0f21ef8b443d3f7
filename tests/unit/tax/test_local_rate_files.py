"""Odd numbers, ZIP codes and ranges in files of local tax rates: read, or refused in place."""

from collections import Counter
from math import log2
from random import Random
from typing import Any, ClassVar

import pytest

from shop.kernel.errors import InvalidRequest
from shop.tax.model.local_import import first_overlaps, parse_local_rates
from tests.unit.tax.test_local_rates import HEADER, TODAY

RANGES = f"{HEADER},Plus4Low,Plus4High"


def line_of(rate: str, *, state: str = "NY", zip_code: str = "10001") -> str:
    """Return a line whose city rate, and only that, is ``rate``; the combined rate is the same."""
    return f'{state},{zip_code},"New York","{rate}",0,0,"{rate}",0'


def city_rate(rate: str) -> int:
    edition = parse_local_rates(f"{HEADER}\n{line_of(rate)}", "NY", TODAY)
    ((_, _, _, _, city, _),) = edition.entries["10001"]
    return int(city)


def problems(text: str, state: str = "NY") -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as error:
        parse_local_rates(text, state, TODAY)
    return [(problem.code, problem.path) for problem in error.value.problems]


@pytest.mark.parametrize(
    "rate",
    [
        "NaN",
        "sNaN",
        "nan123",
        "Infinity",
        "-Infinity",
        "inf",
        "1e3",
        "1e-2",
        "1E-999999999999999999",
        "1e999999999999999999",
        "0e0",
        "8,25",
        "0,0825",
        "8.25%",
        "8.25",
        "1.000001",
        "-0.01",
        "-0",
        "+0.01",
        "0_1",
        "0.0_1",
        "０.０８",
        "0.08٢",
        "0x1",
        "0.0000001",
        "0.072500000000000000000000000001",
        "0.07249999999999999999999999999999999999",
        "0." + "0" * 5_000 + "1",
        "9" * 5_000,
        ".",
        "",
        "1/12",
        "0.0825 0",
        "$0.08",
    ],
)
def test_odd_rate_is_refused_with_line_and_column(rate: str) -> None:
    assert problems(f"{HEADER}\n{line_of('0')}\n{line_of(rate, zip_code='10002')}") == [
        ("rate_invalid", "$.lines[3].EstimatedCombinedRate"),
        ("rate_invalid", "$.lines[3].EstimatedCityRate"),
    ]


@pytest.mark.parametrize(
    ("rate", "ppm"),
    [
        ("0", 0),
        ("0.0", 0),
        ("1", 1_000_000),
        ("1.000000", 1_000_000),
        ("0.0825", 82_500),
        (".0825", 82_500),
        ("0.000001", 1),
        ("0.082500000000000000000000000000", 82_500),
        (" 0.0825\t", 82_500),
        ("00.0825", 82_500),
    ],
)
def test_rate_is_read_exactly(rate: str, ppm: int) -> None:
    assert city_rate(rate) == ppm


@pytest.mark.parametrize(
    ("state", "written", "zip_code"),
    [
        ("MA", "1001", "01001"),
        ("MA", "2799", "02799"),
        ("MA", "5501", "05501"),
        ("NJ", "7001", "07001"),
        ("NJ", "08999", "08999"),
        ("CT", "6390", None),
        ("CT", "6001", "06001"),
        ("NY", "501", "00501"),
        ("NY", "6390", "06390"),
        ("NY", "1001", None),
        ("ME", "3901", "03901"),
        ("NH", "3901", None),
        ("RI", "2801", "02801"),
        ("VT", "5501", None),
        ("PR", "601", "00601"),
        ("VI", "801", "00801"),
        ("CA", "9410", None),
        ("CA", "941", None),
        ("MA", "101", None),
        ("MA", "１００１", None),
        ("MA", "1001.0", None),
        ("MA", "-1001", None),
    ],
)
def test_zip_code_without_its_leading_zero_is_read_if_it_is_one_of_the_state(
    state: str, written: str, zip_code: str | None
) -> None:
    text = f"{HEADER}\n{line_of('0.01', state=state, zip_code=written)}"
    if zip_code is None:
        assert problems(text, state) == [("zip_invalid", "$.lines[2].ZipCode")]
    else:
        assert list(parse_local_rates(text, state, TODAY).entries) == [zip_code]


def test_both_spellings_of_a_zip_code_are_one() -> None:
    lines = [line_of("0.01", state="MA", zip_code=code) for code in ("1001", "01001")]
    assert problems("\n".join((HEADER, *lines)), "MA") == [("duplicate", "$.lines[3].ZipCode")]


@pytest.mark.parametrize(
    "codes", ["1,9", "１０００,１９９９", "1e3,1999", "1000,199", "-100,1000", "1000,", "2000,1000"]
)
def test_odd_range_is_refused_with_line_and_column(codes: str) -> None:
    text = f"{RANGES}\n{line_of('0.01')},{codes}"
    assert problems(text) == [("zip_invalid", "$.lines[2].Plus4Low")]


# Overlaps


@pytest.mark.parametrize(
    ("ranges", "later"),
    [
        ([("1000", "1999"), ("2000", "2999")], []),
        ([("1000", "1999"), ("1999", "2999")], [1]),
        ([("1999", "2999"), ("1000", "1999")], [1]),
        ([("0000", "9999"), ("1000", "1000"), ("2000", "2000")], [1, 2]),
        ([("1000", "1000"), ("2000", "2000"), ("0000", "9999")], [2]),
        ([("1000", "5000"), ("2000", "3000"), ("4000", "4500")], [1, 2]),
        ([("1000", "1000"), ("1000", "1000")], [1]),
        ([(None, None), ("1000", "1999")], []),
        ([(None, None), ("1000", "1999"), (None, None)], [2]),
    ],
)
def test_later_line_of_an_overlap_is_reported(ranges: list[Any], later: list[int]) -> None:
    assert first_overlaps([(low, high, n) for n, (low, high) in enumerate(ranges)]) == later
    cells = [f"{low or ''},{high or ''}" for low, high in ranges]
    text = "\n".join((RANGES, *(f"{line_of('0.01')},{each}" for each in cells)))
    if later:
        expected = [("duplicate", f"$.lines[{n + 2}].ZipCode") for n in later]
        assert problems(text) == expected
    else:
        assert len(parse_local_rates(text, "NY", TODAY).entries["10001"]) == len(ranges)


def test_overlaps_agree_with_a_comparison_of_all_pairs() -> None:
    random = Random(1)
    for _ in range(300):
        ranges = []
        for n in range(random.randint(0, 8)):
            low, high = sorted(random.choices(range(20), k=2))
            ranges.append((f"{low:04}", f"{high:04}", n))
        overlap = any(
            one[0] <= other[1] and other[0] <= one[1]
            for n, one in enumerate(ranges)
            for other in ranges[:n]
        )
        assert bool(first_overlaps(ranges)) == overlap


class CountedCode(str):
    """An add-on code that counts its comparisons."""

    __slots__ = ()
    counts: ClassVar[Counter[str]] = Counter()

    def __lt__(self, other: str) -> bool:
        CountedCode.counts["comparisons"] += 1
        return str.__lt__(self, other)

    def __le__(self, other: str) -> bool:
        CountedCode.counts["comparisons"] += 1
        return str.__le__(self, other)

    def __gt__(self, other: str) -> bool:
        CountedCode.counts["comparisons"] += 1
        return str.__gt__(self, other)

    def __ge__(self, other: str) -> bool:
        CountedCode.counts["comparisons"] += 1
        return str.__ge__(self, other)

    def __eq__(self, other: object) -> bool:
        CountedCode.counts["comparisons"] += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_ranges_are_compared_in_n_log_n_steps() -> None:
    size = 8_192
    codes = [CountedCode(f"{n:04}") for n in range(size)]
    ranges = [(code, code, n) for n, code in enumerate(codes)]
    Random(1).shuffle(ranges)
    CountedCode.counts.clear()
    assert first_overlaps(ranges) == []
    assert 0 < CountedCode.counts["comparisons"] <= 3 * size * log2(size)


@pytest.mark.parametrize("name", ["\u3164", "\u200b", "\u2800", "\u00ad\u2060"])
def test_invisible_name_of_a_tax_region_is_rejected(name: str) -> None:
    line = line_of("0.01").replace("New York", name)
    assert problems(f"{HEADER}\n{line}") == [("name_invalid", "$.lines[2].TaxRegionName")]


@pytest.mark.parametrize(
    ("state", "zip_code"),
    [("NY", "90210"), ("CA", "10001"), ("TX", "02108"), ("AK", "00901"), ("NJ", "94110")],
)
def test_zip_code_of_a_distant_state_is_rejected(state: str, zip_code: str) -> None:
    text = f"{HEADER}\n{line_of('0.01', state=state, zip_code=zip_code)}"
    place = "$.lines[2].ZipCode"
    assert problems(text, state) == [("region_contradicts_postal_code", place)]


@pytest.mark.parametrize(
    ("state", "zip_code"),
    [("NY", "06390"), ("NY", "00501"), ("TX", "73960"), ("TX", "88510"), ("MO", "72643"),
     ("WY", "83414"), ("AR", "75502"), ("MN", "57078"), ("PR", "00901"), ("NY", "07001")],
)  # fmt: skip
def test_zip_code_near_the_border_is_accepted(state: str, zip_code: str) -> None:
    text = f"{HEADER}\n{line_of('0.01', state=state, zip_code=zip_code)}"
    assert list(parse_local_rates(text, state, TODAY).entries) == [zip_code]


def test_line_with_too_many_values_has_a_remedy() -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_local_rates(f"{HEADER}\n{line_of('0.01')},1", "NY", TODAY)
    assert str(error.value) == (
        "Line 2 has 9 values and must have 8. Send one value for each column, and quote a value "
        "that has a comma."
    )
