"""The base class of all rows: one DynamoDB client per Lambda for all kinds of rows.

PynamoDB gives every model class its own client. A client costs 30 to 100 ms to build and one
connection to open, and a transaction over several tables needs a single client anyway.
"""

from typing import ClassVar

from botocore.config import Config
from pynamodb.connection import Connection, TableConnection
from pynamodb.models import Model


class _Connection(Connection):
    """A connection that requests no consumed capacity: no code reads it, every call parses it."""

    shared: ClassVar["_Connection | None"] = None
    """The connection of this process. Tests replace it to use another endpoint."""

    def get_consumed_capacity_map(self, return_consumed_capacity: str) -> dict[str, str]:
        return {}


def connection() -> Connection:
    """Return the connection that all rows share.

    Timeouts are short: a Lambda that waits 30 s for a read has failed. The fixed user agent avoids
    botocore's description of the machine, which it builds for every call (a tenth of the call's CPU
    time). The account endpoint mode is off, because the regional endpoint serves all accounts.
    """
    if _Connection.shared is None:
        _Connection.shared = _Connection(connect_timeout_seconds=2, read_timeout_seconds=5)
        _Connection.shared.session.set_default_client_config(
            Config(user_agent="doorbuster", account_id_endpoint_mode="disabled")
        )
    return _Connection.shared


class Row(Model):
    """A PynamoDB model over the shared connection."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        if cls._connection is None:
            table = super()._get_connection()
            meta = table.get_meta_table()
            tables = connection()._tables
            # Several row classes may share a table; the one that declares indexes describes it.
            if meta.table_name not in tables or meta.data.get("GlobalSecondaryIndexes"):
                tables[meta.table_name] = meta
            table.connection = connection()
            cls._connection = table
        return cls._connection
