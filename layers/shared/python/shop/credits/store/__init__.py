"""DynamoDB stores of credits: accounts and code attempts."""
