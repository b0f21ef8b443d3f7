"""VAT numbers, validated by python-stdnum: length, letters and check digits of each member."""

from importlib import import_module
from typing import Any

from shop.kernel.text_folding import clean

_MEMBERS = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI".split()
)
"""Prefixes of VAT numbers, with XI for Northern Ireland."""


class StdnumVatNumbers:
    """See :class:`shop.tax.ports.VatNumbers`. It works offline.

    The library is imported with the first number, because few buyers have one.
    """

    def normalize(self, number: str) -> str | None:
        number = clean(number)
        prefix, rest = number[:2].upper(), number[2:]
        # Greece is GR in addresses and EL in VAT numbers; buyers use both.
        prefix = "EL" if prefix == "GR" else prefix
        if prefix not in _MEMBERS:
            return None
        if prefix == "XI":
            # Northern Ireland follows the Union's rules for goods, with British numbers.
            british: Any = import_module("stdnum.gb.vat")
            return f"XI{british.compact(rest)}" if british.is_valid(rest) else None
        european: Any = import_module("stdnum.eu.vat")
        number = f"{prefix}{rest}"
        return str(european.compact(number)) if european.is_valid(number) else None
