"""A valid request of every route by which staff maintain goods, stock, prices and settings."""

from datetime import UTC, datetime, timedelta

from tests.kit.http_api import CUSTOMER
from tests.kit.valid_request import valid

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
NEXT_YEAR = f"{TOMORROW.year + 1}-06-01"

MERGE_PATCH = "application/merge-patch+json"

CSV = """Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Status
bowl,Enamel Bowl,,Title,Default Title,BOWL,9.99,active
"""
UPLOADED_IMPORT = "imp_1"
"""Id of the import whose file is in the bucket."""
# New York as of March 2025. Derived from ejosterberg/open-sales-tax at 4cfd3c2 (Apache-2.0).
LOCAL_RATES = """\
State,ZipCode,TaxRegionName,EstimatedCombinedRate,StateRate,EstimatedCountyRate,EstimatedCityRate,EstimatedSpecialRate
NY,10001,NEW YORK CITY,0.088750,0.040000,0.000000,0.045000,0.003750
"""

CATALOG = (
    valid(
        "POST /staff/products",
        {
            "title": "Enamel Plate",
            "variants": [{"sku": "PLATE", "price": {"amount": 1499, "currency": "USD"}}],
        },
        save={"product": "id", "product_etag": "ETag"},
    ),
    valid("GET /staff/products/{id}", id="$product"),
    valid(
        "PUT /staff/products/{id}",
        {
            "title": "Enamel Plate, large",
            "variants": [{"sku": "PLATE", "price": {"amount": 1499, "currency": "USD"}}],
        },
        id="$product",
        headers={"if-match": "$product_etag"},
        save={"product_version": "version"},
    ),
    valid(
        "PATCH /staff/products/{id}",
        {"brand": "Enamelware", "version": "$product_version"},
        id="$product",
        headers={"content-type": MERGE_PATCH},
    ),
    valid(
        "POST /staff/products/tax-class",
        {"tax_class": "reduced", "products": [{"id": "$product"}]},
    ),
    valid("POST /staff/products/{id}/status", {"status": "in_review"}, id="$product"),
    valid("GET /staff/products", query={"status": "published", "limit": 1}),
    valid("GET /staff/exports/products", query={"currency": "USD"}),
    valid(
        "POST /staff/imports",
        CSV,
        query={"currency": "USD"},
        headers={"content-type": "text/csv"},
    ),
    valid("POST /catalog/search", {"query": "mug"}),
    valid("POST /catalog/lookup", {"ids": ["mug"]}),
    valid("POST /catalog/product", {"id": "mug"}),
    valid("GET /catalog/products", query={"query": "mug", "country": "US"}),
    valid("GET /catalog/products/{id}", id="mug"),
)

JOBS = (
    valid("POST /staff/export-jobs", {"currency": "USD"}, save={"export": "id"}),
    valid("GET /staff/export-jobs/{id}", id="$export"),
    valid("GET /staff/export-jobs/{id}/omitted", id="$export"),
    valid("POST /staff/import-jobs", {"currency": "USD"}),
    valid("POST /staff/import-jobs/{id}/start", id=UPLOADED_IMPORT),
    valid("GET /staff/import-jobs/{id}", id=UPLOADED_IMPORT),
    valid("GET /staff/import-jobs/{id}/rejected", id=UPLOADED_IMPORT),
    valid("POST /staff/import-jobs/{id}/cancel", id=UPLOADED_IMPORT),
)

