"""Seed a shop with a staff user, a customer, and sample products.

Runs after a deployment to the local stage. A second run changes nothing: existing products keep
the staff's changes and their stock. With ``--archive`` it creates no sample products, and archives
those of earlier runs.
"""

import argparse
import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

from local.cloud import CLOUD_HOME, Cloud
from local.http_actors import HttpClient, sign_in, sign_up
from local.processes import CloudError

STAFF = "staff@doorbuster.example"
STAFF_PASSWORD = "Doorbuster-staff-1"  # noqa: S105  of a user on this laptop only
CUSTOMER = "jane@doorbuster.example"
CUSTOMER_PASSWORD = "Doorbuster-jane-1"  # noqa: S105  the same

SAMPLES = Path(__file__).parent / "samples"
KINDS = {".yaml": "application/yaml", ".csv": "text/csv"}


def main() -> None:
    cloud = Cloud(Path(os.environ.get("DOORBUSTER_HOME", CLOUD_HOME)), quiet=True)
    if cloud.stage not in ("local", "test"):
        raise CloudError(f"Stage {cloud.stage} must not have users with known passwords.")
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=__doc__)
    parser.add_argument("--archive", action="store_true", help="archive the sample products")
    staff = create_users(cloud)
    if parser.parse_args().archive:
        archive(staff, sample_ids())
    else:
        create_samples(staff)


def create_users(cloud: Cloud) -> HttpClient:
    """Create a staff user and a customer, and return a client of the staff user."""
    sign_up(cloud, STAFF, STAFF_PASSWORD, "staff", "catalog", "fulfilment", "admin")
    sign_up(cloud, CUSTOMER, CUSTOMER_PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, STAFF, STAFF_PASSWORD, staff=True))


def sample_ids() -> list[str]:
    """Return the ids of the sample products: those of the YAML file, and handles of the CSV."""
    ids = re.findall(r"^- id: (\S+)$", (SAMPLES / "products.yaml").read_text("utf-8"), re.MULTILINE)
    with (SAMPLES / "variants.csv").open(encoding="utf-8", newline="") as file:
        ids += [row["Handle"] for row in csv.DictReader(file)]
    return list(dict.fromkeys(ids))


def archive(staff: HttpClient, products: Sequence[str]) -> int:
    """Archive the products that exist and are not archived. Returns their number.

    Raises :class:`CloudError` if the shop rejects a request.
    """
    count = 0
    for product in products:
        reply = staff.request(f"GET /staff/products/{product}")
        if reply.status == 404 or (reply.status == 200 and reply.body["status"] == "archived"):
            continue
        if reply.status == 200:
            change = {"status": "archived", "version": reply.body["version"]}
            reply = staff.request(f"POST /staff/products/{product}/status", change)
        if reply.status >= 300:
            raise CloudError(
                f"The archiving of {product} returned {reply.status}: {reply.text[:500]}"
            )
        count += 1
    return count


def create_samples(staff: HttpClient) -> int:
    """Import the sample products with their stock. Returns their number."""
    total = 0
    for file in sorted(SAMPLES.iterdir()):
        kind = KINDS.get(file.suffix)
        if kind is None:
            continue
        reply = staff.request(
            "POST /staff/imports?currency=USD",
            raw=file.read_bytes(),
            headers={"Content-Type": kind},
        )
        if reply.status >= 300 or reply.body["rejected"]:
            raise CloudError(
                f"The import of {file.name} returned {reply.status}: {reply.text[:500]}"
            )
        total += sum(reply.body[name] for name in ("created", "changed", "unchanged"))
    return total


if __name__ == "__main__":
    main()
