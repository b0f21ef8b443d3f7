"""AWS services behind imports and exports of large files: S3 and Step Functions."""
