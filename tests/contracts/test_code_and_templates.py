"""Code and templates agree: environments, tables, error statuses and the OpenAPI document."""

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
from tests.contracts.lambda_process import environment, run_in_lambda_process
from tests.contracts.rules import FUNCTION, MAPPING, TABLE
from tests.contracts.templates import Cloud, stacks_of


def environments(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Return the environment of each handler in the templates."""
    return {
        f.properties["Handler"]: environment(
            {
                name: cloud.text(f.stack, value)
                for name, value in f.properties["Environment"]["Variables"].items()
            }
        )
        for f in cloud.of(FUNCTION)
    }


def merged_environment(cloud: Cloud) -> dict[str, str]:
    """Return the settings of all Lambdas, to import code that no Lambda uses yet."""
    merged = {
        f"TABLE_{table.name}": t.properties["TableName"]
        for t in cloud.of(TABLE)
        for table in Table
        if t.properties["TableName"].endswith("-" + table.value.replace("_", "-"))
    }
    for variables in environments(cloud).values():
        merged |= variables
    return merged


@pytest.fixture(scope="module")
def local() -> Cloud:
    return Cloud(stacks_of(STAGES["local"]))


# ---------------------------------------------------------------------- handlers


def test_every_manifest_entry_has_its_file() -> None:
    assert list(missing_references(FEATURES)) == []


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_every_lambda_starts_with_exactly_its_templates_environment(name: str) -> None:
    failed = run_in_lambda_process("handlers", environments(Cloud(stacks_of(STAGES[name]))))
    assert failed == {}, "\n\n".join(failed.values())


def test_missing_setting_of_a_lambda_is_detected(local: Cloud) -> None:
    given = {"status.get_status.handler": environments(local)["status.get_status.handler"]}
    assert run_in_lambda_process("handlers", given) == {}
    del given["status.get_status.handler"]["RELEASE"]
    failed = run_in_lambda_process("handlers", given)
    assert "KeyError: 'RELEASE'" in failed["status.get_status.handler"]


def test_missing_handler_is_detected(local: Cloud) -> None:
    given = environments(local)["status.get_status.handler"]
    failed = run_in_lambda_process(
        "handlers", {"status.get_status.handle": given, "status.missing.handler": given}
    )
    assert "handle" in failed["status.get_status.handle"]
    assert "ModuleNotFoundError" in failed["status.missing.handler"]


# ---------------------------------------------------------------------- tables


def key_differences(cloud: Cloud, models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the differences between PynamoDB models and their tables: keys and indexes."""
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
            stored = projection["ProjectionType"], sorted(projection.get("NonKeyAttributes", ()))
            if stored != (index["projection"], index["projected"]):
                breaches.append(f"{model['model']}.{name}: the table's index projects {stored}")
    for name, table in tables.items():
        for index in table.get("GlobalSecondaryIndexes", ()):
            if (name, index["IndexName"]) not in read:
                breaches.append(f"{name}: no model reads index {index['IndexName']}")
        expires = table.get("TimeToLiveSpecification", {}).get("AttributeName")
        known = {a for m in models if m["table"] == name for a in m["attributes"]}
        if expires and expires not in known:
            breaches.append(f"{name}: no model writes {expires}")
    return breaches


def _difference(
    name: str, has: Mapping[str, Any], schema: list[dict[str, str]], types: Mapping[str, str]
) -> list[str]:
    keys = {k["KeyType"].lower(): k["AttributeName"] for k in schema}
    breaches = [
        f"{name}: {kind} key is {has[kind]}, the table's {keys.get(kind)}"
        for kind in ("hash", "range")
        if has[kind] != keys.get(kind)
    ]
    return breaches + [
        f"{name}: {attribute} is {kind}, the table's {types.get(attribute)}"
        for attribute, kind in has["types"].items()
        if types.get(attribute) != kind
    ]


@pytest.fixture(scope="module")
def models(local: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_in_lambda_process("models", merged_environment(local))
    return found


def test_models_have_the_keys_and_indexes_of_their_tables(
    local: Cloud, models: list[dict[str, Any]]
) -> None:
    assert key_differences(local, models) == []
    tables = {t.properties["TableName"] for t in local.of(TABLE)}
    assert {m["table"] for m in models} == tables, "a table without a model"


def test_model_with_another_key_or_index_is_detected(
    local: Cloud, models: list[dict[str, Any]]
) -> None:
    planted = json.loads(json.dumps(models))
    order = next(m for m in planted if m["indexes"])
    order["range"] = "sort"
    index = next(iter(order["indexes"].values()))
    index["hash"], index["projected"] = "customer", ["doc"]
    order["indexes"]["by_mood"] = index
    found = "\n".join(key_differences(local, planted))
    for breach in ("range key is sort", "hash key is customer", "projects", "no index by_mood"):
        assert breach in found


def test_tables_of_the_handler_tests_have_the_same_keys() -> None:
    from tests.kit import shop

    for name, keys in shop._KEYS.items():
        shape = TABLE_SCHEMAS[Table(name)]
        assert keys["keys"] == tuple(filter(None, (shape.hash, shape.range)))
        indexes = {n: (i.hash, i.range) for n, i in shape.indexes.items()}
        assert keys.get("indexes", {}) == indexes


# ---------------------------------------------------------------------- errors


def test_every_leaf_error_class_has_a_status(local: Cloud) -> None:
    statuses = run_in_lambda_process("errors", merged_environment(local))
    assert len(statuses) >= 10
    assert {name for name, status in statuses.items() if status is None} == set()
    assert all(400 <= status < 500 or status == 503 for status in statuses.values())


def test_error_class_without_a_status_is_detected(local: Cloud) -> None:
    statuses = run_in_lambda_process(
        "errors", merged_environment(local) | {"PLANTED_ERROR": "Nameless"}
    )
    assert [n for n, status in statuses.items() if status is None] == ["planted.Nameless"]


# ---------------------------------------------------------------------- OpenAPI


def test_committed_openapi_document_is_the_generated_one() -> None:
    assert main(["--check"]) == 0, "python -m infra.openapi"


def test_openapi_document_is_valid_and_has_every_route() -> None:
    from openapi_spec_validator import validate

    made = build_openapi()
    validate(_without_ucp(made))
    routes = {f"{m.upper()} {path}" for path, methods in made["paths"].items() for m in methods}
    lines = [x for f in FEATURES for x in f.functions if isinstance(x, Endpoint)]
    assert routes == {f"{x.method} {openapi_path(x)}" for x in lines}


OTHER_PAGING_FIELDS = {
    "pagination",
    "next",
    "next_cursor",
    "next_page",
    "has_more",
    "has_next_page",
}
"""Names that other APIs use for ``cursor``, the only name here."""


def unpaged_routes() -> set[str]:
    """Return the paths whose entry states why their list has no pages."""
    entries = (entry for feature in FEATURES for entry in feature.functions)
    return {openapi_path(x) for x in entries if isinstance(x, Endpoint) and x.unpaged}


def unpaged_lists(made: dict[str, Any]) -> list[str]:
    """Return the list responses of routes outside UCP that are not paged like all others.

    A list is one array beside ``cursor``, a text that requests the next page (``?cursor=…``) and is
    null on the last page. UCP routes follow UCP's schemas.
    """
    found = []
    unpaged = unpaged_routes()
    for path, methods in made["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").removeprefix("#/components/schemas/")
        if name.startswith("https:") or path in unpaged:
            continue
        has = made["components"]["schemas"].get(name, schema).get("properties", {})
        lists = [n for n, s in has.items() if s.get("type") == "array"]
        is_list = not path.endswith("}") and len(lists) > 0
        if OTHER_PAGING_FIELDS & has.keys():
            found.append(f"{path} pages by {sorted(OTHER_PAGING_FIELDS & has.keys())}")
        elif schema.get("type") == "array":
            found.append(f"{path} returns a bare array")
        elif ("cursor" in has or is_list) and (
            has.keys() != {*lists, "cursor"}
            or len(lists) != 1
            or {s.get("type") for s in has["cursor"].get("anyOf", ())} != {"string", "null"}
        ):
            found.append(f"{path} returns {sorted(has)}")
    return found


def test_all_lists_are_paged_alike() -> None:
    made = build_openapi()
    assert unpaged_lists(made) == [], "return one array and cursor, or state why: unpaged="
    assert len(unpaged_routes()) > 4
    paged = [
        s for s in made["components"]["schemas"].values() if "cursor" in s.get("properties", {})
    ]
    assert len(paged) > 4


@pytest.mark.parametrize(
    ("broken", "breach"),
    [
        ({"pagination": {}}, "pages by ['pagination']"),
        ({"cursor": None}, "returns ['products']"),
        ({"cursor": {"type": "integer"}}, "returns ['cursor', 'products']"),
        ({"total": {"type": "integer"}}, "returns ['cursor', 'products', 'total']"),
        ({"more": {"type": "array"}}, "returns ['cursor', 'more', 'products']"),
    ],
)
def test_list_that_is_paged_differently_is_detected(broken: dict[str, Any], breach: str) -> None:
    made = build_openapi()
    # Other breaches are not this test's: test_all_lists_are_paged_alike reports them.
    before = unpaged_lists(made)
    has = made["components"]["schemas"]["ProductListView"]["properties"]
    has.update(broken)
    for name in [n for n, schema in has.items() if schema is None]:
        del has[name]
    assert [each for each in unpaged_lists(made) if each not in before] == [
        f"/staff/products {breach}"
    ]


def _without_ucp(value: Any) -> Any:
    """Return the document without UCP's schemas, which are published and tested elsewhere."""
    if isinstance(value, dict):
        if str(value.get("$ref", "")).startswith("https://ucp.dev/"):
            return {}
        return {key: _without_ucp(inner) for key, inner in value.items()}
    return [_without_ucp(inner) for inner in value] if isinstance(value, list) else value


def test_outdated_openapi_document_is_detected(
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
    assert passes_filters("event_handlers.detect_low_stock", record) is passes


@pytest.mark.parametrize(
    ("key", "passes"),
    [("HEAD#guest", True), ("BATCH#1", False), ("WAIT#payment", False), ("SHIPMENT", False)],
)
def test_filter_of_the_order_index_passes_orders_only(key: str, passes: bool) -> None:
    record = {"dynamodb": {"Keys": {"PK": {"S": "ORDER#ord_1"}, "SK": {"S": key}}}}
    assert passes_filters("event_handlers.index_orders", record) is passes


def passes_filters(module: str, record: Mapping[str, Any]) -> bool:
    (reader,) = (
        function
        for feature in FEATURES
        for function in feature.functions
        if isinstance(function, StreamReader) and function.module == module
    )
    return any(matches(json.loads(pattern), record) for pattern in reader.only)
