"""Use cases of credits: adjust, issue and void, pay, settle an order, expire.

Every movement is a command with an id of its own; a repeated command counts once. The transaction
of an order spends credit and reverses it (:class:`shop.pricing.ports.UsageCounters`). All other
movements are committed here.
"""
