"""Code that must run as in a Lambda: in a process with exactly the environment of its template.

As a program (``python lambda_process.py handlers|models|errors``) it reads JSON from standard input
and writes JSON to standard output. It imports the libraries, and the modules of the shop that need
no environment, once, and the rest of each Lambda in a fork, so that a hundred cold starts take
seconds.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
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
"""Variables that Lambda adds to a function's environment."""

PSEUDO_PARAMETERS = {
    "${AWS::Region}": "us-east-1",
    "${AWS::AccountId}": "123456789012",
    "${AWS::Partition}": "aws",
    "${AWS::URLSuffix}": "amazonaws.com",
}


def run_in_lambda_process(command: str, value: Any) -> Any:
    """Run a command of this program in a new process without the project root on the path."""
    run = subprocess.run(
        [sys.executable, "-I", str(Path(__file__)), command],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a template's environment with region and account filled in."""
    filled = dict(variables)
    for parameter, value in PSEUDO_PARAMETERS.items():
        filled = {name: text.replace(parameter, value) for name, text in filled.items()}
    return filled


def _start_handlers(environments: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the handlers that cannot be started, with the reason."""
    for library in LIBRARIES:
        importlib.import_module(library)
    _import_what_needs_no_environment()
    failed = {}
    for handler, variables in environments.items():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os.write(writer, _start(handler, variables).encode()[-4000:])
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            outcome = pipe.read()
        os.waitpid(child, 0)
        if outcome != "started":
            failed[handler] = outcome
    return failed


def _import_what_needs_no_environment() -> None:
    """Import all modules of the shop that an empty environment satisfies.

    Any environment satisfies them, so a fork may share them. The others fail here without a trace,
    and each fork imports them with its own environment.
    """
    os.environ.clear()
    import shop

    for module in pkgutil.walk_packages(shop.__path__, "shop.", onerror=lambda _: None):
        with suppress(KeyError):
            importlib.import_module(module.name)


def _start(handler: str, variables: dict[str, str]) -> str:
    os.environ.clear()
    os.environ.update(LAMBDA | variables)
    module, _, name = handler.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except BaseException:  # noqa: BLE001  any error of the import is the result
        return traceback.format_exc(limit=-3)
    return "started" if callable(found) else f"{handler} is not callable"


def _import_whole_shop(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(LAMBDA | variables)
    import shop

    for module in pkgutil.walk_packages(shop.__path__, "shop."):
        importlib.import_module(module.name)


def _describe_models(variables: dict[str, str]) -> list[dict[str, Any]]:
    """Return table, keys and indexes of every PynamoDB model of the shop."""
    _import_whole_shop(variables)
    from pynamodb.models import Model

    found = []
    for each in _subclasses(Model):
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
                "projected": sorted(index.Meta.projection.non_key_attributes or ()),
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


def _error_statuses(variables: dict[str, str]) -> dict[str, int | None]:
    """Return the HTTP status of every leaf class of ShopError."""
    _import_whole_shop(variables)
    from shop.entrypoints.fault_mapping import http_status
    from shop.kernel.errors import ShopError

    planted = os.environ.get("PLANTED_ERROR")
    if planted:
        type(planted, (ShopError,), {"__module__": "planted"})
    statuses: dict[str, int | None] = {}
    for error in _subclasses(ShopError):
        if not error.__subclasses__():
            name = f"{error.__module__}.{error.__qualname__}"
            try:
                statuses[name] = http_status(error)
            except LookupError:
                statuses[name] = None
    return statuses


def _subclasses(root: type[Any]) -> list[type[Any]]:
    found: list[type[Any]] = []
    children: list[type[Any]] = root.__subclasses__()
    for child in children:
        found += [child, *_subclasses(child)]
    return found


if __name__ == "__main__":
    # As in a Lambda, the functions folder is the root, and the shop comes from its layer.
    sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "layers" / "shared" / "python")]
    COMMANDS: dict[str, Callable[[Any], Any]] = {
        "handlers": _start_handlers,
        "models": _describe_models,
        "errors": _error_statuses,
    }
    json.dump(COMMANDS[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
