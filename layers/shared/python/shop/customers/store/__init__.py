"""Customer groups in DynamoDB."""
