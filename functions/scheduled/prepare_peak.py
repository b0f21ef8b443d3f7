"""Before and after each rush, when a promotion changes, and every quarter of an hour: capacity is
made what it should be, and waiting rooms of what is over are closed."""

import json
import random
import time
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import setting
from shop.edge.schedule import scheduled
from shop.inventory.store import DynamoKits, DynamoLocations, DynamoStock, count_bins
from shop.kernel.errors import Refusal
from shop.peak.actions.bins import CountBins, StockBins
from shop.peak.actions.calendar import PromotedRushes
from shop.peak.actions.in_force import close_rooms_over
from shop.peak.actions.keep import Ground, keep_capacity, keep_in_turn
from shop.peak.gateway.aws import SchedulerClock, WarmFunctions, WarmTables
from shop.peak.model.rushes import Warmth
from shop.peak.store.capacity import DynamoMemory
from shop.peak.store.rooms import DynamoRoomBook
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.store.hot import DynamoCountRows

promotions = DynamoPromotions()
rushes = PromotedRushes(promotions, DynamoCatalogue(), DynamoCoupons(), DynamoKits())
memory = DynamoMemory()
quota = int(setting("PEAK_TABLE_QUOTA"))
ground = Ground(
    tables=WarmTables(boto3.client("dynamodb")),
    functions=WarmFunctions(boto3.client("lambda"), setting("PEAK_ALIAS")),
    bins=StockBins(DynamoStock(), DynamoLocations()),
    counts=CountBins(DynamoCountRows(), count_bins()),
    clock=SchedulerClock(
        boto3.client("scheduler"),
        group=setting("CLOCK_GROUP"),
        target=setting("CLOCK_TARGET"),
        role=setting("CLOCK_ROLE"),
        dead_letters=setting("CLOCK_DEAD_LETTERS"),
    ),
    busy=json.loads(setting("PEAK_FUNCTIONS")),
    ceiling=Warmth(quota, quota),
)


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    closed = close_rooms_over(promotions=promotions, book=DynamoRoomBook(), at=at)
    done = keep_in_turn(
        lambda: keep_capacity(
            rushes=rushes,
            memory=memory,
            ground=ground,
            faults=(ClientError, BotoCoreError, PynamoDBException, Refusal),
            at=at,
        ),
        pause=lambda turn: time.sleep(random.uniform(0.5, 1) * 2**turn),
    )
    return {"changed": done.changed, "busy": done.busy, "closed": closed}
