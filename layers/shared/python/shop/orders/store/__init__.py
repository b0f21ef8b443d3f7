"""Orders in DynamoDB. All items of an order share its partition key.

=====================  ==========================  ===============================================
PK                     SK                          item
=====================  ==========================  ===============================================
``ORDER#<id>``         ``HEAD#<owner>``            the order; readable with the owner's key only
``ORDER#<id>``         ``BATCHES``                 the placement of an order that needs batches
``ORDER#<id>``         ``BATCH#<name>``            a batch of its stock, recorded or to be moved
``ORDER#<id>``         ``WAIT#<step>``             the task token of a waiting workflow step
``ORDER#<id>``         ``EMAIL#<kind>``            an email that is being sent or was sent
``DIGEST#<window>``    ``EMAIL#new_orders``        a digest of new orders that was sent
``TRACK#<carrier>#…``  ``SHIPMENT``                the shipment of a tracking number
``PARKED``             ``<carrier>#<number>#…``    a tracking event of an unknown shipment
``AWAITING#<shard>``   ``<placed_key>``            an order with reservations on inbound stock
=====================  ==========================  ===============================================

The write of an order includes its events (see :mod:`shop.storage.outbox`).

Index ``by_owner`` lists a customer's orders. Index ``by_day`` lists a day's orders over 16 shards:
an index on the status alone would put all writes of a busy day on one partition and throttle the
table.
"""

from shop.orders.store.repository import DynamoOrderRepository
from shop.orders.store.workflow_tokens import DynamoOrderEmails, DynamoWorkflowTokens

__all__ = ["DynamoOrderEmails", "DynamoOrderRepository", "DynamoWorkflowTokens"]
