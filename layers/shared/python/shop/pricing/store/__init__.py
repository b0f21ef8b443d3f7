"""DynamoDB repositories of pricing, on the table ``pricing``."""
