"""VAT numbers judged by python-stdnum: length, letters and check digits of every member state."""

from importlib import import_module
from typing import Any

_STATES = frozenset(
    {
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "EL",
        "ES",
        "FI",
        "FR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
        "XI",
    }
)


class StdnumVatNumbers:
    """:class:`shop.tax.ports.VatNumbers` without asking anybody: the form, offline.

    The library is imported with the first number, so that pricing at large does not wait for it.
    """

    def normalize(self, number: str) -> str | None:
        """Country prefix and number without separators, or ``None`` for no such form."""
        prefix = number.strip()[:2].upper()
        prefix = "EL" if prefix == "GR" else prefix
        if prefix not in _STATES:
            return None
        rest = number.strip()[2:]
        state: Any = import_module("stdnum.eu.vat")
        if prefix == "XI":
            # Northern Ireland's goods follow the Union's rules; the numbers are Britain's.
            state, told = import_module("stdnum.gb.vat"), rest
        else:
            told = f"{prefix}{rest}"
        if not state.is_valid(told):
            return None
        compact = str(state.compact(told))
        return f"XI{compact}" if prefix == "XI" else compact
