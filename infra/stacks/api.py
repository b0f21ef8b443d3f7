"""The HTTP API without its routes: those live with the features, which import it by id."""

from aws_cdk import CfnOutput, Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.constructs.iam import UserPool
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
from infra.stacks.foundation import FoundationStack

ALLOWED_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "request-id",
    "ucp-agent",
    "waiting-room-admission",
)


class ApiStack(ShopStack):
    """One HTTP API and its two authorizers: a customer's token opens no door of the staff's."""

    def __init__(self, scope: Construct, names: ResourceNames, foundation: FoundationStack) -> None:
        super().__init__(scope, names, "api", "the HTTP API and who may pass")
        self.api = apigateway.CfnApi(
            self,
            "Api",
            name=names.of("api"),
            description="Doorbuster",
            protocol_type="HTTP",
            cors_configuration=apigateway.CfnApi.CorsProperty(
                allow_origins=list(self.stage.origins),
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=list(ALLOWED_HEADERS),
                expose_headers=["etag", "location", "retry-after"],
                max_age=3600,
            ),
            tags={"ms-custom-id": self.stage.api_id} if self.stage.api_id else None,
        )
        self.id = self.api.ref
        self.customers = self._authorizer("Customers", foundation.customers)
        self.staff = self._authorizer("Staff", foundation.staff)
        self.domain = Fn.sub(
            "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}", {"Api": self.api.ref}
        )
        CfnOutput(self, "ApiId", value=self.api.ref)
        CfnOutput(self, "ApiUrl", value=Fn.join("", ["https://", self.domain]))

    def _authorizer(self, name: str, pool: UserPool) -> str:
        return apigateway.CfnAuthorizer(
            self,
            name,
            api_id=self.api.ref,
            authorizer_type="JWT",
            name=name.lower(),
            identity_source=["$request.header.Authorization"],
            jwt_configuration=apigateway.CfnAuthorizer.JWTConfigurationProperty(
                audience=[pool.client], issuer=pool.issuer
            ),
        ).ref
