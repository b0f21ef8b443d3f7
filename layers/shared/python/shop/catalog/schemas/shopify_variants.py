"""The variants of a product in Shopify's CSV.

A column that changes an amount of money or a sale is either imported, or a notice on the product
tells what the shop does instead. See docs/rules/catalog.md, 5.6.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from shop.catalog.actions.product_admin import DraftVariant
from shop.catalog.model import Media, OptionChoice
from shop.catalog.model.import_content import STANDARD_CLASS, UNTAXED_CLASS
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import slug
from shop.catalog.model.validation import SKU
from shop.catalog.schemas.file_numbers import parse_grams, parse_price
from shop.catalog.schemas.file_parsing import (
    EntryNotices,
    ParseError,
    parse_stock_count,
)
from shop.catalog.schemas.shopify_columns import MARKET, Fields, parse_flag
from shop.kernel.errors import InvalidRequest
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.kernel.text_folding import fold

_OVERSELL = {"deny": False, "continue": True}
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
"""A number of 12 digits or more as spreadsheets write it."""
_VARIANT_FIELDS = (
    *("price", "sku", "barcode", "units", "list_price"),
    *(f"option{n}_value" for n in (1, 2, 3)),
)


def is_variant(row: Fields) -> bool:
    """Return whether a row is a variant; otherwise it is a further image."""
    return any(row.get(name) for name in _VARIANT_FIELDS)


def states_tax(row: Fields) -> bool:
    """Return whether a variant's row calls it taxed; an empty cell does not."""
    return parse_flag(row, "taxable", "taxable", 0) is True


def states_class(row: Fields) -> bool:
    """Return whether a variant's row names its tax class."""
    return bool(row.get("tax_class"))


def _tax_class(line: int, row: Fields) -> str:
    """Return the tax class of a variant; :func:`import_products` compares it with the shop's."""
    is_taxed = parse_flag(row, "taxable", "taxable", line)
    tax_class = row.get("tax_class", "").lower()
    if is_taxed is False and tax_class not in ("", UNTAXED_CLASS):
        detail = (
            f"tax class: Must be {UNTAXED_CLASS} or empty, not {tax_class!r}, because the row calls"
            " the article untaxed. Correct one of the two cells."
        )
        raise ParseError(line, detail)
    return tax_class or (UNTAXED_CLASS if is_taxed is False else STANDARD_CLASS)


def parse_variant(
    line: int,
    row: Fields,
    names: dict[int, str],
    options: ImportOptions,
    notices: EntryNotices,
) -> DraftVariant:
    """Parse the variant of a row; ``names`` are the product's options by number.

    Raises :class:`ParseError`.
    """
    if not row.get("price"):
        raise ParseError(line, "price: Must not be empty.")
    choices = tuple(
        OptionChoice(name, row.get(f"option{n}_value", "")) for n, name in names.items()
    )
    missing = next((c.name for c in choices if not c.value), None)
    if missing is not None:
        raise ParseError(line, f"option {missing}: Must have a value for this variant.")
    image = row.get("variant_image", "")
    price = _price(row["price"], "price", line, options)
    tax_class = _tax_class(line, row)
    _note_unsupported(line, row, notices)
    for name, text in (("SKU", row.get("sku", "")), ("barcode", row.get("barcode", ""))):
        if _SHORTENED.fullmatch(text):
            notices.add(
                line,
                f"The {name} {text} is a number that a spreadsheet shortened. Format its column as"
                " text.",
            )
    return DraftVariant(
        price=price,
        list_price=_list_price(line, row, price, options, notices),
        sku=row.get("sku", "").lstrip("'") or None,
        choices=choices,
        weight_g=_grams(row.get("grams", ""), line, options),
        tax_class=tax_class,
        barcode=row.get("barcode", "").lstrip("'") or None,
        media=Media(image) if image.startswith(("http://", "https://")) else None,
    )


def parse_opening_stock(line: int, row: Fields, notices: EntryNotices) -> int | None:
    """Return the units with which the stock of a variant is opened; ``None`` if it is not.

    Without an inventory tracker, Shopify sells an article uncounted and exports a count of 0. The
    shop sells counted units only: a stock of 0 would be a count that was never made.
    """
    units = parse_stock_count(row["units"], line, notices) if row.get("units") else None
    if "tracker" not in row or row["tracker"]:
        if units is None and "units" in row:
            notices.add(line, "It has no count: set its stock before it can be sold.")
        return units
    if units:
        notices.add(
            line,
            "It has no inventory tracker, so Shopify sells it uncounted. The shop sells counted"
            " units only: those of the file.",
        )
        return units
    notices.add(
        line,
        "It has no inventory tracker, so Shopify sells it uncounted. The shop sells counted units"
        " only: set its stock before it can be sold.",
    )
    return None


