"""The edge: CloudFront and its firewall, in front of the API wherever there is a CDN.

Everything here lives in us-east-1, the one region in which AWS takes a firewall and a certificate
for CloudFront. What it cannot do: the API's own address stays reachable without it. The API's
throttles, the authorizers and the signatures hold there too (docs/adr/edge.md).
"""

from collections.abc import Iterable

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from functions.manifest import Endpoint, Feature
from infra.constructs.alarms import Alarms
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.nag_suppressions import suppress_finding
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import ShopStack
from infra.stacks.api import ApiStack
from infra.stages import EDGE_REGION

EVERYTHING_BUT_HOST = cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER

VIEWER = """function handler(event) {
  var request = event.request;
  request.headers['shop-viewer'] = {value: event.viewer.ip};
  return request;
}
"""
"""Tells the shop who asks, in place of whatever a client says of itself."""

REQUESTS_PER_ADDRESS = 2_000
"""In five minutes; about seven a second, which no person reaches and an office may."""


class CdnStack(ShopStack):
    """A distribution that keeps what says it may be kept, and passes everything else on."""

    def __init__(
        self, scope: Construct, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "edge", "CDN and web firewall", region=EDGE_REGION)
        firewall = self._firewall(names)
        origin = origins.HttpOrigin(
            api.domain,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            connection_attempts=2,
            custom_headers={
                "Shop-Edge": SecretValue.secrets_manager(names.edge_key).unsafe_unwrap()
            },
        )
        viewer = [
            cloudfront.FunctionAssociation(
                event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
                function=cloudfront.Function(
                    self,
                    "Viewer",
                    function_name=names.of("viewer"),
                    comment="Names who asks in Shop-Viewer",
                    code=cloudfront.FunctionCode.from_inline(VIEWER),
                    runtime=cloudfront.FunctionRuntime.JS_2_0,
                ),
            )
        ]
        headers = self._headers(names)
        kept = self._cache(names)
        domain = self.stage.domain
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=names.of("shop"),
            default_behavior=cloudfront.BehaviorOptions(
                origin=origin,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=EVERYTHING_BUT_HOST,
                response_headers_policy=headers,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                function_associations=viewer,
            ),
            additional_behaviors={
                path: cloudfront.BehaviorOptions(
                    origin=origin,
                    allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                    cache_policy=kept,
                    origin_request_policy=EVERYTHING_BUT_HOST,
                    response_headers_policy=headers,
                    viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                    function_associations=viewer,
                )
                for path in cached_paths(features)
            },
            # CloudFront would keep refusals for ten seconds: an order just placed would stay a 404.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(0))
                for status in (400, 403, 404, 405, 500, 502, 503, 504)
            ],
            minimum_protocol_version=(
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if domain else None
            ),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=firewall.attr_arn,
            enable_logging=True,
            log_bucket=self._log_bucket(names),
            log_file_prefix="requests/",
            log_includes_cookies=False,
            domain_names=[domain.name] if domain else None,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", domain.certificate
            )
            if domain
            else None,
        )
        distribution.node.add_dependency(self._key(names))
        suppress_finding(
            distribution, "AwsSolutions-CFR1", "The shop sells wherever it can send a parcel to."
        )
        if not domain:
            suppress_finding(
                distribution,
                "AwsSolutions-CFR4",
                "Without a domain of its own the distribution has CloudFront's certificate, whose "
                "oldest protocol AWS sets; Stage.domain brings TLS 1.2 as the oldest.",
            )
        self.url = f"https://{domain.name if domain else distribution.distribution_domain_name}"
        CfnOutput(self, "ShopUrl", value=self.url)

    def _key(self, names: ResourceNames) -> secretsmanager.Secret:
        """What shows the shop that a request came through this distribution and no other. It is
        told by name, so that no stack has to import it from another region."""
        key = secretsmanager.Secret(
            self,
            "Key",
            secret_name=names.edge_key,
            description="Proves to the shop that CloudFront passes a request on",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=44, exclude_punctuation=True
            ),
            replica_regions=[secretsmanager.ReplicaRegion(region=self.stage.region)]
            if self.stage.region != EDGE_REGION
            else None,
            removal_policy=(
                RemovalPolicy.RETAIN if self.stage.production else RemovalPolicy.DESTROY
            ),
        )
        suppress_finding(
            key,
            "AwsSolutions-SMG4",
            "Known to the distribution and the Lambdas alone; both take a new value with a "
            "deployment, and only with one.",
        )
        return key

    def _cache(self, names: ResourceNames) -> cloudfront.CachePolicy:
        return cloudfront.CachePolicy(
            self,
            "Kept",
            cache_policy_name=names.of("kept"),
            comment="As long as the answer's own Cache-Control says, a day at most",
            min_ttl=Duration.seconds(0),
            default_ttl=Duration.seconds(0),
            max_ttl=Duration.days(1),
            query_string_behavior=cloudfront.CacheQueryStringBehavior.all(),
            header_behavior=cloudfront.CacheHeaderBehavior.allow_list("Origin", "UCP-Agent"),
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )

    def _headers(self, names: ResourceNames) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            response_headers_policy_name=names.of("headers"),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365),
                    include_subdomains=True,
                    override=True,
                ),
            ),
        )

    def _log_bucket(self, names: ResourceNames) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Requests",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.OBJECT_WRITER,  # CloudFront writes logs with an ACL
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(names.stage.log_days))],
            removal_policy=RemovalPolicy.RETAIN,
        )
        suppress_finding(
            bucket, "AwsSolutions-S1", "It holds access logs; logging access to logs has no end."
        )
        return bucket

    def _firewall(self, names: ResourceNames) -> wafv2.CfnWebACL:
        acl = wafv2.CfnWebACL(
            self,
            "Firewall",
            name=names.of("firewall"),
            scope="CLOUDFRONT",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_seen("all"),
            rules=[
                _managed(0, "AWSManagedRulesAmazonIpReputationList"),
                # A large cart exceeds the rule's 8 KB; the doors refuse what is over 256 KiB.
                _managed(1, "AWSManagedRulesCommonRuleSet", only_count=("SizeRestrictions_BODY",)),
                _managed(2, "AWSManagedRulesKnownBadInputsRuleSet"),
                wafv2.CfnWebACL.RuleProperty(
                    name="one-address",
                    priority=3,
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP",
                            limit=REQUESTS_PER_ADDRESS,
                            evaluation_window_sec=300,
                        )
                    ),
                    visibility_config=_seen("one-address"),
                ),
            ],
        )
        if self.stage.region == EDGE_REGION:  # where the topic is that an alarm tells
            Alarms(self, names, "edge").on(
                "Blocked",
                ("AWS/WAFV2", "BlockedRequests"),
                {"WebACL": names.of("firewall"), "Rule": "ALL"},
                above=10_000,
                meaning="The firewall turns away over 10,000 requests in five minutes.",
            )
        return acl


def cached_paths(features: Iterable[Feature]) -> list[str]:
    """Path patterns of the routes whose answers the CDN may keep."""
    found = {
        "/".join("*" if part.startswith("{") else part for part in entry.path.split("/"))
        for entry in manifest_entries(features)
        if isinstance(entry, Endpoint) and entry.cached
    }
    return sorted(found, key=lambda path: ("*" in path, path))


def _seen(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )


def _managed(
    priority: int, name: str, only_count: tuple[str, ...] = ()
) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in only_count
                ],
            )
        ),
        visibility_config=_seen(name),
    )
