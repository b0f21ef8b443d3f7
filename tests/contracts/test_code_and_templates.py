"""What the code believes of its surroundings, and what the templates give it, are the same."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Endpoint, StreamReader, Table
from infra.constructs.manifest_validation import missing_references
from infra.constructs.tables import TABLE_SCHEMAS
from infra.openapi import build_openapi, main, openapi_path
from infra.stages import STAGES
from shop.inventory.model.shards import NO_THRESHOLD
from tests.contracts.lambda_process import asked, environment
from tests.contracts.rules import FUNCTION, MAPPING, TABLE
from tests.contracts.templates import Cloud, stacks_of


def environments(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Handler → the environment that the template gives it."""
    return {
        f.properties["Handler"]: environment(
            {
                name: cloud.text(f.stack, value)
                for name, value in f.properties["Environment"]["Variables"].items()
            }
        )
        for f in cloud.of(FUNCTION)
    }


def everything(cloud: Cloud) -> dict[str, str]:
    """All settings of all Lambdas at once, to look at code that belongs to none (yet)."""
    merged = {
        f"TABLE_{table.name}": t.properties["TableName"]
        for t in cloud.of(TABLE)
        for table in Table
        if t.properties["TableName"].endswith("-" + table.value.replace("_", "-"))
    }
    for given in environments(cloud).values():
        merged |= given
    return merged


@pytest.fixture(scope="module")
def local() -> Cloud:
    return Cloud(stacks_of(STAGES["local"]))


# ---------------------------------------------------------------------- doors


def test_every_manifest_line_has_its_file() -> None:
    assert list(missing_references(FEATURES)) == []


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_every_lambda_starts_with_exactly_the_environment_its_template_gives(name: str) -> None:
    refused = asked("handlers", environments(Cloud(stacks_of(STAGES[name]))))
    assert refused == {}, "\n\n".join(refused.values())


def test_a_lambda_whose_setting_is_missing_is_found(local: Cloud) -> None:
    given = {"status.get_status.handler": environments(local)["status.get_status.handler"]}
    assert asked("handlers", given) == {}
    del given["status.get_status.handler"]["RELEASE"]
    assert "KeyError: 'RELEASE'" in asked("handlers", given)["status.get_status.handler"]


def test_a_handler_that_is_not_there_is_found(local: Cloud) -> None:
    given = environments(local)["status.get_status.handler"]
    refused = asked("handlers", {"status.get_status.handle": given, "status.nobody.handler": given})
    assert "handle" in refused["status.get_status.handle"]
    assert "ModuleNotFoundError" in refused["status.nobody.handler"]


# ---------------------------------------------------------------------- tables


