"""Tax rates in DynamoDB, and the tax table in the memory of warm Lambdas."""
