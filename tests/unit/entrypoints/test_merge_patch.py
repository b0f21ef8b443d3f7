"""JSON Merge Patch of a resource: the examples of RFC 7396, and what the shop adds to them."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource, merge, patch_endpoint
from tests.kit.shop import ApiResponse, call

# Appendix A of RFC 7396, without the documents that are not objects: a resource is always one.
Document = dict[str, Any]
APPENDIX_A: tuple[tuple[Document, Document, Document], ...] = (
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
)


@pytest.mark.parametrize(("target", "patch", "result"), APPENDIX_A)
def test_merge_follows_the_rfc(
    target: Mapping[str, Any], patch: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    before = json.dumps([target, patch])
    assert merge(target, patch) == result
    assert json.dumps([target, patch]) == before, "an argument was changed"


def test_null_of_an_absent_member_can_stay() -> None:
    assert merge({"a": 1}, {"a": None, "b": None}, keep_absent=True) == {"b": None}
    assert merge({}, {"a": {"b": None}}, keep_absent=True) == {"a": {"b": None}}


# ---------------------------------------------------------------------------------- a resource


class PosterSize(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    width: int
    depth: int = 30


class PosterBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str
    size: PosterSize | None = None
    labels: Annotated[list[str], Field(default_factory=list)]
    reason: str = ""
    version: int | None = None


class PosterView(PosterBody):
    id: str


class Poster:
    """A resource in memory."""

    def __init__(self) -> None:
        self.view = PosterView(
            id="1",
            title="Oak",
            size=PosterSize(width=80),
            labels=["new"],
            reason="Added",
            version=3,
        )
        self.written: list[PosterBody] = []

    def read(self, request: Request[Any]) -> Response:
        return Response(self.view, headers={"ETag": f'"{self.view.version}"'})

    def replace(self, request: Request[PosterBody]) -> Response:
        self.written.append(request.body)
        fields = request.body.model_dump() | {"version": 4}
        return Response(PosterView(id="1", **fields), headers={"ETag": '"4"'})

    def patch(self, body: Any, *, if_match: str | None = '"3"', **headers: str) -> ApiResponse:
        resource = EditableResource(
            schema=PosterBody, read=self.read, replace=self.replace, read_only=("id",)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if if_match is not None:
            sent["if-match"] = if_match
        route = "PATCH /posters/{id}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return call(patch_endpoint(resource), route, raw=raw.decode(), headers=sent, id="1")


@pytest.fixture(autouse=True)
def _public_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "public")


@pytest.fixture
def poster() -> Poster:
    return Poster()


def problem_of(response: ApiResponse) -> tuple[int, str, str]:
    (problem, *_) = response.json["errors"]
    return response.status, problem["code"], problem.get("path", "")


def test_fields_that_the_patch_does_not_name_stay(poster: Poster) -> None:
    assert poster.patch({"size": {"depth": 40}}).status == 200
    (body,) = poster.written
    assert (body.title, body.labels) == ("Oak", ["new"])
    assert body.size == PosterSize(width=80, depth=40)


def test_reason_of_the_former_change_is_not_that_of_the_next_one(poster: Poster) -> None:
    poster.patch({"title": "Ash"})
    poster.patch({"title": "Ash", "reason": "Sold out"})
    assert [body.reason for body in poster.written] == ["", "Sold out"]


def test_version_of_the_body_counts_without_the_header(poster: Poster) -> None:
    assert poster.patch({"title": "Ash", "version": 3}, if_match=None).status == 200
    missing = poster.patch({"title": "Ash"}, if_match=None)
    assert problem_of(missing) == (400, "version_missing", "If-Match")
    removed = poster.patch({"title": "Ash", "version": None}, if_match=None)
    assert problem_of(removed) == (400, "version_missing", "If-Match")


@pytest.mark.parametrize("version", ["2", "4"])
def test_patch_is_merged_into_the_version_that_the_client_read_only(
    poster: Poster, version: str
) -> None:
    # Version 4 was written after the shop read version 3: merging into 3 would undo it.
    response = poster.patch({"title": "Ash"}, if_match=version)
    assert (response.status, response.json["code"]) == (409, "stale")
    assert poster.written == []


@pytest.mark.parametrize(
    "patch",
    [{}, {"title": "Oak"}, {"size": {}}, {"size": {"width": 80}}, {"reason": "Again"}],
)
def test_patch_that_changes_nothing_writes_nothing(poster: Poster, patch: Any) -> None:
    response = poster.patch(patch)
    assert response.status == 200
    assert response.json["version"] == 3
    assert response.headers["ETag"] == '"3"'
    assert poster.written == []


@pytest.mark.parametrize(
    ("patch", "code", "path"),
    [
        ({"title": None}, "missing", "$.title"),
        ({"size": {"width": None}}, "missing", "$.size.width"),
        ({"title": 1}, "wrong_type", "$.title"),
        ({"labels": [None]}, "wrong_type", "$.labels[0]"),
        ({"colour": "red"}, "unknown_field", "$.colour"),
        ({"colour": None}, "unknown_field", "$.colour"),
        ({"size": {"colour": None}}, "unknown_field", "$.size.colour"),
        ({"id": "2"}, "field_read_only", "$.id"),
        ({"id": "1"}, "field_read_only", "$.id"),
        ({"id": None}, "field_read_only", "$.id"),
        ([], "wrong_type", "$"),
        ("title", "wrong_type", "$"),
        (None, "wrong_type", "$"),
    ],
)
def test_invalid_patch_is_rejected_at_its_field(
    poster: Poster, patch: Any, code: str, path: str
) -> None:
    assert problem_of(poster.patch(patch)) == (400, code, path)
    assert poster.written == []


def test_null_of_a_known_field_that_is_absent_changes_nothing(poster: Poster) -> None:
    poster.view = poster.view.model_copy(update={"size": None})
    assert poster.patch({"size": None}).status == 200
    assert poster.written == []


def test_null_removes_an_object_and_a_list(poster: Poster) -> None:
    assert poster.patch({"size": None, "labels": None}).status == 200
    (body,) = poster.written
    assert (body.size, body.labels) == (None, [])


def test_list_is_replaced_as_a_whole(poster: Poster) -> None:
    poster.patch({"labels": ["old"]})
    assert poster.written[0].labels == ["old"]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/merge-patch+json",
        "application/json",
        "Application/Merge-Patch+JSON; charset=utf-8",
    ],
)
def test_media_types_of_a_patch_are_accepted(poster: Poster, media_type: str) -> None:
    assert poster.patch({"title": "Ash"}, content_type=media_type).status == 200


@pytest.mark.parametrize(
    "media_type", ["application/json-patch+json", "text/plain", "", "application/xml"]
)
def test_other_media_types_are_unsupported(poster: Poster, media_type: str) -> None:
    response = poster.patch({"title": "Ash"}, content_type=media_type)
    assert problem_of(response) == (415, "content_type_unsupported", "Content-Type")
    assert poster.written == []


@pytest.mark.parametrize(("body", "code"), [(b"", "body_missing"), (b"{", "json_malformed")])
def test_body_that_is_no_json_is_rejected(poster: Poster, body: bytes, code: str) -> None:
    assert problem_of(poster.patch(body))[:2] == (400, code)
