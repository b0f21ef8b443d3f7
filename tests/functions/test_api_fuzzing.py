"""A few generated requests to every route; ``make verify ARGS=16`` sends thousands."""

from tests.kit.api_fuzzing import fuzz
from tests.kit.http_api import ENDPOINTS
from verification.api_fuzzing import unknown_id_has_status


def test_generated_requests_are_answered_as_declared() -> None:
    result = fuzz(seed=1, examples=3, phases=("fuzzing",))
    assert result.findings == ()
    assert result.operations == len(ENDPOINTS)
    assert result.cases >= 2 * len(ENDPOINTS)
    assert result.accepted >= 50


def test_fault_is_found() -> None:
    with unknown_id_has_status(500):
        result = fuzz(seed=1, examples=2, phases=("coverage",), paths="^/staff/price-history")
    assert any("not_a_server_error" in finding for finding in result.findings)
