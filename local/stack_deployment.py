"""Deploy a stage to the emulator: only the changed parts of it."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.markup import escape

from infra.stages import STAGES
from infra.synthesis import assembly_of
from local import cdk_deploy
from local.assembly import link
from local.processes import ROOT, CloudError
from local.progress import Progress
from local.stack_updates import StackUpdates

DEPLOYED_PARAMETER = "/doorbuster/deployed"
"""The parameter with the fingerprints of the deployed assembly; it is part of the emulator's
state and is saved and erased with it."""


@dataclass(frozen=True)
class StackDeployment:
    """A stage, the emulator that it is deployed to, and the addresses that its Lambdas need."""

    stage: str
    url: str
    endpoint: str
    home: Path
    client: Callable[[str], Any]
    environment: Mapping[str, str]
    progress: Progress
    save: Callable[[], None]
    """Saves the emulator's state and waits for the end of it."""

    def run(self) -> bool:
        """Deploy what changed, and save it. Returns whether anything was deployed.

        Three fingerprints decide: ``sources`` of all inputs, ``templates`` of the inputs of the
        synthesis, ``assembly`` of its result with the present packages and addresses.
        """
        facts = {"stage": self.stage, "url": self.url, "endpoint": self.endpoint}
        with self.progress.short_step("compare the sources with the deployed ones"):
            sources = cdk_deploy.sources_fingerprint(facts)
            deployed = self._deployed()
            if deployed.get("sources") == sources:
                return False
            earlier = self._deployed_assembly(deployed)
        assembly = self.home / f"cdk.out.{os.getpid()}"
        with self.progress.step(f"build templates and packages of stage {self.stage}"):
            templates = assembly_of(STAGES[self.stage]).folder
            link(templates, assembly, url=self.url, endpoint=self.endpoint)
        fingerprint = cdk_deploy.assembly_fingerprint(assembly)
        changed = deployed.get("assembly") != fingerprint
        if changed and not (
            earlier is not None
            and deployed.get("templates") == str(templates)
            and self._update(earlier, assembly)
        ):
            self._deploy_with_cdk(assembly)
        self._note_deployed(
            {"sources": sources, "templates": str(templates), "assembly": fingerprint}
        )
        if changed:
            # Before anything that takes long: a kill then loses no deployment.
            with self.progress.step("save the deployed stacks"):
                self.save()
        self._deployed_assembly({"assembly": fingerprint})
        return changed

    def _deployed_assembly(self, deployed: Mapping[str, str]) -> Path | None:
        """Return the assembly that the emulator's state has, and delete all others.

        A run that was killed may leave it under its temporary name, or without a successor.
        """
        settled, wanted = self.home / "cdk.out", deployed.get("assembly")
        found = None
        for folder in [settled, *self.home.glob("cdk.out.*")]:
            if not folder.is_dir():
                continue
            if found is None and cdk_deploy.assembly_fingerprint(folder) == wanted:
                found = folder
            else:
                shutil.rmtree(folder)
        if found is not None:
            found = found.rename(settled)
        return found

    def _update(self, earlier: Path, assembly: Path) -> bool:
        """Update the stacks whose packages or addresses changed. Returns whether it worked."""
        updates = StackUpdates(self.client, earlier, assembly)
        try:
            with self.progress.step(f"update the {len(updates.changed)} changed stacks"):
                updates.run()
        except (CloudError, ClientError) as error:
            self.progress.print(f"  {escape(str(error))}\n  The CDK CLI deploys instead.")
            return False
        return True

    def _deploy_with_cdk(self, assembly: Path) -> None:
        env = {**self.environment, "PYTHONPATH": str(ROOT)}
        log = self.home / "bootstrap.log"
        if not self._has_stack("CDKToolkit"):
            cdk_deploy.bootstrap(env=env, log=log, progress=self.progress)
        log = self.home / "deploy.log"
        try:
            cdk_deploy.deploy(assembly, env=env, log=log, progress=self.progress)
        except CloudError as error:
            raise CloudError(
                f"{error}\nmake up tries again from here; make reset deletes the shop first."
            ) from None

    def _deployed(self) -> dict[str, str]:
        ssm = self.client("ssm")
        try:
            found = ssm.get_parameter(Name=DEPLOYED_PARAMETER)
        except ssm.exceptions.ParameterNotFound:
            return {}
        deployed: dict[str, str] = json.loads(found["Parameter"]["Value"])
        return deployed

    def _note_deployed(self, fingerprints: dict[str, str]) -> None:
        self.client("ssm").put_parameter(
            Name=DEPLOYED_PARAMETER,
            Value=json.dumps(fingerprints),
            Type="String",
            Overwrite=True,
        )

    def _has_stack(self, name: str) -> bool:
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        return any(
            stack["StackName"] == name
            and stack["StackStatus"].endswith("_COMPLETE")
            and stack["StackStatus"] not in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE")
            for page in pages
            for stack in page["StackSummaries"]
        )
