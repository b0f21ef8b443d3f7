"""Endpoints and the schedule of product administration."""

from functions.manifest import Access, Endpoint, Feature, Schedule, Table
from functions.patch_routes import with_patch
from functions.query_parameters import (
    CURSOR,
    DECIMAL,
    ENCODING,
    FIRST_LINE,
    IMPORT_CURRENCY,
    MEDIA,
    PAGE,
    limit,
    status,
)

GROUPS = ("staff", "catalog")
_PRODUCT = "shop.catalog.schemas.admin:ProductBody"
_PRODUCT_VIEW = "shop.catalog.schemas.admin_views:ProductView"

FEATURE = Feature(
    "staff_catalog",
    (
        Endpoint(
            route="POST /staff/products",
            module="staff_catalog.create_product",
            accepts_idempotency_key=True,
            access=Access.STAFF,
            groups=GROUPS,
            summary="Create a product as a draft",
            request=_PRODUCT,
            response=_PRODUCT_VIEW,
            etag=True,
            location=True,
            status=201,
            writes=(Table.CATALOG,),
        ),
        Endpoint(
            route="GET /staff/products",
            query=(status("draft", "in_review", "published", "archived"), *PAGE),
            module="staff_catalog.list_products",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List all products, including drafts and archived ones",
            response="shop.catalog.schemas.admin_views:ProductListView",
            reads=(Table.CATALOG,),
        ),
        Endpoint(
            route="GET /staff/products/{id}",
            module="staff_catalog.get_product",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get a product in the format for changes; its version is the ETag",
            response=_PRODUCT_VIEW,
            etag=True,
            reads=(Table.CATALOG,),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/products/{id}",
                module="staff_catalog.update_product",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Replace the content of a product, at the version that was read",
                versioned=True,
                request=_PRODUCT,
                response=_PRODUCT_VIEW,
                etag=True,
                writes=(Table.CATALOG,),
            ),
            "Change fields of a product, at the version that was read",
        ),
        Endpoint(
            route="POST /staff/products/{id}/status",
            module="staff_catalog.set_product_status",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Change the status of a product: review, publish, withdraw or archive it",
            versioned=True,
            request="shop.catalog.schemas.admin:StatusBody",
            response=_PRODUCT_VIEW,
            etag=True,
            writes=(Table.CATALOG,),
        ),
        Endpoint(
            route="POST /staff/imports",
            query=(IMPORT_CURRENCY, DECIMAL, MEDIA, FIRST_LINE, ENCODING),
            module="staff_catalog.import_products",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Import a product file: Shopify's CSV, or YAML",
            file_types=("text/csv", "application/yaml"),
            response="shop.catalog.schemas.admin_views:ImportReportView",
            errors=(422,),
            reads=(Table.TAX,),
            writes=(Table.CATALOG, Table.INVENTORY),
            timeout=30,
            memory=1024,
        ),
        Endpoint(
            route="GET /staff/exports/products",
            query=(IMPORT_CURRENCY, limit(50, 50), CURSOR),
            module="staff_catalog.export_products",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Export products as Shopify's CSV, each as a file that can be joined",
            response="shop.catalog.schemas.shopify_export:ProductExportListView",
            reads=(Table.CATALOG,),
            timeout=30,
            memory=1024,
        ),
        Schedule(
            module="staff_catalog.repair_search_index",
            rate="rate(15 minutes)",
            writes=(Table.CATALOG,),
        ),
    ),
)
