"""How the stores write to DynamoDB: documents, transactions, idempotency keys.

Mechanics that every floor's store shares and that know nothing of trade. Only stores and doors
import it.
"""
