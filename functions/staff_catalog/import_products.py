"""POST /staff/imports: take in a product file, Shopify's CSV or YAML, with its opening stock."""

from shop.catalog.actions.importing import import_entries
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.files import LARGEST_FILE, read_file, terms_asked
from shop.catalog.wire.keeping import ImportReport
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock

catalogue = DynamoCatalogue()
stock = DynamoStock()


@endpoint(body_limit=LARGEST_FILE)
def handler(request: Request[None]) -> ImportReport:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = read_file(request.raw, kind, terms_asked(request.query))
    done = import_entries(read.entries, catalogue=catalogue, at=request.at)
    counts = {s: n for e in read.entries if e.product_id in done.kept for s, n in e.counts.items()}
    actor = request.caller.username or request.caller.owner
    opened = stock.open(counts, actor=actor, reason="product import", at=request.at)
    return ImportReport.of(done, read.rejected, len(opened), len(counts), list(read.notices))
