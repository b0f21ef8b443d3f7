"""What is counted of a request, and when it counts as grown."""

import pytest

from bench.growth import Used, _batch_units


@pytest.mark.parametrize(
    ("after", "grown"),
    [
        (Used(3, 10.0, 4.0), False),
        (Used(2, 10.5, 4.0), False),
        (Used(4, 10.0, 4.0), True),
        (Used(3, 12.0, 4.0), True),
        (Used(3, 10.0, 5.0), True),
    ],
)
def test_a_request_has_grown_by_a_call_or_by_more_than_a_tenth_of_its_units(
    after: Used, grown: bool
) -> None:
    assert after.grown(Used(3, 10.0, 4.0)) is grown


def test_a_batch_reads_each_item_by_begun_four_kilobytes_found_or_not() -> None:
    keys = [{"PK": {"S": str(n)}} for n in range(3)]
    found = {"inventory": [{"doc": {"B": "x" * 5_000}}, {"doc": {"B": "x"}}]}
    assert _batch_units({"inventory": {"Keys": keys}}, found) == 2.0
    surely = {"inventory": {"Keys": keys, "ConsistentRead": True}}
    assert _batch_units(surely, found) == 4.0
