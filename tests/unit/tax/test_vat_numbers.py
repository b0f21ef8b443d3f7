"""VAT numbers, as python-stdnum validates them."""

import pytest

from shop.tax.gateway.vat_numbers import StdnumVatNumbers

pytest.importorskip("stdnum", reason="python-stdnum is not installed")


@pytest.mark.parametrize(
    ("number", "normal_form"),
    [
        ("DE 136 695 976", "DE136695976"),
        ("de136695976", "DE136695976"),
        ("GR094259216", "EL094259216"),
        ("FR 40 303 265 045", "FR40303265045"),
        ("ATU13585627", "ATU13585627"),
        ("XI 980 7806 84", "XI980780684"),
        ("ＤＥ１３６６９５９７６", "DE136695976"),
        ("DE\u2011136695976", "DE136695976"),
        ("\u202dDE136695976\u200b", "DE136695976"),
        ("DE136695977", None),
        ("US12345678", None),
        ("GB980780684", None),
        ("", None),
        ("DE", None),
        ("ΑΒ123", None),
    ],
)
def test_vat_number_is_normalized_or_rejected(number: str, normal_form: str | None) -> None:
    assert StdnumVatNumbers().normalize(number) == normal_form
