"""Discovery: the entry point for platforms and agents."""

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
    ),
)
