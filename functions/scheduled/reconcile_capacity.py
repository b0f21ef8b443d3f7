"""Reconcile capacity with the traffic peaks, and close waiting rooms of ended promotions.

Runs before and after each peak, when a promotion changes, and every 15 minutes.
"""

import json
import random
import time
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import required_setting
from shop.entrypoints.scheduler import scheduled
from shop.inventory.store import (
    DynamoKitRepository,
    DynamoLocationRepository,
    DynamoStockRepository,
    counter_shards,
)
from shop.kernel.errors import ShopError
from shop.peak.actions.reconcile_capacity import (
    CapacityTargets,
    reconcile_capacity,
    reconcile_with_retry,
)
from shop.peak.actions.room_expiry import close_expired_rooms
from shop.peak.actions.schedule import PromotionTrafficPeaks
from shop.peak.actions.sharding import CounterShardManager, StockShardManager
from shop.peak.gateway.aws_capacity import (
    DynamoTableThroughput,
    LambdaProvisionedConcurrency,
    SchedulerWakeUps,
)
from shop.peak.model.traffic_peaks import WarmThroughput
from shop.peak.store.capacity import DynamoCapacityStateStore
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.usage_shards import DynamoUsageCounterRepository

promotions = DynamoPromotionRepository()
peaks = PromotionTrafficPeaks(
    promotions, DynamoProductCatalog(), DynamoCouponRepository(), DynamoKitRepository()
)
state_store = DynamoCapacityStateStore()
quota = int(required_setting("PEAK_TABLE_QUOTA"))
targets = CapacityTargets(
    tables=DynamoTableThroughput(boto3.client("dynamodb")),
    functions=LambdaProvisionedConcurrency(boto3.client("lambda"), required_setting("PEAK_ALIAS")),
    shards=StockShardManager(DynamoStockRepository(), DynamoLocationRepository()),
    counters=CounterShardManager(DynamoUsageCounterRepository(), counter_shards()),
    scheduler=SchedulerWakeUps(
        boto3.client("scheduler"),
        group=required_setting("CLOCK_GROUP"),
        target=required_setting("CLOCK_TARGET"),
        role=required_setting("CLOCK_ROLE"),
        dead_letters=required_setting("CLOCK_DEAD_LETTERS"),
    ),
    environments_per_order=json.loads(required_setting("PEAK_FUNCTIONS")),
    max_throughput=WarmThroughput(quota, quota),
)


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    closed = close_expired_rooms(
        promotions=promotions, repository=DynamoWaitingRoomRepository(), at=at
    )
    result = reconcile_with_retry(
        lambda: reconcile_capacity(
            peaks=peaks,
            state_store=state_store,
            targets=targets,
            retryable_errors=(ClientError, BotoCoreError, PynamoDBException, ShopError),
            at=at,
        ),
        # Random and growing, so that runs that began together do not meet again.
        pause=lambda attempt: time.sleep(random.uniform(0.5, 1) * 2**attempt),
    )
    return {"changed": result.changed, "contended": result.contended, "closed": closed}