def _list_price(
    line: int, row: Fields, price: Money, options: ImportOptions, notices: EntryNotices
) -> Money | None:
    """Return the compare-at price; 0 means none, and one up to the price is no reduction."""
    if not row.get("list_price"):
        return None
    list_price = _price(row["list_price"], "compare-at price", line, options)
    if not list_price or price < list_price:
        return list_price or None
    notices.add(line, "The compare-at price is not above the price: it is omitted.")
    return None


def _note_unsupported(line: int, row: Fields, notices: EntryNotices) -> None:
    """Add a notice for each filled cell that the shop cannot take over. Raises ParseError."""
    if parse_flag(row, "shipping", "requires shipping", line) is False:
        notices.add(
            line,
            "It requires no shipping at Shopify. The shop ships every article, also a download or a"
            " service: a buyer enters an address and may pay for shipping.",
        )
    oversell = row.get("oversell", "").lower()
    policy = _OVERSELL.get(oversell)
    if policy is None:
        policy = parse_flag(row, "oversell", "inventory policy", line)
    if policy:
        notices.add(line, "Overselling is not imported: sales stop at zero stock.")
    if (row.get("cost") or "0").strip("0.,") != "":
        notices.add(line, "The cost per item is not imported: the shop has no such field.")
    if row.get("tax_code"):
        notices.add(line, "The tax code is not imported: set the tax class.")
    if row.get("fulfilment", "manual").lower() not in ("", "manual"):
        notices.add(line, "The fulfillment service is not imported: the shop ships every article.")
    if row.get(MARKET):
        notices.add(line, f"Not imported: {row[MARKET]}. Create price lists for markets.")


def _price(text: str, name: str, line: int, options: ImportOptions) -> Money:
    try:
        return parse_price(text, options.currency, options.decimal)
    except InvalidRequest as error:
        raise ParseError(line, f"{name}: {error.detail}") from None


def _grams(text: str, line: int, options: ImportOptions) -> int | None:
    try:
        return parse_grams(text, options.decimal)
    except ValueError as error:
        raise ParseError(line, f"weight: {error}") from None


def check_combinations(lines: Sequence[int], variants: Sequence[DraftVariant]) -> None:
    """Raise :class:`ParseError` for a row with the option values of an earlier one."""
    first: dict[tuple[OptionChoice, ...], int] = {}
    for line, variant in zip(lines, variants, strict=True):
        other = first.setdefault(variant.choices, line)
        if other != line:
            detail = (
                f"options: Must differ from those of line {other}, which has the same values."
                " Remove one of the rows, or correct its option values."
            )
            raise ParseError(line, detail)


def note_similar_values(
    lines: Sequence[int], variants: Sequence[DraftVariant], notices: EntryNotices
) -> None:
    """Add a notice for values of an option that a shopper reads as one: ``red`` and ``Red``."""
    spellings: dict[tuple[str, str], dict[str, list[int]]] = {}
    for line, variant in zip(lines, variants, strict=True):
        for choice in variant.choices:
            alike = spellings.setdefault((choice.name, fold(choice.value)), {})
            alike.setdefault(choice.value, []).append(line)
    for (name, _), alike in spellings.items():
        texts = ", ".join(map(repr, alike))
        notice = f"Option {name} has values that read alike: {texts}. Write one of them."
        for line in sorted(line for own in list(alike.values())[1:] for line in own):
            notices.add(line, notice)


def with_derived_skus(product_id: str, variants: Sequence[DraftVariant]) -> list[DraftVariant]:
    """Give a SKU to each variant for which the file states none, by its option values.

    The order of the rows does not matter. Values that read alike (``+1.00`` and ``-1.00``) make
    SKUs that are different and not readable.
    """
    proposed = [v.sku or derive_sku(product_id, [c.value for c in v.choices]) for v in variants]
    uses = Counter(proposed)
    found = []
    for variant, sku in zip(variants, proposed, strict=True):
        if variant.sku is not None:
            found.append(variant)
            continue
        own = derived_id("sku", product_id, *(c.value for c in variant.choices))
        found.append(replace(variant, sku=own if uses[sku] > 1 else sku, is_sku_derived=True))
    return found


def derive_sku(product_id: str, values: Sequence[str]) -> str:
    """Derive a SKU for a variant without one; the same file always gets the same SKU."""
    if not values:
        return product_id
    sku = "-".join([product_id, *map(slug, values)])
    return sku if SKU.fullmatch(sku) else derived_id("sku", product_id, *values)
