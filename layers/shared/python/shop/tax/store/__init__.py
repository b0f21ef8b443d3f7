"""Tax rates in DynamoDB."""
