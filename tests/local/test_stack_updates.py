"""Only those stacks of the emulator are updated whose templates changed."""

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.processes import CloudError
from local.stack_updates import MAX_INLINE, StackUpdates

BUCKET = "assets-000000000000-us-east-1"


class ClientError(Exception):
    """An error like botocore's, with the code of the service."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.response = {"Error": {"Code": code}}


class Aws:
    """The calls of S3 and CloudFormation that an update makes."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.updates: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, list[str]] = {}
        self.current: set[str] = set()

    def head_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803 - AWS's names
        if Key not in self.objects:
            raise ClientError("404")

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        assert Bucket == BUCKET
        self.objects[Key] = Body

    def update_stack(self, *, StackName: str, **request: Any) -> None:  # noqa: N803
        if StackName in self.current:
            raise ClientError("ValidationError", "No updates are to be performed.")
        self.updates[StackName] = request

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        following = self.statuses.setdefault(StackName, ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
        status = following.pop(0) if len(following) > 1 else following[0]
        return {"Stacks": [{"StackStatus": status, "StackStatusReason": "no capacity"}]}


@pytest.fixture
def assemblies(tmp_path: Path) -> tuple[Path, Path]:
    """Write two assemblies of the stacks ``cart`` and ``orders``; ``cart`` has a new package."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "create_cart.py").write_text("handler = max\n")
    for name, key in (("earlier", "old"), ("new", "new")):
        folder = tmp_path / name
        folder.mkdir()
        write(folder, "cart", key, package)
        write(folder, "orders", "same", package)
    return tmp_path / "earlier", tmp_path / "new"


def write(folder: Path, stack: str, key: str, package: Path, size: int = 0) -> None:
    """Write a stack's template of at least ``size`` bytes, and its assets."""
    (folder / f"{stack}.template.json").write_text(json.dumps({"Key": key, "Filler": "x" * size}))
    bucket = "assets-${AWS::AccountId}-${AWS::Region}"
    files = {
        key: {
            "source": {"path": str(package)},
            "destinations": {"d": {"bucketName": bucket, "objectKey": f"{key}.zip"}},
        },
        "t": {
            "source": {"path": f"{stack}.template.json"},
            "destinations": {"d": {"bucketName": bucket, "objectKey": f"{key}.json"}},
        },
    }
    (folder / f"{stack}.assets.json").write_text(json.dumps({"files": files}))
    url = f"s3://{bucket}/{key}.json"
    artifact = {"properties": {"stackTemplateAssetObjectUrl": url}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {stack: artifact}}))


def test_only_the_changed_stack_is_updated_and_its_package_uploaded(
    assemblies: tuple[Path, Path],
) -> None:
    aws = Aws()
    updates = StackUpdates(lambda _: aws, *assemblies)
    assert updates.changed == ["cart"]
    updates.run()
    assert set(aws.objects) == {"new.zip", "new.json"}
    with zipfile.ZipFile(io.BytesIO(aws.objects["new.zip"])) as package:
        assert package.read("create_cart.py") == b"handler = max\n"
    assert json.loads(aws.updates.pop("cart")["TemplateBody"])["Key"] == "new"
    assert aws.updates == {}


def test_large_template_is_uploaded_first(assemblies: tuple[Path, Path]) -> None:
    _, new = assemblies
    write(new, "cart", "new", new.parent / "package", size=MAX_INLINE)
    aws = Aws()
    StackUpdates(lambda _: aws, *assemblies).run()
    assert aws.updates["cart"]["TemplateURL"] == (
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/new.json"
    )


def test_stack_that_an_interrupted_run_updated_is_accepted(
    assemblies: tuple[Path, Path],
) -> None:
    aws = Aws()
    aws.current.add("cart")
    aws.objects["new.zip"] = b"uploaded"
    StackUpdates(lambda _: aws, *assemblies).run()
    assert aws.updates == {}
    assert aws.objects["new.zip"] == b"uploaded"


def test_update_that_is_rolled_back_is_an_error_with_its_reason(
    assemblies: tuple[Path, Path],
) -> None:
    aws = Aws()
    aws.statuses["cart"] = ["UPDATE_ROLLBACK_COMPLETE"]
    with pytest.raises(
        CloudError, match="cart was not updated: UPDATE_ROLLBACK_COMPLETE, no capacity"
    ):
        StackUpdates(lambda _: aws, *assemblies).run()