STOCK = (
    valid("GET /staff/locations"),
    valid("PUT /staff/locations/{name}", {"country": "US", "version": 0}, name="boston"),
    valid("PATCH /staff/locations/{name}", {"priority": 2, "version": 1}, name="boston"),
    valid(
        "PUT /staff/allocation-policy",
        {"preferences": ["nearest"]},
        headers={"if-match": '"0"'},
    ),
    valid(
        "PATCH /staff/allocation-policy",
        {"max_parcels": 3},
        headers={"content-type": MERGE_PATCH, "if-match": '"1"'},
    ),
    valid("GET /staff/stock", query={"sku_prefix": "MUG-"}),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock/{sku}",
        {"on_hand": 900, "version": "$blue"},
        sku="MUG-BLUE",
        save={"blue": "version"},
    ),
    valid("GET /staff/stock-levels", query={"sku": "MUG-BLUE"}),
    valid(
        "POST /staff/stock-movements",
        {"kind": "receive", "sku": "MUG-BLUE", "units": 5, "version": "$blue"},
        save={"blue": "version"},
    ),
    valid(
        "POST /staff/stock-takes",
        {
            "lines": [{"sku": "MUG-BLUE", "on_hand": 900, "version": "$blue"}],
            "reason": "Stock take",
        },
    ),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "POST /staff/stock-transfers",
        {
            "kind": "dispatch",
            "sku": "MUG-BLUE",
            "units": 2,
            "source": "main",
            "target": "boston",
            "version": "$blue",
        },
    ),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock-thresholds",
        {"sku": "MUG-BLUE", "low_stock_threshold": 100_000, "version": "$blue"},
    ),
    valid("GET /staff/low-stock"),
    valid("GET /staff/stock-journal", query={"sku": "MUG-BLUE"}),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock-terms/{sku}",
        {"kind": "back_order", "limit": 5, "ships_from": NEXT_YEAR, "version": "$blue"},
        sku="MUG-BLUE",
        save={"terms": "version"},
    ),
    valid("PATCH /staff/stock-terms/{sku}", {"limit": 6, "version": "$terms"}, sku="MUG-BLUE"),
    valid("GET /staff/stock-terms/{sku}", sku="MUG-BLUE"),
    valid(
        "PUT /staff/kits/{sku}",
        {"parts": [{"sku": "MUG-RED", "quantity": 2}], "version": 0},
        sku="BOWL",
        save={"kit": "version"},
    ),
    valid(
        "PATCH /staff/kits/{sku}",
        {"parts": [{"sku": "MUG-RED", "quantity": 3}], "version": "$kit"},
        sku="BOWL",
    ),
    valid("GET /staff/kits/{sku}", sku="BOWL"),
)

PRICING = (
    valid("GET /staff/pricing-policy", save={"policy": "version"}),
    valid(
        "PUT /staff/pricing-policy",
        {
            "groups": [{"id": "default"}],
            "rounding": "half_up",
            "tax_by": "line",
            "version": "$policy",
        },
        save={"policy": "version"},
    ),
    valid("PATCH /staff/pricing-policy", {"tax_by": "unit", "version": "$policy"}),
    valid(
        "POST /staff/price-lists",
        {
            "id": "trade",
            "currency": "USD",
            "entries": [{"article": "mug.1", "price": 1199}],
        },
        save={"list": "version"},
    ),
    valid("GET /staff/price-lists"),
    valid("GET /staff/price-lists/{id}", id="trade"),
    valid(
        "PUT /staff/price-lists/{id}",
        {
            "currency": "USD",
            "entries": [{"article": "mug.1", "price": 1099}],
            "version": "$list",
        },
        id="trade",
        save={"list": "version"},
    ),
    valid("PATCH /staff/price-lists/{id}", {"priority": 50, "version": "$list"}, id="trade"),
    valid(
        "POST /staff/promotions",
        {
            "id": "spring",
            "title": "Spring",
            "effect": {"kind": "percent_off", "off_ppm": 100_000},
            "code_required": True,
        },
        save={"promotion": "version"},
    ),
    valid(
        "PUT /staff/promotions/{id}",
        {
            "title": "Spring sale",
            "effect": {"kind": "percent_off", "off_ppm": 150_000},
            "code_required": True,
            "version": "$promotion",
        },
        id="spring",
        save={"promotion": "version"},
    ),
    valid(
        "PATCH /staff/promotions/{id}",
        {"effect": {"off_ppm": 200_000}, "version": "$promotion"},
        id="spring",
        save={"promotion": "version"},
    ),
    valid("GET /staff/promotions"),
    valid("GET /staff/promotions/{id}", id="spring"),
    valid(
        "POST /staff/promotions/{id}/schedule",
        {"version": "$promotion"},
        id="spring",
        save={"promotion": "version"},
    ),
    valid(
        "POST /staff/coupons",
        {"id": "spring", "promotion_id": "spring"},
        save={"coupon": "version"},
    ),
    valid("GET /staff/coupons"),
    valid("GET /staff/coupons/{id}", id="spring"),
    valid(
        "PUT /staff/coupons/{id}",
        {"id": "spring", "promotion_id": "spring", "quantity": 1_000, "version": "$coupon"},
        id="spring",
        save={"coupon": "version"},
    ),
    valid(
        "PATCH /staff/coupons/{id}",
        {"quantity": 2_000, "version": "$coupon"},
        id="spring",
        save={"coupon": "version"},
    ),
    valid("POST /staff/coupons/{id}/codes", {"count": 2}, id="spring"),
    valid("GET /staff/coupons/{id}/codes", id="spring"),
    valid("POST /staff/coupons/{id}/end", {"version": "$coupon"}, id="spring"),
    valid("GET /staff/markets", save={"markets": "markets", "markets_version": "version"}),
    valid(
        "PUT /staff/markets",
        {"markets": "$markets", "reason": "Reviewed", "version": "$markets_version"},
        save={"markets_version": "version"},
    ),
    valid(
        "PATCH /staff/markets",
        {"markets": "$markets", "version": "$markets_version"},
    ),
    valid("POST /staff/checkout-simulations", {"lines": [{"item": "mug.1", "quantity": 1}]}),
    valid("GET /staff/price-history/{id}", id="mug.1"),
    valid("GET /staff/customers/{id}/groups", id=CUSTOMER),
    valid("PUT /staff/customers/{id}/groups", {"groups": ["trade"], "version": 0}, id=CUSTOMER),
    valid("PATCH /staff/customers/{id}/groups", {"segments": ["vip"], "version": 1}, id=CUSTOMER),
    valid("POST /staff/promotions/{id}/end", {"version": "$promotion"}, id="spring"),
)

