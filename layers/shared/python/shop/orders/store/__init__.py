"""Orders in DynamoDB: everything of an order lies under its id.

=====================  ==========================  ===============================================
PK                     SK                          what
=====================  ==========================  ===============================================
``ORDER#<id>``         ``HEAD#<owner>``            the order; a stranger's key finds nothing
``ORDER#<id>``         ``BATCHES``                 that an order of many articles is being placed
``ORDER#<id>``         ``BATCH#<name>``            a part of its stock, being taken or given back
``ORDER#<id>``         ``WAIT#<step>``             the task token of a workflow step that waits
``ORDER#<id>``         ``EMAIL#<kind>``            that an email is claimed, or was sent
``TRACK#<carrier>#…``  ``PARCEL``                  whose a tracking number is
=====================  ==========================  ===============================================

An order's write carries its events along (see :mod:`shop.storage.outbox`).

``by_owner`` lists a signed-in customer's orders. ``by_day`` lists a day's orders over 16 shards: an
index on status alone would put all writes of a busy day on one partition and throttle the table.
"""

from shop.orders.store.repository import DynamoOrderRepository
from shop.orders.store.workflow_tokens import DynamoOrderEmails, DynamoWorkflowTokens

__all__ = ["DynamoOrderEmails", "DynamoOrderRepository", "DynamoWorkflowTokens"]
