"""Email addresses: one result for each spelling, and no stricter or laxer than the library."""

import subprocess
import sys
import unicodedata

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.kernel import contacts
from shop.kernel.contacts import deliverable_email, mailbox_of, parse_email
from shop.kernel.errors import InvalidValue
from shop.kernel.text_validation import validate_email as validated_spelling

BUECHER = "jane@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "spelling", "mailbox", "deliverable"),
    [
        ("jane@example.com", "jane@example.com", "jane@example.com", "jane@example.com"),
        (" Jane@EXAMPLE.com\n", "Jane@EXAMPLE.com", "jane@example.com", "Jane@example.com"),
        ("jane@bücher.example", "jane@bücher.example", "jane@bücher.example", BUECHER),
        ("jane@BÜCHER.example", "jane@BÜCHER.example", "jane@bücher.example", BUECHER),
        ("jane@bu\u0308cher.example", "jane@bücher.example", "jane@bücher.example", BUECHER),
        (BUECHER, BUECHER, "jane@bücher.example", BUECHER),
        (BUECHER.upper(), BUECHER.upper(), "jane@bücher.example", f"JANE{BUECHER[4:]}"),
        ("j@例子。广告", "j@例子。广告", "j@例子.广告", "j@xn--fsqu00a.xn--4rr70v"),
        ("j@faß.de", "j@faß.de", "j@faß.de", "j@xn--fa-hia.de"),
        *(
            (typed, "jane@example.com", "jane@example.com", "jane@example.com")
            for typed in (
                "ja\u200bne@exam\u00adple.com",
                "\ufeffjane@example.com\u200e",
                "jane@\u2060example.com",
                "jane＠example.com",
                "ｊａｎｅ@ｅｘａｍｐｌｅ．ｃｏｍ",
                "\u00a0jane@example.com\u3000",
            )
        ),
        ("o’neil@x‑y.com", "o'neil@x-y.com", "o'neil@x-y.com", "o'neil@x-y.com"),
        ("a.b+c@shop.test", "a.b+c@shop.test", "a.b+c@shop.test", "a.b+c@shop.test"),
        ("`a`@example.org", "`a`@example.org", "`a`@example.org", "`a`@example.org"),
    ],
)
def test_spellings_of_an_address(text: str, spelling: str, mailbox: str, deliverable: str) -> None:
    address = parse_email(text)
    assert (address.spelling, address.mailbox, address.deliverable) == (
        spelling,
        mailbox,
        deliverable,
    )
    assert validated_spelling(text) == spelling
    assert mailbox_of(deliverable) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "jane", "jane@", "@example.com", "a@b@example.com", "a b@example.com"),
        *("a..b@example.com", ".a@example.com", "a.@example.com", "a@.example.com"),
        *("a@-x.com", "a@x-.com", "a@x.-com", "a@x..com", "a@x.com.", "a@ab--c.com", "a@x_y.com"),
        *("a@localhost", "a@com", "a@x.c", "a@1.2.3.4", "a@[1.2.3.4]", "a@x.123", "a@x.invalid"),
        *("a@x.local", "a@localhost.localhost", "a@x.onion", "a@xn--zz.com", "a@x.arpa"),
        *('"a"@example.com', "A <a@example.com>", "a,b@example.com", "a@exam ple.com"),
        *("a\x7f@example.com", "a\n@example.com", "a@example.com, b@example.com"),
        *(f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", f"a@{'b.' * 130}com"),
        *(
            "jane™@example.com",
            "jane²@example.com",
            "jörg@example.com",
            "用户@例子.广告",
            "٣@x.com",
        ),
        "a@نامه\u200cای.com",
    ],
)
def test_other_texts_are_no_address(text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_email(text)
    assert error.value.code == "email_invalid"
    assert str(error.value).startswith("Must be an email address")


def test_an_address_that_no_mail_can_reach_is_explained() -> None:
    with pytest.raises(InvalidValue, match="ASCII characters before the @"):
        parse_email("jörg@example.com")


def by_library(text: str) -> tuple[str, str] | None:
    """Return domain and ASCII spelling by the library alone."""
    try:
        address = validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        return None
    assert address.ascii_email is not None
    # The shop's own rule: a domain has two names, the last one of two characters or more.
    _, dot, last = address.domain.rpartition(".")
    is_valid = dot and len(last) >= 2
    return (address.domain, address.ascii_email.rpartition("@")[2]) if is_valid else None


NAMES = st.text(alphabet="aZ9.+_-'!#~ ,\"(@", max_size=12) | st.from_regex(r"[a-z.]{60,70}\Z")
LABELS = st.sampled_from(
    [
        *("example", "com", "ORG", "x", "-x", "x-", "ab--c", "xn--bcher-kva", "xn--zz", "test"),
        *("localhost", "local", "arpa", "invalid", "onion", "1", "a1", "c0m", "a_b", ""),
        *("b" * 63, "b" * 64, "ſ", "\u212a", "bücher"),
    ]
) | st.text(alphabet="aZ9-", max_size=8)


@pytest.mark.slow
@settings(max_examples=1_500)
@given(NAMES, st.lists(LABELS, min_size=1, max_size=5))
def test_the_short_way_gives_the_results_of_the_library(name: str, labels: list[str]) -> None:
    text = f"{name}@{'.'.join(labels)}"
    try:
        address = parse_email(text)
    except InvalidValue:
        assert by_library(text.strip()) is None
        return
    # The library replaces names of roles by small ones: only the domain is compared.
    assert by_library(address.spelling) == (address.domain, address.ascii_domain)


@given(st.text(max_size=12), st.text(max_size=12), st.sampled_from(["NFC", "NFD"]))
def test_an_address_is_parsed_once_in_every_form(name: str, domain: str, form: str) -> None:
    text = f"{name}@{domain}.com"
    try:
        address = parse_email(text)
    except InvalidValue:
        return
    assert parse_email(address.spelling) == address
    assert parse_email(unicodedata.normalize(form, text)) == address  # type: ignore[arg-type]
    assert mailbox_of(address.deliverable) == mailbox_of(address.mailbox) == address.mailbox
    assert address.deliverable.isascii()


def test_a_stored_address_of_a_former_release_is_sent_as_it_is() -> None:
    assert deliverable_email("jörg@example.com") == "jörg@example.com"
    assert mailbox_of("jörg@example.com") is None


def test_an_ordinary_address_loads_no_table_of_unicode() -> None:
    program = (
        "import sys; from shop.kernel.contacts import parse_email; parse_email('Jane@example.com');"
        "print(*sys.modules)"
    )
    folder = contacts.__file__.partition("/shop/")[0]
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"idna", "email_validator", "dns"} & set(loaded)
