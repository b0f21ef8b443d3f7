"""What every stack of the shop has in common: its name, its region, its tags."""

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.resource_names import ResourceNames
from infra.stages import EDGE_REGION


class ShopStack(cdk.Stack):
    """A stack named for its stage and its part. On the emulator it goes wherever the CLI points."""

    def __init__(
        self,
        scope: Construct,
        names: ResourceNames,
        part: str,
        description: str,
        *,
        region: str | None = None,
        protected: bool = False,
    ) -> None:
        stage = names.stage
        super().__init__(
            scope,
            names.of(part),
            description=f"Doorbuster, {stage.name}: {description}",
            env=None if stage.is_emulated else cdk.Environment(region=region or stage.region),
            cross_region_references=not stage.is_emulated and stage.region != EDGE_REGION,
            termination_protection=protected and stage.production,
        )
        self.names = names
        self.stage = stage
        cdk.Tags.of(self).add("shop", "doorbuster")
        cdk.Tags.of(self).add("stage", stage.name)
