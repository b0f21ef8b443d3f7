"""The peak's own table."""

from shop.peak.store.capacity import DynamoMemory
from shop.peak.store.switches import DynamoSwitches

__all__ = ["DynamoMemory", "DynamoSwitches"]
