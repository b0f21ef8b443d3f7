"""Tax rates that staff maintain."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.patch_routes import with_patch
from functions.query_parameters import PAGE, POSTAL_CODE, SINCE, version

GROUPS = ("staff", "catalog")
_LOCAL_VIEW = "shop.tax.schemas:LocalTaxRatesView"
_VIEW = "shop.tax.schemas:TaxRatesView"

FEATURE = Feature(
    "staff_tax",
    (
        Endpoint(
            route="GET /staff/tax-rates",
            query=PAGE,
            module="staff_tax.list_tax_countries",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the countries with tax rates",
            response="shop.tax.schemas:TaxCountriesView",
            reads=(Table.TAX,),
        ),
        Endpoint(
            route="GET /staff/tax-rates/{country}",
            query=(version("rates"),),
            module="staff_tax.get_tax_rates",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the current version of a country's tax rates, or a former one",
            response=_VIEW,
            reads=(Table.TAX, Table.PRICING),
        ),
        *with_patch(
            Endpoint(
                route="PUT /staff/tax-rates/{country}",
                module="staff_tax.set_tax_rates",
                access=Access.STAFF,
                groups=GROUPS,
                summary="Replace a country's tax rates; those of past days must stay",
                versioned=True,
                request="shop.tax.schemas:TaxRatesBody",
                response=_VIEW,
                reads=(Table.PRICING,),
                writes=(Table.TAX,),
            ),
            "Change a country's tax rates or decisions; rates of past days must stay",
        ),
        Endpoint(
            route="POST /staff/untaxed-decisions",
            module="staff_tax.record_untaxed_decisions",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Record one decision to sell to several countries without tax",
            request="shop.tax.schemas.untaxed:UntaxedDecisionsBody",
            response="shop.tax.schemas.untaxed:UntaxedDecisionsView",
            errors=(409,),
            reads=(Table.PRICING,),
            writes=(Table.TAX,),
        ),
        Endpoint(
            route="GET /staff/local-tax-rates/{state}",
            query=(version("rates"), POSTAL_CODE),
            module="staff_tax.get_local_rates",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get the sales tax below a state of the US, and that of one ZIP code",
            response=_LOCAL_VIEW,
            etag=True,
            reads=(Table.TAX, Table.PRICING),
        ),
        Endpoint(
            route="PUT /staff/local-tax-rates/{state}",
            query=(SINCE,),
            module="staff_tax.import_local_rates",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Import the sales tax below a state of the US by ZIP code, as CSV",
            versioned=True,
            file_types=("text/csv",),
            response=_LOCAL_VIEW,
            etag=True,
            reads=(Table.PRICING,),
            writes=(Table.TAX,),
            timeout=30,
            memory=1024,
        ),
    ),
)
