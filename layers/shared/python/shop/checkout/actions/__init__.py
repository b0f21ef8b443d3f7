"""Use cases of a checkout session: create, get, update, complete, cancel.

Completing a checkout has two steps, and the process may crash between or inside them:

1. **Place the order.** One DynamoDB transaction writes the order, reserves stock, counts limited
   coupon and sale usage, marks the session and claims the idempotency key.
2. **Authorize the payment.** The provider is called with an idempotency key derived from the order
   id; its result is written to the order only.

A retry with the same idempotency key resumes at the step that failed. Without a retry, the order
expires at its payment deadline and releases stock and usage.

Each use case is imported from its own module: a Lambda that gets a checkout does not load the code
that completes one.
"""