def key_differences(cloud: Cloud, models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where a PynamoDB model's keys or indexes are not its table's."""
    tables = {t.properties["TableName"]: t.properties for t in cloud.of(TABLE)}
    breaches = []
    read = set()
    for model in models:
        table = tables.get(model["table"])
        if table is None:
            breaches.append(f"{model['model']}: there is no table {model['table']}")
            continue
        types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
        breaches += _difference(model["model"], model, table["KeySchema"], types)
        indexes = {i["IndexName"]: i for i in table.get("GlobalSecondaryIndexes", ())}
        for name, index in model["indexes"].items():
            read.add((model["table"], name))
            if name not in indexes:
                breaches.append(f"{model['model']}: there is no index {name}")
                continue
            breaches += _difference(
                f"{model['model']}.{name}", index, indexes[name]["KeySchema"], types
            )
            projection = indexes[name]["Projection"]
            there = projection["ProjectionType"], sorted(projection.get("NonKeyAttributes", ()))
            if there != (index["projection"], index["carries"]):
                breaches.append(f"{model['model']}.{name}: the table's index carries {there}")
    for name, table in tables.items():
        for index in table.get("GlobalSecondaryIndexes", ()):
            if (name, index["IndexName"]) not in read:
                breaches.append(f"{name}: nobody reads index {index['IndexName']}")
        expires = table.get("TimeToLiveSpecification", {}).get("AttributeName")
        known = {a for m in models if m["table"] == name for a in m["attributes"]}
        if expires and expires not in known:
            breaches.append(f"{name}: no model writes {expires}")
    return breaches


def _difference(
    who: str, has: Mapping[str, Any], schema: list[dict[str, str]], types: Mapping[str, str]
) -> list[str]:
    there = {k["KeyType"].lower(): k["AttributeName"] for k in schema}
    breaches = [
        f"{who}: {kind} key is {has[kind]}, the table's {there.get(kind)}"
        for kind in ("hash", "range")
        if has[kind] != there.get(kind)
    ]
    return breaches + [
        f"{who}: {name} is {kind}, the table's {types.get(name)}"
        for name, kind in has["types"].items()
        if types.get(name) != kind
    ]


@pytest.fixture(scope="module")
def models(local: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked("models", everything(local))
    return found


def test_models_have_the_keys_and_indexes_of_their_tables(
    local: Cloud, models: list[dict[str, Any]]
) -> None:
    assert key_differences(local, models) == []
    named = {t.properties["TableName"] for t in local.of(TABLE)}
    assert {m["table"] for m in models} == named, "a table without a model"


def test_a_model_with_another_key_or_index_is_found(
    local: Cloud, models: list[dict[str, Any]]
) -> None:
    planted = json.loads(json.dumps(models))
    order = next(m for m in planted if m["indexes"])
    order["range"] = "sort"
    index = next(iter(order["indexes"].values()))
    index["hash"], index["carries"] = "customer", ["doc"]
    order["indexes"]["by_mood"] = index
    breaches = "\n".join(key_differences(local, planted))
    for breach in ("range key is sort", "hash key is customer", "carries", "no index by_mood"):
        assert breach in breaches


def test_the_tables_of_the_handler_tests_have_the_same_keys() -> None:
    from tests.kit import shop

    for name, keys in shop._KEYS.items():
        shape = TABLE_SCHEMAS[Table(name)]
        assert keys["keys"] == tuple(filter(None, (shape.hash, shape.range)))
        indexes = {n: (i.hash, i.range) for n, i in shape.indexes.items()}
        assert keys.get("indexes", {}) == indexes


# ---------------------------------------------------------------------- refusals


def test_every_leaf_class_of_error_has_a_status(local: Cloud) -> None:
    statuses = asked("errors", everything(local))
    assert len(statuses) >= 10
    assert {name for name, status in statuses.items() if status is None} == set()
    assert all(400 <= status < 500 or status == 503 for status in statuses.values())


def test_an_error_without_a_status_is_found(local: Cloud) -> None:
    statuses = asked("errors", everything(local) | {"PLANTED_ERROR": "Nameless"})
    assert [n for n, status in statuses.items() if status is None] == ["planted.Nameless"]


# ---------------------------------------------------------------------- OpenAPI


def test_the_committed_openapi_document_is_the_generated_one() -> None:
    assert main(["--check"]) == 0, "python -m infra.openapi"


def test_the_openapi_document_is_valid_and_has_every_route() -> None:
    from openapi_spec_validator import validate

    made = build_openapi()
    validate(_without_ucp(made))
    routes = {f"{m.upper()} {path}" for path, there in made["paths"].items() for m in there}
    lines = [x for f in FEATURES for x in f.functions if isinstance(x, Endpoint)]
    assert routes == {f"{x.method} {openapi_path(x)}" for x in lines}


UNPAGED = {
    "/staff/switches": "there are as many as the code has",
    "/staff/waiting-rooms": "there are as many as promotions that need one at the same time",
    "/staff/customers/{id}/groups": "it is one customer, and says all groups at once",
    "/staff/locations": "a shop has fifty at most",
    "/staff/pricing-policy": "it is one document, with a hundred groups at most",
    "/staff/shipping": "it is one document, with as many zones and methods as a carrier sells",
    "/staff/stock-levels": "it is one SKU, at each of the shop's locations",
}
"""Lists that are whole, and why they cannot grow."""
NAMES_OF_PAGING = {"pagination", "next", "next_cursor", "next_page", "has_more", "has_next_page"}
"""What other shops call what is called ``cursor`` here, and nothing else."""


def strange_lists(made: dict[str, Any]) -> list[str]:
    """Answers of plain routes that are lists, and are not paged as all others are.

    A list is one array beside ``cursor``, text that asks for the next page (``?cursor=…``) and is
    missing on the last. UCP's own routes have UCP's own shape.
    """
    found = []
    for path, methods in made["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").removeprefix("#/components/schemas/")
        if name.startswith("https:") or path in UNPAGED:
            continue
        has = made["components"]["schemas"].get(name, schema).get("properties", {})
        lists = [n for n, s in has.items() if s.get("type") == "array"]
        is_list = not path.endswith("}") and len(lists) > 0
        if NAMES_OF_PAGING & has.keys():
            found.append(f"{path} pages by {sorted(NAMES_OF_PAGING & has.keys())}")
        elif schema.get("type") == "array":
            found.append(f"{path} answers a bare array")
        elif ("cursor" in has or is_list) and (
            has.keys() != {*lists, "cursor"}
            or len(lists) != 1
            or {s.get("type") for s in has["cursor"].get("anyOf", ())} != {"string", "null"}
        ):
            found.append(f"{path} answers {sorted(has)}")
    return found


def test_all_plain_lists_are_paged_alike() -> None:
    made = build_openapi()
    assert strange_lists(made) == []
    assert UNPAGED.keys() <= made["paths"].keys()
    paged = [
        s for s in made["components"]["schemas"].values() if "cursor" in s.get("properties", {})
    ]
    assert len(paged) > 4


@pytest.mark.parametrize(
    ("broken", "breach"),
    [
        ({"pagination": {}}, "pages by ['pagination']"),
        ({"cursor": None}, "answers ['products']"),
        ({"cursor": {"type": "integer"}}, "answers ['cursor', 'products']"),
        ({"total": {"type": "integer"}}, "answers ['cursor', 'products', 'total']"),
        ({"more": {"type": "array"}}, "answers ['cursor', 'more', 'products']"),
    ],
)
def test_a_list_that_is_paged_otherwise_is_found(broken: dict[str, Any], breach: str) -> None:
    made = build_openapi()
    has = made["components"]["schemas"]["ProductListView"]["properties"]
    has.update(broken)
    for name in [n for n, schema in has.items() if schema is None]:
        del has[name]
    assert strange_lists(made) == [f"/staff/products {breach}"]


def _without_ucp(value: Any) -> Any:
    """The document without UCP's own schemas, which lie elsewhere and are judged elsewhere."""
    if isinstance(value, dict):
        if str(value.get("$ref", "")).startswith("https://ucp.dev/"):
            return {}
        return {key: _without_ucp(inner) for key, inner in value.items()}
    return [_without_ucp(inner) for inner in value] if isinstance(value, list) else value


def test_an_openapi_document_that_lags_behind_is_found(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from infra import openapi

    old = tmp_path / "openapi.json"
    monkeypatch.setattr(openapi, "OPENAPI_FILE", old)
    monkeypatch.setattr(openapi, "_version", lambda: "0")
    assert openapi.main([]) == 0
    assert openapi.main(["--check"]) == 0
    old.write_text(old.read_text().replace('"POST', '"PAST').replace("/status", "/state"))
    assert openapi.main(["--check"]) == 1
    assert "/status" in capsys.readouterr().err


# ---------------------------------------------------------------------- stream filters


def unknown_filter_attributes(cloud: Cloud, models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the attributes in stream filters that no model of the table stores."""
    tables = {t.properties["TableName"]: t for t in cloud.of(TABLE)}
    streams = {f"${{{t.stack}.{t.id}.StreamArn}}": name for name, t in tables.items()}
    breaches = []
    for mapping in cloud.of(MAPPING):
        source = cloud.text(mapping.stack, mapping.properties["EventSourceArn"])
        if source not in streams:
            continue
        stored = {a for m in models if m["table"] == streams[source] for a in m["attributes"]}
        for each in mapping.properties.get("FilterCriteria", {}).get("Filters", ()):
            pattern = json.loads(each["Pattern"]).get("dynamodb", {})
            named = {name for image in pattern.values() for name in image}
            breaches += [f"{mapping}: {streams[source]} has no {n}" for n in sorted(named - stored)]
    return breaches


def test_stream_filters_name_stored_attributes(local: Cloud, models: list[dict[str, Any]]) -> None:
    assert unknown_filter_attributes(local, models) == []


def test_stream_filter_on_an_unknown_attribute_is_detected(
    local: Cloud, models: list[dict[str, Any]]
) -> None:
    planted = json.loads(json.dumps(models))
    for model in planted:
        model["attributes"] = [a for a in model["attributes"] if a != "low_stock_threshold"]
    (breach,) = unknown_filter_attributes(local, planted)
    assert breach.endswith("inventory has no low_stock_threshold")


def matches(pattern: Any, value: Any) -> bool:
    """Evaluate the part of the filter syntax that the manifests use."""
    if isinstance(pattern, dict):
        return all(name in value and matches(inner, value[name]) for name, inner in pattern.items())
    return any(
        value not in each["anything-but"]
        if "anything-but" in each
        else value.startswith(each["prefix"])
        for each in pattern
    )


@pytest.mark.parametrize(
    ("shard", "threshold", "passes"), [(0, 3, True), (0, NO_THRESHOLD, False), (1, None, True)]
)
def test_low_stock_filters_pass_rows_with_a_threshold_and_shards(
    shard: int, threshold: int | None, passes: bool
) -> None:
    from shop.inventory.store.rows import ShardRow, shard_key

    fields: dict[str, Any] = {} if threshold is None else {"low_stock_threshold": threshold}
    image = ShardRow(*shard_key("MUG-RED", "main", shard), **fields).serialize()
    record = {"dynamodb": {"NewImage": image, "Keys": {"PK": image["PK"]}}}
    (reader,) = (
        function
        for feature in FEATURES
        for function in feature.functions
        if isinstance(function, StreamReader) and function.only
    )
    assert any(matches(json.loads(pattern), record) for pattern in reader.only) is passes
