"""The outbox: events that stock's writes carry are put on the bus, once they are written."""

from collections.abc import Sequence

import boto3

from shop.edge.http import setting
from shop.edge.stream import Change, stream_reader
from shop.storage.outbox import Publisher

publisher = Publisher(boto3.client("events"), setting("BUS_NAME"))


@stream_reader
def handler(changes: Sequence[Change]) -> str | None:
    return publisher.publish([(c.sequence, c.old, c.new) for c in changes])
