"""The cloud assembly of this working copy, made from templates with placeholders.

:mod:`infra.synthesis` writes the templates of a stage once for the same manifests and stacks.
Packages are placeholders in them, and addresses the default ones. :func:`link` puts the present
packages and addresses in their place, so that a change of code needs no synthesis.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from functions.all import FEATURES
from infra.constructs.asset_packages import AssetPackage, AssetPackages
from infra.stages import DEFAULT_ENDPOINT, DEFAULT_URL

TEMPLATE, ASSETS = ".template.json", ".assets.json"


def link(templates: Path, target: Path, *, url: str, endpoint: str) -> None:
    """Write a deployable assembly of ``templates`` into the new folder ``target``."""
    texts = {file.name: file.read_text() for file in sorted(templates.glob("*.json"))}
    values = _values("".join(texts.values()), url=url, endpoint=endpoint)
    linked = {name: _filled(text, values) for name, text in texts.items()}
    # The CLI uploads a template under the digest of its content, and skips one it has seen.
    renamed = dict(_template_hashes(linked))
    target.mkdir()
    for name, text in linked.items():
        content = text if name.endswith(TEMPLATE) else _filled(text, renamed)
        (target / name).write_text(content)
    (target / "cdk.out").write_bytes((templates / "cdk.out").read_bytes())


def _values(text: str, *, url: str, endpoint: str) -> dict[str, str]:
    """Return the value of each placeholder in the text."""
    values = {DEFAULT_URL: url, DEFAULT_ENDPOINT: endpoint}
    real, hollow = AssetPackages(), AssetPackages(hollow=True)
    for feature in FEATURES:
        if hollow.functions(feature.name).hash in text:
            values |= _package_values(hollow.functions(feature.name), real.functions(feature.name))
    values |= _package_values(hollow.shared(), real.shared())
    if hollow.dependencies().hash in text:
        values |= _package_values(hollow.dependencies(), real.dependencies())
    return values


def _package_values(hollow: AssetPackage, real: AssetPackage) -> dict[str, str]:
    """Return the values for one package. Releases and versions contain the start of its hash."""
    lengths = (len(hollow.hash), 12, 8)
    return {str(hollow.path): str(real.path)} | {
        hollow.hash[:length]: real.hash[:length] for length in lengths
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Replace all keys in one pass, the longest first: a filled value is never replaced again."""
    longest_first = sorted(values, key=len, reverse=True)
    pattern = "|".join(map(re.escape, longest_first))
    return re.sub(pattern, lambda found: values[found[0]], text)


def _template_hashes(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the digest that the CDK noted for each template, and its present digest."""
    for name, text in texts.items():
        if name.endswith(ASSETS):
            for noted, file in json.loads(text)["files"].items():
                path = file["source"]["path"]
                if path.endswith(TEMPLATE):
                    yield noted, hashlib.sha256(texts[path].encode()).hexdigest()
