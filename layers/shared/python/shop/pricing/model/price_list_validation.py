"""Validation of price lists that staff write (docs/rules/pricing.md §3.4)."""

import re
from collections.abc import Iterator

from shop.customers.model import invalid_names
from shop.kernel.errors import Problem
from shop.kernel.money import CURRENCIES
from shop.kernel.text_validation import LINE_MESSAGE, MARKUP_MESSAGE, TAG, has_line_break
from shop.pricing.model.price_lists import PriceEntry, PriceList

MAX_ENTRIES = 4_000
"""Entries of one list, as many as fit into a request of 256 KB. Staff split longer lists."""
MAX_PRICE = 10**12
"""Highest price in minor units; a higher one counts as a typing error."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def validate_price_list(price_list: PriceList) -> list[Problem]:
    """Return the problem of every invalid field."""
    problems = list(_header_problems(price_list))
    problems.extend(invalid_names(price_list.groups, "$.groups"))
    problems.extend(price_list.window.problems("$.window"))
    tiers: set[tuple[str, int]] = set()
    for place, entry in enumerate(price_list.entries):
        path = f"$.entries[{place}]"
        problems.extend(_entry_problems(entry, path))
        if (entry.article, entry.min_quantity) in tiers:
            detail = f"Send one price of {entry.article} from {entry.min_quantity} units on."
            problems.append(Problem("duplicate", detail, path))
        tiers.add((entry.article, entry.min_quantity))
    return problems


def _header_problems(price_list: PriceList) -> Iterator[Problem]:
    if not _ID.fullmatch(price_list.id):
        detail = (
            "Must be 1 to 64 letters, digits, hyphens, underscores or points, and begin with a"
            " letter or digit."
        )
        yield Problem("id_invalid", detail, "$.id")
    if len(price_list.title) > 200:
        yield Problem("text_invalid", "Title must have at most 200 characters.", "$.title")
    if has_line_break(price_list.title):
        yield Problem("text_invalid", LINE_MESSAGE, "$.title")
    if TAG.search(price_list.title):
        yield Problem("markup_not_allowed", MARKUP_MESSAGE, "$.title")
    if price_list.currency not in CURRENCIES:
        detail = "Currency must be an ISO 4217 code such as USD."
        yield Problem("currency_unknown", detail, "$.currency")
    if not price_list.entries:
        detail = "A list requires at least one price. To end a list, set the end of its window."
        yield Problem("missing", detail, "$.entries")
    if len(price_list.entries) > MAX_ENTRIES:
        detail = f"Send {MAX_ENTRIES} prices or fewer."
        yield Problem("too_many", detail, "$.entries")


def _entry_problems(entry: PriceEntry, path: str) -> Iterator[Problem]:
    if not 0 <= entry.price <= MAX_PRICE:
        detail = f"Price must be from 0 to {MAX_PRICE} minor units."
        yield Problem("price_invalid", detail, f"{path}.price")
    if entry.min_quantity < 1:
        yield Problem("quantity_invalid", "Quantity must be 1 or more.", f"{path}.min_quantity")
    if entry.compare_at is not None and entry.compare_at <= entry.price:
        detail = "The price for comparison must be above the price."
        yield Problem("compare_at_invalid", detail, f"{path}.compare_at")
