"""Files in the shop's private bucket, and the links by which clients send and fetch them."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shop.kernel.errors import NotFound

BLOCK_BYTES = 1_048_576
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


def s3_client() -> Any:
    """Return a client whose links name the bucket's own host and are signed as all regions accept.

    On the emulator, which has no such hosts, botocore puts the bucket into the path.
    """
    return boto3.client("s3", config=Config(signature_version="s3v4"))


class JobFiles:
    """Objects of the bucket ``FILES_BUCKET``."""

    def __init__(self, client: Any | None = None) -> None:
        self.bucket = os.environ["FILES_BUCKET"]
        self.client: Any = client or s3_client()

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        """Return an object. Raises :class:`NotFound` (``report_expired``)."""
        try:
            data: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise_unless_missing(error)
            raise NotFound(
                "The files of this job were removed, as all are after 30 days.",
                code="report_expired",
            ) from None
        return data

    def find(self, key: str) -> bytes | None:
        """Return an object, ``None`` if there is none."""
        try:
            return self.get(key)
        except NotFound:
            return None

    def size(self, key: str) -> int | None:
        try:
            return int(self.client.head_object(Bucket=self.bucket, Key=key)["ContentLength"])
        except ClientError as error:
            raise_unless_missing(error)
            return None

    def blocks(self, key: str) -> Iterator[bytes]:
        body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
        yield from body.iter_chunks(BLOCK_BYTES)

    def upload_form(
        self, key: str, *, content_type: str, max_bytes: int, lifetime: timedelta
    ) -> tuple[str, dict[str, str]]:
        """Return URL and fields of a form that uploads one object within these bounds."""
        form = self.client.generate_presigned_post(
            self.bucket,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return form["url"], form["fields"]


def raise_unless_missing(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _MISSING:
        raise error
