"""Codes that people type: discount codes and gift card codes."""

from shop.kernel.text_folding import fold

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, so that a code survives being read aloud and typed."""

_FOLDED = str.maketrans("ILO", "110", " -_.")


def normalize_code(code: str) -> str:
    """Return the form in which a code is stored and compared.

    The code is folded (:func:`shop.kernel.text_folding.fold`). Letters become capitals, separators
    go, and look-alikes are folded: ``"save-1o"`` and ``"SAVE 10"`` are one code.
    """
    return fold(code).upper().translate(_FOLDED)
