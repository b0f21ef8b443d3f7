"""The repository of credit accounts: one suite for the double and for DynamoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shop.credits.model.accounts import CreditAccount
from shop.credits.ports import CreditAccountRepository
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.credits import MemoryCreditAccounts
from tests.doubles.inventory import MemoryUnitOfWork
from tests.kit.shop import create_tables, mock_aws

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANN = "points/ann"

Stores = tuple[CreditAccountRepository, UnitOfWork]


@pytest.fixture(params=["memory", "dynamo"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "memory":
        yield MemoryCreditAccounts(), MemoryUnitOfWork()
        return
    with mock_aws():
        create_tables()
        yield DynamoCreditAccountRepository(), DynamoUnitOfWork()


def test_account_is_read_as_it_was_written(stores: Stores) -> None:
    credit_accounts, uow = stores
    empty = credit_accounts.get(ANN)
    assert empty == CreditAccount(ANN)

    granted = empty.grant("g", 100, NOW, expires=NOW + DAY, reference="gift")
    uow.commit(credit_accounts.append_op(empty, granted))

    assert credit_accounts.get(ANN) == granted


def test_of_two_commands_on_one_read_account_the_second_fails(stores: Stores) -> None:
    # Given an account that two requests read
    credit_accounts, uow = stores
    empty = credit_accounts.get(ANN)
    granted = empty.grant("g", 100, NOW, reference="gift")
    uow.commit(credit_accounts.append_op(empty, granted))

    # When both spend 60 of 100
    first = granted.spend("a", 60, NOW, reference="order-a")
    second = granted.spend("b", 60, NOW, reference="order-b")
    uow.commit(credit_accounts.append_op(granted, first))
    with pytest.raises(ConditionFailed) as error:
        uow.commit(credit_accounts.append_op(granted, second))

    # Then only the first one is stored, and the failure names the account
    assert error.value.keys == {credit_accounts.condition_key(ANN)}
    assert credit_accounts.get(ANN) == first


def test_account_is_listed_as_expiring_until_its_day_is_swept(stores: Stores) -> None:
    credit_accounts, uow = stores
    empty = credit_accounts.get(ANN)
    uow.commit(credit_accounts.append_op(empty, empty.grant("g", 100, NOW, expires=NOW + DAY)))

    assert credit_accounts.list_expiring(NOW, 10) == []
    assert credit_accounts.list_expiring(NOW + 2 * DAY, 10) == [ANN]
    credit_accounts.mark_swept(ANN, NOW + DAY)  # on the day itself, more may expire later
    assert credit_accounts.list_expiring(NOW + 2 * DAY, 10) == [ANN]
    credit_accounts.mark_swept(ANN, NOW + 2 * DAY)
    assert credit_accounts.list_expiring(NOW + 2 * DAY, 10) == []


def test_command_is_recorded_once_with_its_random_bytes(stores: Stores) -> None:
    credit_accounts, uow = stores
    assert credit_accounts.seed_of("c") is None

    uow.commit(credit_accounts.record_command_op("c", b"first"))
    with pytest.raises(ConditionFailed):
        uow.commit(credit_accounts.record_command_op("c", b"second"))

    assert credit_accounts.seed_of("c") == b"first"
