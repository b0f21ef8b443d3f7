"""The source keeps to the field's terms, to its size limits, and to imports at the top."""

import pytest

from local.processes import ROOT
from tests.contracts import language
from tests.contracts.language import Source

LONG_MODULES: dict[str, str] = {}
"""Path → why the module is longer than the limit."""

LONG_FUNCTIONS: dict[str, str] = {}
"""``path:Class.function`` → why the function is longer than the limit."""


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return language.load(ROOT)


def assert_none(breaches: list[str]) -> None:
    """Show every breach, not only the first few."""
    assert not breaches, f"{len(breaches)} breaches:\n" + "\n".join(breaches)


def test_every_part_of_the_project_is_read(sources: list[Source]) -> None:
    paths = [source.path for source in sources]
    for folder in (language.SHOP, "functions/", "infra/", "local/", "bench/", "tests/"):
        assert any(path.startswith(folder) for path in paths), folder
    assert any(path.startswith("verification/") for path in paths)


def test_no_public_class_name_is_defined_twice(sources: list[Source]) -> None:
    assert_none(language.repeated_classes(sources))


def test_no_identifier_contains_a_denied_word(sources: list[Source]) -> None:
    assert_none(language.denied_names(sources))


def test_every_exemption_from_the_vocabulary_is_needed(sources: list[Source]) -> None:
    assert_none(language.unused_exemptions(sources))


def test_modules_have_at_most_400_lines(sources: list[Source]) -> None:
    assert_none(language.long_modules(sources, LONG_MODULES))


def test_functions_have_at_most_50_lines(sources: list[Source]) -> None:
    assert_none(language.long_functions(sources, LONG_FUNCTIONS))


def test_imports_inside_functions_give_a_reason(sources: list[Source]) -> None:
    assert_none(language.unexplained_lazy_imports(sources))
