"""Discovery: where platforms and agents begin."""

from functions.manifest import Access, Endpoint, Feature

FEATURE = Feature(
    "discovery",
    (
        Endpoint(
            route="GET /.well-known/ucp",
            module="discovery.get_business_profile",
            access=Access.PUBLIC,
            summary="What the shop speaks: UCP version, transports, capabilities, ways to pay",
            response="ucp:profile.json#/$defs/business_schema",
            cached=True,
        ),
    ),
)
