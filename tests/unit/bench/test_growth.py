"""How the usage of a request is counted, and when it has grown."""

import pytest

from bench.growth import Usage, _batch_units


@pytest.mark.parametrize(
    ("after", "grown"),
    [
        (Usage(3, 10.0, 4.0), False),
        (Usage(2, 10.5, 4.0), False),
        (Usage(4, 10.0, 4.0), True),
        (Usage(3, 12.0, 4.0), True),
        (Usage(3, 10.0, 5.0), True),
    ],
)
def test_usage_has_grown_by_one_call_or_by_more_than_a_tenth_of_its_units(
    after: Usage, grown: bool
) -> None:
    assert after.exceeds(Usage(3, 10.0, 4.0)) is grown


def test_batch_costs_a_unit_per_started_four_kilobytes_of_each_item() -> None:
    keys = [{"PK": {"S": str(n)}} for n in range(3)]
    found = {"inventory": [{"doc": {"B": "x" * 5_000}}, {"doc": {"B": "x"}}]}
    assert _batch_units({"inventory": {"Keys": keys}}, found) == 2.0
    consistent = {"inventory": {"Keys": keys, "ConsistentRead": True}}
    assert _batch_units(consistent, found) == 4.0
