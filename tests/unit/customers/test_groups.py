"""Groups and segments of customers: names, versions and the store."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from shop.customers.actions import set_customer_groups
from shop.customers.model import CustomerSegments, parse_customer_id
from shop.customers.ports import CustomerSegmentRepository
from shop.customers.store import CustomerRow, DynamoCustomerSegmentRepository
from shop.kernel.errors import InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from tests.doubles.customers import MemoryCustomerSegments
from tests.kit.shop import create_tables, mock_aws

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ANN = "a2b9c1de-0000-4000-8000-00000000a001"


@pytest.fixture(params=["memory", "dynamo"])
def customers(request: pytest.FixtureRequest) -> Iterator[CustomerSegmentRepository]:
    if request.param == "memory":
        yield MemoryCustomerSegments()
        return
    with mock_aws():
        create_tables()
        yield DynamoCustomerSegmentRepository()


def set_groups(
    customers: CustomerSegmentRepository, groups: Sequence[str], version: int | None = None
) -> CustomerSegments:
    return set_customer_groups(
        ANN,
        groups,
        ["frequent"],
        expected_version=version,
        customers=customers,
        at=NOW,
        actor="staff-1",
    )


def test_groups_replace_the_former_ones(customers: CustomerSegmentRepository) -> None:
    assert customers.get(ANN) == CustomerSegments(ANN)

    set_groups(customers, ["wholesale"])
    set_groups(customers, ["staff", "gold", "staff"])

    assert customers.get(ANN) == CustomerSegments(ANN, ("staff", "gold"), ("frequent",), 2)


def test_change_of_an_old_version_is_rejected(customers: CustomerSegmentRepository) -> None:
    # Given two staff users who read a customer without groups
    before = customers.get(ANN)
    set_groups(customers, ["gold"], version=0)

    # When the second one writes, then the version conflicts, in the use case and in the store
    with pytest.raises(VersionConflict):
        set_groups(customers, ["silver"], version=0)
    with pytest.raises(VersionConflict):
        customers.save(before, CustomerSegments(ANN, ("silver",), (), 1), [])
    assert customers.get(ANN).groups == ("gold",)


def test_invalid_names_are_reported_with_their_path() -> None:
    with pytest.raises(InvalidRequest) as error:
        set_groups(MemoryCustomerSegments(), ["gold", "no blanks", "", "-dash"])

    assert [(problem.code, problem.path) for problem in error.value.problems] == [
        ("id_invalid", "$.groups[1]"),
        ("id_invalid", "$.groups[2]"),
        ("id_invalid", "$.groups[3]"),
    ]


def test_customer_has_twenty_groups_at_most() -> None:
    twenty = [f"group-{number}" for number in range(20)]
    customers = MemoryCustomerSegments()
    set_groups(customers, twenty)

    with pytest.raises(InvalidRequest) as error:
        set_groups(customers, [*twenty, "more"])

    assert [problem.code for problem in error.value.problems] == ["too_many"]


@pytest.mark.parametrize("raw", ["ann", "guest", f"{ANN}0", ""])
def test_customer_id_must_have_the_form_of_a_user_pool_subject(raw: str) -> None:
    assert parse_customer_id(ANN) == ANN
    with pytest.raises(NotFound) as error:
        parse_customer_id(raw)
    assert error.value.code == "customer_unknown"


@pytest.mark.parametrize("typed", [ANN.upper(), f" {ANN} ", ANN.replace("-", "‑"), f"\ufeff{ANN}"])
def test_pasted_customer_id_is_the_id(typed: str) -> None:
    assert parse_customer_id(typed) == ANN


@pytest.mark.slow
def test_change_carries_its_event() -> None:
    with mock_aws():
        create_tables()
        set_groups(DynamoCustomerSegmentRepository(), ["gold"])
        (row,) = CustomerRow.scan()

    assert row.events == (
        Event(
            f"customer-{ANN}:1",
            "CustomerGroupsChanged",
            ANN,
            NOW,
            {"groups": ["gold"], "segments": ["frequent"], "actor": "staff-1"},
        ),
    )
