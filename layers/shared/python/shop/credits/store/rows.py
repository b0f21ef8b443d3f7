"""The items of the ``credits`` table.

===================  ==============  =====================================================
PK                   SK              item
===================  ==============  =====================================================
``CREDIT#<account>`` ``HEAD``        number of commands and balance of an account
``CREDIT#<account>`` ``ENTRY#<n>``   ledger entries of the n-th command, never rewritten
``EXPIRING#<day>``   account         an account with a grant that expires on that day
``COMMAND#<id>``     ``DONE``        the random bytes of a command that may run only once
===================  ==============  =====================================================
"""

import os
from datetime import date

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute

HEAD, DONE = "HEAD", "DONE"


class CreditRow(Row):
    """An item of the table."""

    class Meta:
        table_name = os.environ["TABLE_CREDITS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute(null=True)
    """On the head of an account: the number of its commands."""
    balance = NumberAttribute(null=True)
    """On the head of an account, for support; the entries decide."""
    doc = CompressedJsonAttribute(null=True)


def account_key(account_name: str) -> str:
    return f"CREDIT#{account_name}"


def entry_key(number: int | None = None) -> str:
    """Return the sort key of a command's entries; without a number, their common prefix."""
    return "ENTRY#" if number is None else f"ENTRY#{number:08d}"


def expiring_key(day: date) -> str:
    return f"EXPIRING#{day.isoformat()}"


def command_key(command: str) -> str:
    return f"COMMAND#{command}"
