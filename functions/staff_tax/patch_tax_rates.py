"""PATCH /staff/tax-rates/{country}: change the tax rates of a country, or its decisions."""

from shop.composition.staff_resources.tax_rates import TAX_RATES
from shop.entrypoints.merge_patch import patch_endpoint

handler = patch_endpoint(TAX_RATES)
