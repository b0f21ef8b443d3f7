"""PUT /staff/tax-rates/{country}: change the rates of a country from today or a later day on."""

from shop.composition.staff_resources.tax_rates import TAX_RATES
from shop.entrypoints.merge_patch import put_endpoint

handler = put_endpoint(TAX_RATES)