BOLIVIAN_RATE = {"tax_class": "standard", "name": "IVA", "since": NEXT_YEAR}
"""It begins later, so that a second request may change it."""

SETTINGS = (
    valid("GET /staff/tax-rates"),
    valid(
        "PUT /staff/tax-rates/{country}",
        {"rates": [{**BOLIVIAN_RATE, "rate_ppm": 190_000}], "version": 0},
        country="BO",
    ),
    valid(
        "PATCH /staff/tax-rates/{country}",
        {"rates": [{**BOLIVIAN_RATE, "rate_ppm": 130_000}], "version": 1},
        country="BO",
    ),
    valid("GET /staff/tax-rates/{country}", country="BO"),
    valid(
        "POST /staff/untaxed-decisions",
        {"reason": "Not registered here", "countries": [{"country": "CH"}, {"country": "NO"}]},
    ),
    valid("GET /staff/local-tax-rates/{state}", state="NY", save={"local_etag": "ETag"}),
    valid(
        "PUT /staff/local-tax-rates/{state}",
        LOCAL_RATES,
        state="NY",
        headers={"content-type": "text/csv", "if-match": "$local_etag"},
        save={"local_etag": "ETag"},
    ),
    valid("GET /staff/local-tax-rates/{state}", state="NY", query={"postal_code": "10001"}),
    valid("GET /staff/shipping", save={"shipping": "version"}),
    valid(
        "PUT /staff/shipping",
        {
            "zones": [{"id": "us", "countries": ["US"]}],
            "methods": [
                {
                    "id": "us-standard",
                    "zone": "us",
                    "title": "Standard",
                    "carrier": "ups",
                    "flat": [{"amount": 0, "currency": "USD"}],
                    "days": [2, 5],
                }
            ],
            "version": "$shipping",
        },
        save={"shipping": "version"},
    ),
    valid(
        "PATCH /staff/shipping",
        {"zones": [{"id": "us", "countries": ["US"]}], "version": "$shipping"},
    ),
    valid("GET /staff/shipping/history"),
    valid(
        "POST /staff/shipping/try",
        {
            "to": {"country": "US", "region": "IL", "postal_code": "62701"},
            "items": [{"quantity": 1}],
            "value": {"amount": 1299, "currency": "USD"},
        },
    ),
    valid("GET /staff/switches"),
    valid("PUT /staff/switches/{switch}", {"on": False, "reason": "Maintenance"}, switch="catalog"),
    valid("PUT /staff/switches/{switch}", {"on": True, "reason": "Done"}, switch="catalog"),
    valid("GET /staff/switch-changes"),
    valid("GET /staff/waiting-rooms"),
)
