"""AWS services that change capacity: Lambda, DynamoDB, EventBridge Scheduler."""
