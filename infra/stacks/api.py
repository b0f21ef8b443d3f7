"""The HTTP API without its routes: the features add them, and import its id."""

from infra.constructs.iam import UserPool
from infra.constructs.intrinsics import Value, sub
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopApp, ShopStack
from infra.stacks.foundation import FoundationStack

ALLOWED_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "request-id",
    "shop-channel",
    "ucp-agent",
    "waiting-room-admission",
)
"""Request headers that a web page of another origin may send. ``tests/contracts/cors_rules.py``
compares them with the headers that the handlers read."""

EXPOSED_HEADERS = (
    "allow",
    "etag",
    "location",
    "request-id",
    "retry-after",
    "vary",
    "www-authenticate",
)
"""Response headers that a script of such a page may read, beside those that every script may."""


class ApiStack(ShopStack):
    """One HTTP API and its two authorizers. The staff's rejects tokens of customers."""

    def __init__(self, scope: ShopApp, names: ResourceNames, foundation: FoundationStack) -> None:
        super().__init__(scope, names, "api", "the HTTP API and its authorizers")
        api = self.add(
            "AWS::ApiGatewayV2::Api",
            "Api",
            {
                "Name": names.of("api"),
                "Description": "Doorbuster",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {
                    "AllowOrigins": list(self.stage.origins),
                    "AllowMethods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
                    "AllowHeaders": list(ALLOWED_HEADERS),
                    "ExposeHeaders": list(EXPOSED_HEADERS),
                    "MaxAge": 3600,
                },
                "Tags": {"ms-custom-id": self.stage.api_id} if self.stage.api_id else None,
            },
        )
        self._api_ref = api.ref
        self.id = api.shared_ref()
        self.customers = self._authorizer("Customers", foundation.customers)
        self.staff = self._authorizer("Staff", foundation.staff)
        domain = "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
        self.domain = sub(domain, Api=self.id)
        self.output("ApiId", api.ref)
        self.output("ApiUrl", sub(f"https://{domain}", Api=api.ref))

    def _authorizer(self, name: str, pool: UserPool) -> Value:
        return self.add(
            "AWS::ApiGatewayV2::Authorizer",
            name,
            {
                "ApiId": self._api_ref,
                "AuthorizerType": "JWT",
                "Name": name.lower(),
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Audience": [pool.client], "Issuer": pool.issuer},
            },
        ).shared_ref()
