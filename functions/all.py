"""All Lambdas of the shop by feature. Every folder with a manifest is a feature."""

from importlib import import_module
from pathlib import Path

from functions.manifest import Feature


def _features() -> tuple[Feature, ...]:
    manifests = sorted(Path(__file__).parent.glob("*/manifest.py"))
    return tuple(import_module(f"functions.{m.parent.name}.manifest").FEATURE for m in manifests)


FEATURES: tuple[Feature, ...] = _features()
