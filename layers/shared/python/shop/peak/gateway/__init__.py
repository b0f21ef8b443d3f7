"""AWS's own means of preparing: Lambda, DynamoDB's tables, EventBridge Scheduler."""
