"""Update deployed stacks of the emulator when only packages or addresses changed.

A change of code changes packages, and in the templates nothing but their hashes. The stacks, their
order and their resources stay, so the CDK CLI has nothing to decide: the changed packages are
uploaded, and the changed stacks are updated in parallel.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.processes import CloudError

ACCOUNT = "000000000000"
REGION = "us-east-1"
MAX_INLINE = 51_200
"""Bytes of a template that CloudFormation accepts in a request; a larger one is uploaded."""
TIMEOUT_SECONDS = 300
PARALLEL = 4

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
FINAL = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")


class StackUpdates:
    """The difference between the deployed assembly and a new one with the same stacks."""

    def __init__(self, client: Callable[[str], Any], earlier: Path, assembly: Path) -> None:
        self._client = client
        self._assembly = assembly
        self.changed = [
            file.name.removesuffix(".template.json")
            for file in sorted(assembly.glob("*.template.json"))
            if file.read_bytes() != (earlier / file.name).read_bytes()
        ]

    def run(self) -> None:
        """Upload the packages and update the stacks. Raises :class:`CloudError`."""
        s3, cloudformation = self._client("s3"), self._client("cloudformation")
        for bucket, key, source in sorted(set(self._uploads())):
            if not _exists(s3, bucket, key):
                body = _zipped(source) if source.is_dir() else source.read_bytes()
                s3.put_object(Bucket=bucket, Key=key, Body=body)
        with ThreadPoolExecutor(PARALLEL) as pool:
            for _ in pool.map(lambda name: self._update(cloudformation, name), self.changed):
                pass

    def _uploads(self) -> Iterator[tuple[str, str, Path]]:
        """Yield bucket, key and source of each file that a changed stack needs."""
        for name in self.changed:
            assets = json.loads((self._assembly / f"{name}.assets.json").read_text())
            for file in assets["files"].values():
                (destination,) = file["destinations"].values()
                source = self._assembly / file["source"]["path"]
                yield _in_this_account(destination["bucketName"]), destination["objectKey"], source

    def _update(self, cloudformation: Any, name: str) -> None:
        template = self._assembly / f"{name}.template.json"
        if template.stat().st_size <= MAX_INLINE:
            source = {"TemplateBody": template.read_text()}
        else:
            source = {"TemplateURL": self._template_url(name)}
        try:
            cloudformation.update_stack(StackName=name, Capabilities=CAPABILITIES, **source)
        except cloudformation.exceptions.ClientError as error:
            if "No updates are to be performed" in str(error):
                return  # an interrupted run updated it already
            raise
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
            if stack["StackStatus"] in FINAL:
                break
            if time.monotonic() > deadline:
                raise CloudError(f"{name} was not updated within {TIMEOUT_SECONDS} s.")
            time.sleep(0.2)
        if stack["StackStatus"] != "UPDATE_COMPLETE":
            reason = stack.get("StackStatusReason", "without a reason")
            raise CloudError(f"{name} was not updated: {stack['StackStatus']}, {reason}")

    def _template_url(self, name: str) -> str:
        manifest = json.loads((self._assembly / "manifest.json").read_text())
        url = _in_this_account(
            manifest["artifacts"][name]["properties"]["stackTemplateAssetObjectUrl"]
        )
        bucket, _, key = url.removeprefix("s3://").partition("/")
        return f"https://s3.{REGION}.amazonaws.com/{bucket}/{key}"


def _in_this_account(text: str) -> str:
    return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True


def _zipped(folder: Path) -> bytes:
    """Return the folder as a zip file, the same for the same content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(folder)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
    return out.getvalue()
