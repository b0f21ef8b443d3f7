"""DynamoDB mechanics shared by all stores: connection, documents, transactions, outbox.

They know nothing about trade. Only stores and handlers import this package.
"""
