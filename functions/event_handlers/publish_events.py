"""Transactional outbox of orders: publish the events of committed writes."""

from collections.abc import Sequence

import boto3

from shop.entrypoints.dynamodb_stream import StreamRecord, stream_reader
from shop.entrypoints.http import required_setting
from shop.storage.outbox import EventPublisher

publisher = EventPublisher(boto3.client("events"), required_setting("BUS_NAME"))


@stream_reader
def handler(changes: Sequence[StreamRecord]) -> str | None:
    return publisher.publish([(c.sequence, c.old_image, c.new_image) for c in changes])
