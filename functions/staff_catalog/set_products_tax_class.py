"""POST /staff/products/tax-class: set the tax class of products by ids, category or tag."""

from shop.catalog.actions.tax_classes import set_tax_class
from shop.catalog.schemas.tax_classes import ProductsTaxClassBody, ProductsTaxClassView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.tax.store.cache import tax_table_cache

catalog = DynamoProductCatalog()
tax = tax_table_cache()


@endpoint(ProductsTaxClassBody)
def handler(request: Request[ProductsTaxClassBody]) -> ProductsTaxClassView:
    tax_class, from_class = request.body.tax_class.lower(), request.body.from_class
    change = set_tax_class(
        request.body.selection(),
        tax_class,
        from_class=from_class and from_class.lower(),
        tax_classes=tax.table().classes,
        catalog=catalog,
        at=request.received_at,
        cursor=request.body.cursor,
    )
    return ProductsTaxClassView.of(change, tax_class)
