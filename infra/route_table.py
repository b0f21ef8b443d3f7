"""The table of routes in the package of the default route.

A Lambda's environment has 4 KB, less than the routes need.
"""

import json
from pathlib import Path

ROUTES_FILE = "routes.json"
FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"


def route_sources() -> list[Path]:
    """Return the files that decide the routes."""
    manifests = sorted(FUNCTIONS.glob("*/manifest.py"))
    return [Path(__file__), FUNCTIONS / "all.py", FUNCTIONS / "manifest.py", *manifests]


def write_routes(directory: Path) -> None:
    """Write each route with the stages that have it; ``null`` stands for all stages."""
    from functions.all import FEATURES
    from functions.manifest import Endpoint

    routes = {
        entry.route: None if feature.stages is None else sorted(feature.stages)
        for feature in FEATURES
        for entry in feature.functions
        if isinstance(entry, Endpoint)
    }
    (directory / ROUTES_FILE).write_text(json.dumps(routes, separators=(",", ":")), "utf-8")
