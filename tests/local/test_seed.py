"""`make up SAMPLES=no`: a shop without the sample products."""

import json
from pathlib import Path
from typing import Any

import pytest

from local import seed
from local.cloud import Cloud
from local.http_actors import HttpClient, HttpResponse
from local.processes import CloudError
from tests.unit.catalog.test_files import read, read_yaml


class Staff(HttpClient):
    """The staff API of a shop with these products, as status and version by id."""

    def __init__(self, **products: tuple[str, int]) -> None:
        super().__init__("http://shop.test")
        self.products = products
        self.archived: list[tuple[str, Any]] = []

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        method, path = route.split(" ", 1)
        product_id = path.split("/")[3]
        if product_id not in self.products:
            return HttpResponse(404, {}, '{"code": "not_found"}')
        status, version = self.products[product_id]
        if method == "POST":
            self.archived.append((product_id, body))
        return HttpResponse(200, {}, json.dumps({"status": status, "version": version}))


def test_every_sample_product_is_known_by_its_id() -> None:
    products = read_yaml((seed.SAMPLES / "products.yaml").read_text())
    variants = read((seed.SAMPLES / "variants.csv").read_text())
    imported = [entry.product_id for entry in (*products.entries, *variants.entries)]
    assert seed.sample_ids() == imported


def test_samples_on_sale_are_archived_and_others_stay() -> None:
    staff = Staff(one=("published", 3), two=("draft", 1), three=("archived", 5))
    assert seed.archive(staff, ["one", "two", "three", "never-created"]) == 2
    assert staff.archived == [
        ("one", {"status": "archived", "version": 3}),
        ("two", {"status": "archived", "version": 1}),
    ]


def test_failed_request_names_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    staff = Staff()
    monkeypatch.setattr(staff, "request", lambda *a, **b: HttpResponse(503, {}, "down"))
    with pytest.raises(CloudError, match="one returned 503"):
        seed.archive(staff, ["one"])


def test_choice_of_samples_holds_for_later_starts(tmp_path: Path) -> None:
    def cloud(samples: bool | None = None) -> Cloud:
        made = Cloud(tmp_path, stage="test", port=0, quiet=True, samples=samples)
        made._store_settings()
        return made

    assert cloud().has_samples
    assert not cloud(samples=False).has_samples
    assert not cloud().has_samples
    assert cloud(samples=True).has_samples
    assert cloud().has_samples
