"""Rows of jobs in DynamoDB (``TABLE_JOBS``): a row per job, and one per part of an import."""

import os

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import PutError

from shop.kernel.errors import IdempotencyKeyReused
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute

JOB = "JOB"
CONDITION_FAILED = "ConditionalCheckFailedException"


class JobRow(Row):
    """``<job>``/``JOB``, or ``<job>``/``PART#<number>`` with the instants of its attempts."""

    class Meta:
        table_name = os.environ["TABLE_JOBS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    status = UnicodeAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    request_hash = UnicodeAttribute(null=True)
    parts_done = NumberAttribute(null=True)
    products_done = NumberAttribute(null=True)
    created = NumberAttribute(null=True)
    changed = NumberAttribute(null=True)
    unchanged = NumberAttribute(null=True)
    rejected = NumberAttribute(null=True)
    stock_created = NumberAttribute(null=True)
    stock_unchanged = NumberAttribute(null=True)
    attempts = UnicodeSetAttribute(null=True)
    done = BooleanAttribute(null=True)
    expires_at = NumberAttribute()


def add_row(row: JobRow) -> JobRow:
    """Store the row of a new job; return the stored row if its id exists.

    Raises :class:`IdempotencyKeyReused` if the stored row has another hash.
    """
    try:
        row.save(JobRow.pk.does_not_exist())
    except PutError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise
        stored = JobRow.get(row.pk, JOB, consistent_read=True)
        if stored.request_hash != row.request_hash:
            raise IdempotencyKeyReused(
                "This Idempotency-Key belongs to a different request. Use a new key for a new"
                " request.",
                path="Idempotency-Key",
            ) from None
        return stored
    return row
