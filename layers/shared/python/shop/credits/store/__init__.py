"""Credit accounts and code attempts in DynamoDB."""
