"""Synthesized templates as plain data, and a reader that resolves their references."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.stages import Stage
from infra.synthesis import Template, assembly_of


@dataclass(frozen=True)
class Resource:
    """One resource of one stack."""

    stack: str
    id: str
    kind: str
    properties: Mapping[str, Any]
    whole: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.stack}/{self.id}"


def _resource(stack: str, name: str, whole: Mapping[str, Any]) -> Resource:
    return Resource(stack, name, whole["Type"], whole.get("Properties", {}), whole)


class Cloud:
    """All stacks of one stage."""

    def __init__(self, stacks: Mapping[str, Template]) -> None:
        self.stacks = stacks
        self._exports = {
            self.text(stack, output["Export"]["Name"]): self.text(stack, output["Value"])
            for stack, template in stacks.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of(self, kind: str) -> list[Resource]:
        return [
            _resource(stack, name, whole)
            for stack, template in self.stacks.items()
            for name, whole in template["Resources"].items()
            if whole["Type"] == kind
        ]

    def __iter__(self) -> Iterator[Resource]:
        for stack, template in self.stacks.items():
            for name, whole in template["Resources"].items():
                yield _resource(stack, name, whole)

    def named(self, stack: str, reference: Any) -> Resource:
        """Return the resource that a Ref or GetAtt of this stack refers to."""
        name = reference.get("Ref") or reference["Fn::GetAtt"][0]
        whole = self.stacks[stack]["Resources"][name]
        return _resource(stack, name, whole)

    def text(self, stack: str, value: Any) -> str:
        """Return a value as text; one known only at deployment as ``${Stack.Id.Attribute}``."""
        match value:
            case str():
                return value
            case {"Fn::Sub": str() as pattern}:
                return str(pattern)
            case {"Fn::Sub": [pattern, values]}:
                for name, inner in values.items():
                    pattern = pattern.replace("${" + name + "}", self.text(stack, inner))
                return str(pattern).replace("${!", "${")
            case {"Fn::Join": [glue, parts]}:
                return str(glue).join(self.text(stack, part) for part in parts)
            case {"Ref": str() as name}:
                return f"${{{name}}}" if name.startswith("AWS::") else f"${{{stack}.{name}}}"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"${{{stack}.{name}.{attribute}}}"
            case {"Fn::ImportValue": name}:
                found = self.text(stack, name)
                return self._exports.get(found, f"${{import {found}}}")
            case _:
                return json.dumps(value, sort_keys=True)

    def arn(self, resource: Resource) -> str:
        """Return the text with which other resources refer to this one's ARN."""
        return f"${{{resource.stack}.{resource.id}.Arn}}"


def stacks_of(stage: Stage) -> dict[str, Template]:
    """The stage's templates, synthesized once for the same inputs."""
    return assembly_of(stage).templates()
