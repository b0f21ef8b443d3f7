"""Seed a shop with a staff user, a customer, and sample products.

Runs after a deployment to the local stage. A second run changes nothing: existing products keep
the staff's changes and their stock.
"""

import os
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
    seed(cloud)


def seed(cloud: Cloud) -> int:
    """Create users, products and stock. Returns the number of sample products."""
    sign_up(cloud, STAFF, STAFF_PASSWORD, "staff", "catalog", "fulfilment", "admin")
    sign_up(cloud, CUSTOMER, CUSTOMER_PASSWORD)
    staff = HttpClient(cloud.url, sign_in(cloud, STAFF, STAFF_PASSWORD, staff=True))
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
