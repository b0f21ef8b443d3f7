"""The bucket with the files of imports and exports: private, encrypted, reached over TLS only."""

from typing import Any

from infra.constructs.queues import deny_plain_http, policy_document, requires_tls
from infra.constructs.stack import Resource, ShopStack

FILE_DAYS = 30
"""Days after which a file is removed; ``shop.catalog.model.import_job.JOB_RETENTION`` is equal."""


def add_files_bucket(stack: ShopStack, key: Resource) -> None:
    """Add the bucket. Clients reach it by links only, which the shop's Lambdas sign."""
    bucket = stack.add(
        "AWS::S3::Bucket",
        "Files/Resource",
        _properties(stack, key),
        deletion=stack.data_policy,
    )
    stack.suppress(
        bucket,
        "AwsSolutions-S1",
        "Only the shop's Lambdas and links that they sign reach it; a job names its creator.",
    )
    if not requires_tls(stack):
        stack.suppress(
            bucket, "AwsSolutions-S10", "The emulator speaks plain HTTP, on the loopback only."
        )
        return
    resources: list[Any] = [bucket.arn, {"Fn::Join": ["", [bucket.arn, "/*"]]}]
    stack.add(
        "AWS::S3::BucketPolicy",
        "Files/Policy/Resource",
        {
            "Bucket": bucket.ref,
            "PolicyDocument": policy_document([deny_plain_http("s3:*", resources, {"AWS": "*"})]),
        },
    )


def _properties(stack: ShopStack, key: Resource) -> dict[str, Any]:
    encryption = {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key.arn},
        "BucketKeyEnabled": True,
    }
    return {
        "BucketName": stack.names.files_bucket,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "remove-files",
                    "Status": "Enabled",
                    "ExpirationInDays": FILE_DAYS,
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ]
        },
        # The staff's pages upload and download directly.
        "CorsConfiguration": {
            "CorsRules": [
                {
                    "AllowedOrigins": list(stack.stage.origins),
                    "AllowedMethods": ["GET", "POST"],
                    "AllowedHeaders": ["*"],
                }
            ]
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    }
