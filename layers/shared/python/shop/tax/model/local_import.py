"""Import of the tables of sales tax by ZIP code that tax services publish (§10.5c).

A file is taken whole or not at all.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.text_folding import is_blank
from shop.kernel.text_validation import CONTROL_CHARACTERS, TAG, has_line_break
from shop.places.model.postal_regions import regions_of_prefix
from shop.tax.model.local_rates import Entry, LocalEdition, StateRates
from shop.tax.model.rates import MILLION

MAX_ROWS = 20_000
MAX_PROBLEMS = 100
MAX_NAME_LENGTH = 60
RETENTION = timedelta(days=400)
"""How long a replaced edition stays in force for its days."""
COLUMNS = (
    "State",
    "ZipCode",
    "TaxRegionName",
    "EstimatedCombinedRate",
    "StateRate",
    "EstimatedCountyRate",
    "EstimatedCityRate",
    "EstimatedSpecialRate",
)
RATE_COLUMNS = COLUMNS[3:]
RANGE_COLUMNS = ("Plus4Low", "Plus4High")
"""Optional: the range of add-on codes to which a row is limited."""

RATE_DECIMALS = 6
"""Decimals of a share of 1 in parts per million; zeros may follow."""
AREAS_WITH_ZEROS: Mapping[str, tuple[str, ...]] = {
    "CT": tuple(f"06{n}" for n in range(10) if n != 3) + tuple(f"063{n}" for n in range(9)),
    "MA": (*(f"0{n}" for n in range(10, 28)), "055"),
    "ME": tuple(f"0{n}" for n in range(39, 50)),
    "NH": tuple(f"0{n}" for n in range(30, 39)),
    "NJ": ("07", "08"),
    "NY": ("005", "06390"),
    "PR": ("006", "007", "009"),
    "RI": ("028", "029"),
    "VI": ("008",),
    "VT": (*(f"05{n}" for n in range(5)), *(f"05{n}" for n in range(6, 10))),
}
"""Beginnings of the ZIP codes of states whose codes begin with a zero (USPS, list L002). Fishers
Island, 06390, is in New York."""
_SHARE = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_DIGITS = re.compile(r"[0-9]{3,5}")

AddOnRange = tuple[str | None, str | None, int]
"""First and last add-on code (``None``: the whole ZIP code), and the number of the line."""
Row = tuple[int, dict[str, str]]
"""Number of a line in the file, and its values by column."""


def parse_local_rates(text: str, state: str, since: date) -> LocalEdition:
    """Return the edition of a CSV file of one state.

    Raises :class:`InvalidRequest` with line and column of every problem.
    """
    rows = _rows(text)
    problems: list[Problem] = []
    entries: dict[str, list[Entry]] = {}
    ranges: dict[str, list[AddOnRange]] = {}
    state_rates: dict[int, int] = {}
    for line, row in rows:
        found = list(_problems_of(line, row, state))
        problems += found
        if found or len(problems) >= MAX_PROBLEMS:
            continue
        _, state_rate, county, city, special = (_rate(row[name]) for name in RATE_COLUMNS)
        state_rates.setdefault(state_rate or 0, line)
        low, high = _range(row)
        entry: Entry = [low, high, row["TaxRegionName"], county, city, special]
        zip_code = _zip_code(row["ZipCode"], state) or ""
        entries.setdefault(zip_code, []).append(entry)
        ranges.setdefault(zip_code, []).append((low, high, line))
    problems += _overlap_problems(ranges)
    if not problems and len(state_rates) > 1:
        line = max(state_rates.values())
        detail = f"Line {line}: the state's rate differs from that of other lines."
        problems.append(Problem("rate_differs", detail, _path(line, "StateRate")))
    if problems:
        raise InvalidRequest(
            problems[0].detail, code=problems[0].code, problems=problems[:MAX_PROBLEMS]
        )
    (state_rate,) = state_rates
    return LocalEdition(since, state_rate, json.dumps(entries, separators=(",", ":")))


def update_state(
    before: StateRates, edition: LocalEdition, today: date, *, at: datetime, actor: str
) -> StateRates:
    """Return the next version, with the edition in force from its first day on.

    It replaces editions that would begin on that day or later. The first edition of a state may
    begin on any day: there is no earlier rate that it could contradict.

    Raises :class:`InvalidRequest` (``rate_past``) for a later edition that begins before today.
    """
    if before.editions and edition.since < today:
        raise InvalidRequest(
            f"The rates before {today} cannot change. Begin the new ones today or later.",
            code="rate_past",
            path="since",
        )
    earlier = [one for one in before.editions if one.since < edition.since]
    # An edition is needed while a day within the retention is one of its days.
    ends = [one.since for one in (*earlier, edition)[1:]]
    retained = [one for one, end in zip(earlier, ends, strict=True) if end > today - RETENTION]
    return replace(
        before,
        editions=(*retained, edition),
        version=before.version + 1,
        at=at,
        actor=actor,
    )


def _rows(text: str) -> list[Row]:
    # It belongs to the process: a reader before may have set a smaller one. No smaller than
    # Python's own remains for the next one.
    csv.field_size_limit(max(len(text), 131_072))
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        table = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.line_num} is not valid CSV: {error}.", code="csv_malformed"
        ) from None
    header = table[0][1] if table else []
    missing = [name for name in COLUMNS if name not in header]
    if missing or len(set(header)) < len(header):
        detail = f"The first line must have each of these columns once: {', '.join(COLUMNS)}."
        raise InvalidRequest(detail, code="columns_missing", path="$.lines[1]")
    if len(table) == 1:
        raise InvalidRequest(
            "The file must have at least one rate.", code="missing", path="$.lines"
        )
    if len(table) > MAX_ROWS + 1:
        raise InvalidRequest(f"Send {MAX_ROWS} rates or fewer.", code="too_many", path="$.lines")
    for line, cells in table:
        if len(cells) != len(header):
            detail = (
                f"Line {line} has {len(cells)} values and must have {len(header)}. Send one value"
                " for each column, and quote a value that has a comma."
            )
            raise InvalidRequest(detail, code="csv_malformed", path=f"$.lines[{line}]")
    return [(line, dict(zip(header, cells, strict=True))) for line, cells in table[1:]]


def _problems_of(line: int, row: dict[str, str], state: str) -> Iterator[Problem]:
    def problem(code: str, column: str, detail: str) -> Problem:
        return Problem(code, f"Line {line}: {detail}", _path(line, column))

    if row["State"].upper() != state:
        yield problem("state_other", "State", f"State must be {state}. Send one file per state.")
    zip_code = _zip_code(row["ZipCode"], state)
    if zip_code is None:
        yield problem("zip_invalid", "ZipCode", "ZipCode must be five digits.")
    elif state not in _states_of_digit(zip_code[0]):
        detail = (
            f"ZIP code {zip_code} is not in {state} or near it. Correct it, or remove the line."
        )
        yield problem("region_contradicts_postal_code", "ZipCode", detail)
    name = row["TaxRegionName"]
    if (
        is_blank(name)
        or len(name) > MAX_NAME_LENGTH
        or TAG.search(name)
        or CONTROL_CHARACTERS.search(name)
        or has_line_break(name)
    ):
        detail = f"TaxRegionName must be one line of 1 to {MAX_NAME_LENGTH} characters."
        yield problem("name_invalid", "TaxRegionName", detail)
    rates = {column: _rate(row[column]) for column in RATE_COLUMNS}
    for column, rate in rates.items():
        if rate is None:
            detail = f"{column} must be a share of 1 with at most 6 decimals, such as 0.0725."
            yield problem("rate_invalid", column, detail)
    combined, *parts = rates.values()
    if (
        combined is not None
        and None not in parts
        and combined != sum(map(int, filter(None, parts)))
    ):
        yield problem(
            "rates_sum", COLUMNS[3], "EstimatedCombinedRate must be the sum of the other rates."
        )
    low, high = _range(row)
    if (low is None) != (high is None) or (low and not _is_range(low, high or "")):
        yield problem(
            "zip_invalid", RANGE_COLUMNS[0], "The range must be two add-on codes of four digits."
        )


def _rate(text: str) -> int | None:
    """Return a share of 1 in parts per million; ``None`` if it is not one exactly.

    Only plain digits and a point are read: Python's own numbers also have exponents, underscores
    and digits of other scripts, and round what is longer than their precision.
    """
    match = _SHARE.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        return None
    whole, decimals = match[1].lstrip("0"), (match[2] or "").rstrip("0")
    if len(whole) > 1 or len(decimals) > RATE_DECIMALS:
        return None
    share = int(whole or "0") * MILLION + int(decimals.ljust(RATE_DECIMALS, "0"))
    return share if share <= MILLION else None


@cache
def _states_of_digit(digit: str) -> frozenset[str]:
    """Return the states with ZIP codes that begin with a digit.

    Offices also serve places across a border, mostly in a state with the same first digit.
    """
    return regions_of_prefix("US", digit) or frozenset()


def _zip_code(text: str, state: str) -> str | None:
    """Return a ZIP code of five digits; ``None`` if the text is none.

    Spreadsheets drop zeros at the beginning. A shorter text is read if it is a ZIP code of the
    state with them: 1001 is 01001 in Massachusetts, and a typing error in New York.
    """
    if _DIGITS.fullmatch(text) is None:
        return None
    padded = text.zfill(5)
    areas = AREAS_WITH_ZEROS.get(state, ())
    return padded if len(text) == 5 or padded.startswith(areas) else None


def _range(row: dict[str, str]) -> tuple[str | None, str | None]:
    low, high = (row.get(column) or None for column in RANGE_COLUMNS)
    return low, high


def _is_range(low: str, high: str) -> bool:
    return all(len(code) == 4 and code.isascii() and code.isdigit() for code in (low, high)) and (
        low <= high
    )


def _overlap_problems(ranges: Mapping[str, Sequence[AddOnRange]]) -> Iterator[Problem]:
    found = sorted(
        (line, zip_code) for zip_code, each in ranges.items() for line in first_overlaps(each)
    )
    for line, zip_code in found:
        detail = f"Line {line}: ZIP code {zip_code} has two rates. Send one, or ranges."
        yield Problem("duplicate", detail, _path(line, "ZipCode"))


def first_overlaps(ranges: Sequence[AddOnRange]) -> list[int]:
    """Return the later line of each overlap that a sweep over the sorted ranges meets.

    It compares neighbours only, so that a ZIP code may have thousands of ranges. Without ranges, a
    ZIP code has one line.
    """
    whole = [line for low, _, line in ranges if low is None]
    later = set(whole[1:])
    limited = [(low, high or "", line) for low, high, line in ranges if low is not None]
    limited.sort(key=lambda each: each[0])
    # The range that reaches furthest among those that begin before.
    furthest: tuple[str, int] | None = None
    for low, high, line in limited:
        if furthest is not None and low <= furthest[0]:
            later.add(max(line, furthest[1]))
        if furthest is None or high > furthest[0]:
            furthest = high, line
    return sorted(later)


def _path(line: int, column: str) -> str:
    return f"$.lines[{line}].{column}"
