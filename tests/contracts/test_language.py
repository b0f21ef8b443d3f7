"""The source follows the rules on names, sizes, imports inside functions, and clocks in tests."""

import pytest

from local.processes import ROOT
from tests.contracts import language
from tests.contracts.language import Source

LONG_MODULES: dict[str, str] = {}
"""Path → why the module is longer than the limit."""

LONG_FUNCTIONS: dict[str, str] = {}
"""``path:Class.function`` → why the function is longer than the limit."""

CLOCK_USES: dict[str, str] = {
    "tests/kit/faults.py:fault_injection.FakeTime.sleep": "passes on the pauses of botocore",
    "tests/local/polling.py:eventually": "polls a condition, with a guard of two minutes",
}
"""``path:Class.function`` → why a test uses a clock although no result depends on it."""


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return language.load(ROOT)


def assert_none(breaches: list[str]) -> None:
    """Show every breach, because pytest shortens a long list."""
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


def test_tests_wait_for_conditions_and_measure_no_time(sources: list[Source]) -> None:
    assert_none(language.clock_uses(sources, CLOCK_USES))
