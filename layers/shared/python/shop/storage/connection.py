"""The base of all rows: one DynamoDB client for a Lambda, however many kinds of rows it touches.

PynamoDB gives every model class a client of its own. A client costs 30 to 100 ms to build and a
connection to open, and a transaction over several tables needs one client anyway.
"""

from botocore.config import Config
from pynamodb.connection import Connection, TableConnection
from pynamodb.models import Model

_shared: Connection | None = None


class _Connection(Connection):
    """One that does not ask what each call consumed: nobody here reads that, all would parse it."""

    def get_consumed_capacity_map(self, return_consumed_capacity: str) -> dict[str, str]:
        return {}


def connection() -> Connection:
    """The one connection. Timeouts are short: a Lambda that waits 30 s for a read has failed.

    It names itself in a word: botocore's own description of the machine is put together anew for
    every call, which takes a tenth of the call's processor time. Nor does it look for an account
    to name in each call's address: the region's serves all.
    """
    global _shared
    if _shared is None:
        _shared = _Connection(connect_timeout_seconds=2, read_timeout_seconds=5)
        _shared.session.set_default_client_config(
            Config(user_agent="doorbuster", account_id_endpoint_mode="disabled")
        )
    return _shared


class Row(Model):
    """A PynamoDB model over the shared connection."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        if cls._connection is None:
            table = super()._get_connection()
            meta = table.get_meta_table()
            tables = connection()._tables
            # Several kinds of rows may share a table; the one that declares indexes describes it.
            if meta.table_name not in tables or meta.data.get("GlobalSecondaryIndexes"):
                tables[meta.table_name] = meta
            table.connection = connection()
            cls._connection = table
        return cls._connection
