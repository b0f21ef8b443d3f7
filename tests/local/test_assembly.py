"""A cloud assembly is linked: packages, addresses and digests replace their placeholders."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from functions.all import FEATURES
from infra import synthesis
from infra.constructs.asset_packages import AssetPackage, AssetPackages
from infra.stages import DEFAULT_ENDPOINT, DEFAULT_URL
from local.assembly import link

URL, ENDPOINT = "http://127.0.0.1:18000", "http://127.0.0.1:14566"
GROUP = FEATURES[0].name


def unbuilt_package(self: AssetPackages, name: str, *_: Any) -> AssetPackage:
    """Return a package without building it: its hash is the digest of its name."""
    digest = hashlib.sha256(f"real {name}".encode()).hexdigest()
    return AssetPackage(Path("/packages") / name, digest)


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """Write a synthesized stack with one Lambda, whose packages are placeholders."""
    hollow = AssetPackages(hollow=True)
    code, layer = hollow.functions(GROUP), hollow.shared()
    folder = tmp_path / "templates"
    folder.mkdir()
    template = json.dumps(
        {
            "Code": f"{code.hash}.zip",
            "Layer": f"{layer.hash}.zip",
            "RELEASE": layer.hash[:12],
            "Version": f"Version0123{code.hash[:8]}{layer.hash[:8]}",
            "SHOP_URL": DEFAULT_URL,
            "TOKEN_KEYS": f"{DEFAULT_ENDPOINT}/keys",
        }
    )
    (folder / "cart.template.json").write_text(template)
    noted = hashlib.sha256(template.encode()).hexdigest()
    files = {
        code.hash: {"source": {"path": str(code.path)}},
        noted: {"source": {"path": "cart.template.json"}},
    }
    (folder / "cart.assets.json").write_text(json.dumps({"files": files}))
    (folder / "manifest.json").write_text(json.dumps({"url": f"s3://assets/{noted}.json"}))
    (folder / "cdk.out").write_text("{}")
    return folder


@pytest.fixture
def linked(templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hollow = AssetPackages._package

    def package(self: AssetPackages, name: str, *rest: Any) -> AssetPackage:
        return (hollow if self.hollow else unbuilt_package)(self, name, *rest)

    monkeypatch.setattr(AssetPackages, "_package", package)
    link(templates, tmp_path / "linked", url=URL, endpoint=ENDPOINT)
    return tmp_path / "linked"


def test_packages_and_addresses_replace_their_placeholders(linked: Path) -> None:
    code, layer = AssetPackages().functions(GROUP), AssetPackages().shared()
    assert json.loads((linked / "cart.template.json").read_text()) == {
        "Code": f"{code.hash}.zip",
        "Layer": f"{layer.hash}.zip",
        "RELEASE": layer.hash[:12],
        "Version": f"Version0123{code.hash[:8]}{layer.hash[:8]}",
        "SHOP_URL": URL,
        "TOKEN_KEYS": f"{ENDPOINT}/keys",
    }


def test_assets_name_the_real_package_and_the_new_digest_of_the_template(linked: Path) -> None:
    code = AssetPackages().functions(GROUP)
    digest = hashlib.sha256((linked / "cart.template.json").read_bytes()).hexdigest()
    assert json.loads((linked / "cart.assets.json").read_text())["files"] == {
        code.hash: {"source": {"path": str(code.path)}},
        digest: {"source": {"path": "cart.template.json"}},
    }
    assert json.loads((linked / "manifest.json").read_text())["url"] == f"s3://assets/{digest}.json"


def test_change_of_a_manifest_needs_a_synthesis_and_change_of_code_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "cdk.json",
        "infra/app.py",
        "functions/manifest.py",
        "functions/cart/manifest.py",
        "functions/cart/create_cart.py",
        "layers/shared/python/shop/cart/model.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    monkeypatch.setattr(synthesis, "ROOT", tmp_path)
    before = synthesis.inputs_digest()
    (tmp_path / "functions/cart/create_cart.py").write_text("2\n")
    (tmp_path / "layers/shared/python/shop/cart/model.py").write_text("2\n")
    assert synthesis.inputs_digest() == before
    for name in ("cdk.json", "infra/app.py", "functions/cart/manifest.py"):
        (tmp_path / name).write_text("2\n")
        assert synthesis.inputs_digest() != before
        before = synthesis.inputs_digest()
