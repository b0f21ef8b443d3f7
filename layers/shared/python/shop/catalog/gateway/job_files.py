"""Files in the shop's private bucket, and the links by which clients send and fetch them."""

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shop.kernel.errors import NotFound, Problem
from shop.serialization import from_json

T = TypeVar("T")

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

    def begin_upload(self, key: str, content_type: str) -> str:
        answer = self.client.create_multipart_upload(
            Bucket=self.bucket, Key=key, ContentType=content_type
        )
        return str(answer["UploadId"])

    def put_piece(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Store a piece of an object, from 1, and return its entity tag."""
        answer = self.client.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=data
        )
        return str(answer["ETag"])

    def complete_upload(self, key: str, upload: str, tags: Sequence[str]) -> None:
        """Join the pieces of an object; a second call finds it complete."""
        parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
        try:
            self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            is_complete = error.response["Error"]["Code"] == "NoSuchUpload" and self.size(key)
            if not is_complete:
                raise

    def download_link(self, key: str, *, name: str, lifetime: timedelta) -> str:
        """Return the URL by which a client may fetch an object under a file name."""
        url: str = self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{name}"',
            },
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return url


def raise_unless_missing(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _MISSING:
        raise error


def encode(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode(), 1)


def load(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def decode(kind: type[T], value: Any) -> T:
    problems: list[Problem] = []
    found = from_json(kind, value, "$", problems)
    if found is None:
        raise ValueError(f"A file of a job cannot be read: {problems[0]}")
    return found
