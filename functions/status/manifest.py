"""Status: a health check with the deployed release."""

from functions.manifest import Access, Endpoint, Feature

FEATURE = Feature(
    "status",
    (
        Endpoint(
            route="GET /status",
            module="status.get_status",
            access=Access.PUBLIC,
            summary="Get the stage and release of the deployment",
            response="shop.entrypoints.schemas:StatusView",
        ),
    ),
)
