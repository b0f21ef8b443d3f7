"""Discovery: the entry point for platforms and agents, and the documentation of the API."""

from functions.manifest import Access, Endpoint, Feature

FEATURE = Feature(
    "discovery",
    (
        Endpoint(
            route="GET /.well-known/ucp",
            module="discovery.get_business_profile",
            access=Access.PUBLIC,
            summary="Get the business profile: version, transports, capabilities, payment handlers",
            response="ucp:profile.json#/$defs/business_schema",
            cached=True,
        ),
        Endpoint(
            route="GET /openapi.json",
            module="discovery.get_openapi",
            access=Access.PUBLIC,
            summary="Get the OpenAPI document of this stage's routes",
            body="OpenAPI 3.1 document.",
            cached=True,
        ),
        Endpoint(
            route="GET /docs",
            module="discovery.get_reference",
            access=Access.PUBLIC,
            summary="Show the API reference, a page without scripts",
            body="HTML page with every operation and schema.",
            media_type="text/html",
            cached=True,
        ),
    ),
)
