"""AWS services of the order use cases: Step Functions and SES."""
