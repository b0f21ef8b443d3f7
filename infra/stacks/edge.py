"""CloudFront and its firewall, in front of the API of every stage with a CDN.

All its resources are in us-east-1, the one region in which AWS accepts a firewall and a certificate
for CloudFront. The API's own address stays reachable without the CDN. The API's throttles,
authorizers and signatures protect that address too (docs/adr/cloudfront-and-waf.md).
"""

from collections.abc import Iterable
from typing import Any

from functions.manifest import Endpoint, Feature
from infra.constructs.alarms import Alarms
from infra.constructs.intrinsics import Value
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.queues import deny_plain_http, policy_document
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import Resource, ShopApp, ShopStack
from infra.stacks.api import ApiStack
from infra.stages import EDGE_REGION

ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""AWS's managed policies have the same ids in all accounts:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""

VIEWER_FUNCTION = """function handler(event) {
  var request = event.request;
  request.headers['shop-viewer'] = {value: event.viewer.ip};
  return request;
}
"""
"""Sends the caller's address to the shop and replaces any that the client sent itself."""

ERROR_STATUSES = (400, 403, 404, 405, 500, 502, 503, 504)

REQUESTS_PER_ADDRESS = 2_000
"""In five minutes: seven per second, more than a person sends and fewer than an office."""


class CdnStack(ShopStack):
    """A distribution that caches the responses that allow it, and forwards all other requests."""

    def __init__(
        self, scope: ShopApp, names: ResourceNames, api: ApiStack, features: Iterable[Feature]
    ) -> None:
        super().__init__(scope, names, "edge", "CDN and web firewall", region=EDGE_REGION)
        config = self._distribution_config(api.domain, cached_paths(features))
        distribution = self.add(
            "AWS::CloudFront::Distribution",
            "Distribution/Resource",
            {"DistributionConfig": config},
            depends_on=[self._key()],
        )
        self._suppress_findings(distribution)
        domain = self.stage.domain
        host = domain.name if domain else distribution.shared_att("DomainName")
        self.url = f"https://{host}"
        self.output("ShopUrl", self.url)

    def _distribution_config(self, api_domain: Value, paths: list[str]) -> dict[str, Any]:
        firewall = self._firewall()
        behavior = {
            "AllowedMethods": ALL_METHODS,
            "Compress": True,
            "FunctionAssociations": [
                {"EventType": "viewer-request", "FunctionARN": self._viewer().att("FunctionARN")}
            ],
            "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST_HEADER,
            "ResponseHeadersPolicyId": self._headers_policy().ref,
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
        }
        cache = self._cache_policy().ref
        domain = self.stage.domain
        config = {
            "Comment": self.names.of("shop"),
            "Enabled": True,
            "HttpVersion": "http2and3",
            "IPV6Enabled": True,
            "Origins": [self._origin(api_domain)],
            "DefaultCacheBehavior": {**behavior, "CachePolicyId": CACHING_DISABLED},
            "CacheBehaviors": [
                {**behavior, "CachePolicyId": cache, "PathPattern": path} for path in paths
            ],
            # CloudFront caches errors for ten seconds: a 404 would hide an order just placed.
            "CustomErrorResponses": [
                {"ErrorCachingMinTTL": 0, "ErrorCode": status} for status in ERROR_STATUSES
            ],
            "Logging": {
                "Bucket": self._log_bucket().att("RegionalDomainName"),
                "IncludeCookies": False,
                "Prefix": "requests/",
            },
            "WebACLId": firewall.arn,
        }
        if domain:
            config["Aliases"] = [domain.name]
            config["ViewerCertificate"] = {
                "AcmCertificateArn": domain.certificate,
                "MinimumProtocolVersion": "TLSv1.2_2021",
                "SslSupportMethod": "sni-only",
            }
        return config

    def _origin(self, domain: Value) -> dict[str, Any]:
        return {
            "Id": "api",
            "DomainName": domain,
            "ConnectionAttempts": 2,
            "CustomOriginConfig": {
                "OriginProtocolPolicy": "https-only",
                "OriginSSLProtocols": ["TLSv1.2"],
            },
            "OriginCustomHeaders": [
                {"HeaderName": "Shop-Edge", "HeaderValue": self.names.edge_key_reference}
            ],
        }

    def _viewer(self) -> Resource:
        return self.add(
            "AWS::CloudFront::Function",
            "Viewer/Resource",
            {
                "Name": self.names.of("viewer"),
                "AutoPublish": True,
                "FunctionCode": VIEWER_FUNCTION,
                "FunctionConfig": {
                    "Comment": "Sends the caller's address in Shop-Viewer",
                    "Runtime": "cloudfront-js-2.0",
                },
            },
        )

    def _key(self) -> Resource:
        """Add the secret that proves to the shop that a request came through this distribution.

        The Lambdas read it by name, so that no stack has to import it from another region.
        """
        replicas = None
        if self.stage.region != EDGE_REGION:
            replicas = [{"Region": self.stage.region}]
        key = self.add(
            "AWS::SecretsManager::Secret",
            "Key/Resource",
            {
                "Name": self.names.edge_key,
                "Description": "Proves to the shop that a request came through CloudFront",
                "GenerateSecretString": {"PasswordLength": 44, "ExcludePunctuation": True},
                "ReplicaRegions": replicas,
            },
            deletion=self.data_policy,
        )
        self.suppress(
            key,
            "AwsSolutions-SMG4",
            "Only the distribution and the Lambdas know it, and both receive a new value only by "
            "a deployment.",
        )
        return key

    def _cache_policy(self) -> Resource:
        parameters = {
            "CookiesConfig": {"CookieBehavior": "none"},
            "EnableAcceptEncodingBrotli": True,
            "EnableAcceptEncodingGzip": True,
            # The headers of Vary (shop.entrypoints.caching.CHANNEL_HEADERS), and of CORS.
            "HeadersConfig": {
                "HeaderBehavior": "whitelist",
                "Headers": ["Origin", "Shop-Channel", "UCP-Agent"],
            },
            "QueryStringsConfig": {"QueryStringBehavior": "all"},
        }
        return self.add(
            "AWS::CloudFront::CachePolicy",
            "CachePolicy/Resource",
            {
                "CachePolicyConfig": {
                    "Name": self.names.of("cache"),
                    "Comment": "As long as the response's Cache-Control allows, a day at most",
                    "MinTTL": 0,
                    "DefaultTTL": 0,
                    "MaxTTL": 24 * 60 * 60,
                    "ParametersInCacheKeyAndForwardedToOrigin": parameters,
                }
            },
        )

    def _headers_policy(self) -> Resource:
        transport = {
            "AccessControlMaxAgeSec": 365 * 24 * 60 * 60,
            "IncludeSubdomains": True,
            "Override": True,
        }
        return self.add(
            "AWS::CloudFront::ResponseHeadersPolicy",
            "Headers/Resource",
            {
                "ResponseHeadersPolicyConfig": {
                    "Name": self.names.of("headers"),
                    "SecurityHeadersConfig": {
                        "ContentTypeOptions": {"Override": True},
                        "StrictTransportSecurity": transport,
                    },
                }
            },
        )

    def _log_bucket(self) -> Resource:
        rule = {"Status": "Enabled", "ExpirationInDays": self.stage.log_days}
        bucket = self.add(
            "AWS::S3::Bucket",
            "Requests/Resource",
            {
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                "LifecycleConfiguration": {"Rules": [rule]},
                # CloudFront writes its logs with an ACL.
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            },
            deletion="Retain",
        )
        objects = {"Fn::Join": ["", [bucket.arn, "/*"]]}
        deny = deny_plain_http("s3:*", [bucket.arn, objects], {"AWS": "*"})
        self.add(
            "AWS::S3::BucketPolicy",
            "Requests/Policy/Resource",
            {"Bucket": bucket.ref, "PolicyDocument": policy_document([deny])},
        )
        self.suppress(
            bucket,
            "AwsSolutions-S1",
            "It contains access logs; logging their access would never end.",
        )
        return bucket

    def _firewall(self) -> Resource:
        acl = self.add(
            "AWS::WAFv2::WebACL",
            "Firewall",
            {
                "Name": self.names.of("firewall"),
                "Scope": "CLOUDFRONT",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": _visibility("all"),
                "Rules": [
                    _managed(0, "AWSManagedRulesAmazonIpReputationList"),
                    # A large cart exceeds the rule's 8 KB; the handlers reject over 256 KiB.
                    _managed(1, "AWSManagedRulesCommonRuleSet", ["SizeRestrictions_BODY"]),
                    _managed(2, "AWSManagedRulesKnownBadInputsRuleSet"),
                    {
                        "Name": "one-address",
                        "Priority": 3,
                        "Action": {"Block": {}},
                        "Statement": {
                            "RateBasedStatement": {
                                "AggregateKeyType": "IP",
                                "Limit": REQUESTS_PER_ADDRESS,
                                "EvaluationWindowSec": 300,
                            }
                        },
                        "VisibilityConfig": _visibility("one-address"),
                    },
                ],
            },
        )
        if self.stage.region == EDGE_REGION:  # the region of the topic that an alarm notifies
            Alarms(self, "", "edge").on(
                "Blocked",
                ("AWS/WAFV2", "BlockedRequests"),
                {"WebACL": self.names.of("firewall"), "Rule": "ALL"},
                above=10_000,
                meaning="The firewall blocks over 10,000 requests in five minutes.",
            )
        return acl

    def _suppress_findings(self, distribution: Resource) -> None:
        self.suppress(distribution, "AwsSolutions-CFR1", "The shop sells to all countries.")
        if not self.stage.domain:
            self.suppress(
                distribution,
                "AwsSolutions-CFR4",
                "Without a domain of its own the distribution has CloudFront's certificate, whose "
                "oldest protocol AWS sets. With Stage.domain the oldest is TLS 1.2.",
            )


def cached_paths(features: Iterable[Feature]) -> list[str]:
    """Return path patterns of the routes whose responses the CDN may cache."""
    found = {
        "/".join("*" if part.startswith("{") else part for part in entry.path.split("/"))
        for entry in manifest_entries(features)
        if isinstance(entry, Endpoint) and entry.cached
    }
    return sorted(found, key=lambda path: ("*" in path, path))


def _visibility(metric: str) -> dict[str, Any]:
    return {
        "CloudWatchMetricsEnabled": True,
        "MetricName": metric,
        "SampledRequestsEnabled": True,
    }


def _managed(priority: int, name: str, only_count: list[str] | None = None) -> dict[str, Any]:
    overrides = [{"Name": rule, "ActionToUse": {"Count": {}}} for rule in only_count or []]
    return {
        "Name": name,
        "Priority": priority,
        "OverrideAction": {"None": {}},
        "Statement": {
            "ManagedRuleGroupStatement": {
                "VendorName": "AWS",
                "Name": name,
                "RuleActionOverrides": overrides,
            }
        },
        "VisibilityConfig": _visibility(name),
    }
