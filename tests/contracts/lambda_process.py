"""What has to run as a Lambda runs: in a process with exactly the environment it is given.

Started as a program of its own (``python inside.py doors|models|refusals``), it reads JSON from
standard input and writes JSON to standard output. Libraries are imported once and each Lambda in a
fork of that process, so that seventy cold starts take seconds.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("boto3", "pydantic", "pynamodb.models", "aws_lambda_powertools")

LAMBDA = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "contract",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What Lambda itself adds to a function's environment."""

KNOWN = {
    "${AWS::Region}": "us-east-1",
    "${AWS::AccountId}": "123456789012",
    "${AWS::Partition}": "aws",
    "${AWS::URLSuffix}": "amazonaws.com",
}


def asked(what: str, question: Any) -> Any:
    """Run this file as a program, as Lambda would have it: no project root on the path."""
    run = subprocess.run(
        [sys.executable, "-I", str(Path(__file__)), what],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """A template's environment with the names of region and account filled in."""
    filled = {}
    for name, value in given.items():
        filled[name] = value
        for unknown, known in KNOWN.items():
            filled[name] = filled[name].replace(unknown, known)
    return filled


def _handlers(environments: dict[str, dict[str, str]]) -> dict[str, str]:
    """Handler → why it cannot be started; those that can are left out."""
    for library in LIBRARIES:
        importlib.import_module(library)
    refused = {}
    for handler, given in environments.items():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os.write(writer, _started(handler, given).encode()[-4000:])
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            output = pipe.read()
        os.waitpid(child, 0)
        if output != "started":
            refused[handler] = output
    return refused


def _started(handler: str, given: dict[str, str]) -> str:
    os.environ.clear()
    os.environ.update(LAMBDA | given)
    module, _, name = handler.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except BaseException:  # noqa: BLE001 - whatever keeps it from starting is the answer
        return traceback.format_exc(limit=-3)
    return "started" if callable(found) else f"{handler} is not callable"


def _everything_of_the_shop(given: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(LAMBDA | given)
    import shop

    for module in pkgutil.walk_packages(shop.__path__, "shop."):
        importlib.import_module(module.name)


def _models(given: dict[str, str]) -> list[dict[str, Any]]:
    """Every PynamoDB model of the shop: table, keys, indexes."""
    _everything_of_the_shop(given)
    from pynamodb.models import Model

    found = []
    for each in _below(Model):
        model: Any = each
        meta = getattr(model, "Meta", None)
        if meta is None or not getattr(meta, "table_name", None):
            continue
        attributes = model.get_attributes()
        indexes = {}
        for index in model._indexes.values():
            indexes[index.Meta.index_name] = {
                **_keys(index.Meta.attributes),
                "projection": index.Meta.projection.projection_type,
                "carries": sorted(index.Meta.projection.non_key_attributes or ()),
            }
        found.append(
            {
                "model": f"{model.__module__}.{model.__qualname__}",
                "table": meta.table_name,
                **_keys(attributes),
                "attributes": sorted(a.attr_name for a in attributes.values()),
                "indexes": indexes,
            }
        )
    return found


def _keys(attributes: Mapping[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {"hash": None, "range": None, "types": {}}
    for attribute in attributes.values():
        if attribute.is_hash_key or attribute.is_range_key:
            keys["hash" if attribute.is_hash_key else "range"] = attribute.attr_name
            keys["types"][attribute.attr_name] = attribute.attr_type
    return keys


def _errors(given: dict[str, str]) -> dict[str, int | None]:
    """Every leaf class of error, wherever it is declared, and the HTTP status it has."""
    _everything_of_the_shop(given)
    from shop.entrypoints.fault_mapping import http_status
    from shop.kernel.errors import ShopError

    planted = os.environ.get("PLANTED_ERROR")
    if planted:
        type(planted, (ShopError,), {"__module__": "planted"})
    statuses: dict[str, int | None] = {}
    for error in _below(ShopError):
        if not error.__subclasses__():
            try:
                statuses[f"{error.__module__}.{error.__qualname__}"] = http_status(error)
            except LookupError:
                statuses[f"{error.__module__}.{error.__qualname__}"] = None
    return statuses


def _below(root: type[Any]) -> list[type[Any]]:
    found: list[type[Any]] = []
    children: list[type[Any]] = root.__subclasses__()
    for child in children:
        found += [child, *_below(child)]
    return found


if __name__ == "__main__":
    # As in a Lambda: the functions' folder is the root, the shop comes from its layer.
    sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "layers" / "shared" / "python")]
    ANSWERS: dict[str, Callable[[Any], Any]] = {
        "handlers": _handlers,
        "models": _models,
        "errors": _errors,
    }
    json.dump(ANSWERS[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
