"""DynamoDB store of tax rates, and the cache of the tax table."""
