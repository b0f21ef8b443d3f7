"""Status: a health check with the deployed release."""

from functions.manifest import Access, Endpoint, Feature

FEATURE = Feature(
    "status",
    (
        Endpoint(
            route="GET /status",
            module="status.get_status",
            access=Access.PUBLIC,
            summary="Stage and release that answer",
            response="shop.entrypoints.schemas:StatusView",
        ),
    ),
)
