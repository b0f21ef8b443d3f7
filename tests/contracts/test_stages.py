"""Stages: valid settings, and their effect on the templates."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.manifest import Access, Endpoint, Feature
from infra.check import template_findings
from infra.nag import nag_findings
from infra.stacks.edge import cached_paths
from infra.stages import DEV, LOCAL, PROD, STAGES, Domain, InvalidStage, selected_stage
from infra.synthesis import synthesize_stage
from shop.entrypoints.caching import CHANNEL_HEADERS
from tests.contracts.templates import stacks_of

OWN = replace(
    PROD,
    payment_public_key="pk_live_51",
    mail_from="orders@shop.com",
    staff_mail="staff@examples.com",
    alarm_mail="alarms@shop.com",
    terms_url="https://shop.com/terms",
    privacy_url="https://shop.com/privacy.example-page",
)
"""Production as its owner sets it."""

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "page",
    ["http://shop.example.com/{kind}/{id}", "https://shop.example.com/{id}", "https://x/{kind}"],
)
def test_shop_page_is_a_complete_https_address(page: str) -> None:
    assert replace(LOCAL, shop_page="https://shop.example.com/{kind}/{id}").shop_page
    with pytest.raises(InvalidStage, match="page"):
        replace(LOCAL, shop_page=page)


@pytest.mark.parametrize("mail", [None, "", "alarms", "a@b", "two@a.com, three@a.com", "a b@c.com"])
def test_production_without_a_recipient_of_alarms_is_rejected(mail: str | None) -> None:
    assert replace(PROD, alarm_mail="alarms@shop.com").alarm_mail
    with pytest.raises(InvalidStage, match=r"^prod: .*alarm_mail") as rejected:
        replace(PROD, alarm_mail=mail)
    if not mail:
        assert "infra/stages.py" in str(rejected.value)


@pytest.mark.parametrize("setting", ["mail_from", "staff_mail", "alarm_mail"])
@pytest.mark.parametrize(
    "mail", ["shop", "a..b@shop.com", ".a@shop.com", "a@-x.com", "a@sh\u00adop.com", "a@bücher.com"]
)
def test_every_address_of_a_stage_is_one_that_aws_can_send_to(setting: str, mail: str) -> None:
    invalid: dict[str, Any] = {setting: mail}
    valid: dict[str, Any] = {setting: "a@xn--bcher-kva.com"}
    with pytest.raises(InvalidStage, match=rf"^dev: {setting} is "):
        replace(DEV, **invalid)
    assert getattr(replace(DEV, **valid), setting) == valid[setting]


def test_other_stages_need_no_recipient_of_alarms() -> None:
    assert replace(DEV, alarm_mail=None).alarm_mail is None


@pytest.mark.parametrize("minutes", [-15, 1, 7, 45, 90])
def test_digest_covers_a_divisor_of_an_hour_or_is_off(minutes: int) -> None:
    assert replace(PROD, order_digest_minutes=0).order_digest_minutes == 0
    with pytest.raises(InvalidStage, match=r"^prod: order_digest_minutes is"):
        replace(PROD, order_digest_minutes=minutes)


def test_settings_of_the_example_shop_are_listed() -> None:
    assert PROD.placeholders() == [
        "payment_public_key",
        "mail_from",
        "staff_mail",
        "terms_url",
        "privacy_url",
        "alarm_mail",
    ]
    assert OWN.placeholders() == []


def test_stage_comes_from_the_environment_and_is_local_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOORBUSTER_STAGE", raising=False)
    assert selected_stage() is LOCAL
    monkeypatch.setenv("DOORBUSTER_STAGE", "prod")
    assert selected_stage() is PROD
    monkeypatch.setenv("DOORBUSTER_STAGE", "production")
    with pytest.raises(InvalidStage, match="the stages are local, test, dev, prod"):
        selected_stage()


def test_emulated_stages_have_a_fixed_api_id() -> None:
    for stage in STAGES.values():
        if stage.is_emulated:
            assert stage.api_id is not None
            assert len(stage.api_id) == 8
            assert set(stage.api_id) <= set("0123456789abcdef")
        else:
            assert stage.api_id is None


def test_stage_in_another_region_with_its_own_domain_has_no_findings(tmp_path: Path) -> None:
    domain = Domain(name="shop.example.com", certificate=CERTIFICATE)
    page = "https://shop.example.com/{kind}/{id}"
    stage = replace(PROD, region="eu-central-1", domain=domain, shop_page=page)
    assembly = synthesize_stage(stage, tmp_path / "out")
    files = {name: assembly.folder / f"{name}.template.json" for name in assembly.templates()}
    assert nag_findings(files, assembly.suppressions(), tmp_path / "nag") == []
    assert list(template_findings(stage, assembly)) == []
    made = assembly.templates()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())["artifacts"]
    regions = {name: manifest[name]["environment"].rpartition("/")[2] for name in made}
    assert regions.pop("doorbuster-prod-edge") == "us-east-1"
    assert set(regions.values()) == {"eu-central-1"}
    assert "'SHOP_URL': 'https://shop.example.com'" in str(made["doorbuster-prod-cart"])
    assert f"'SHOP_PAGE': '{page}'" in str(made["doorbuster-prod-checkout"])
    edge = made["doorbuster-prod-edge"]
    assert "TLSv1.2_2021" in str(edge)
    key = "{{resolve:secretsmanager:doorbuster/prod/edge:SecretString:::}}"
    assert f"'HeaderName': 'Shop-Edge', 'HeaderValue': '{key}'" in str(edge)
    assert "'ReplicaRegions': [{'Region': 'eu-central-1'}]" in str(edge)
    assert "request.headers['shop-viewer'] = {value: event.viewer.ip}" in str(edge).replace(
        "\\'", "'"
    )
    for group, has_key in (("cart", True), ("mcp", True), ("staff-catalog", False)):
        assert (f"'EDGE_KEY': '{key}'" in str(made[f"doorbuster-prod-{group}"])) is has_key


def test_cdn_keys_the_catalog_by_what_its_responses_vary_on() -> None:
    edge = stacks_of(STAGES["dev"])["doorbuster-dev-edge"]["Resources"].values()
    (policy,) = [each for each in edge if each["Type"] == "AWS::CloudFront::CachePolicy"]
    config = policy["Properties"]["CachePolicyConfig"]
    key = config["ParametersInCacheKeyAndForwardedToOrigin"]
    assert {"Origin", *CHANNEL_HEADERS} == set(key["HeadersConfig"]["Headers"])
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    assert config["MinTTL"] == 0, "an error, or a page that must not be kept, is not kept"
    (distribution,) = [each for each in edge if each["Type"] == "AWS::CloudFront::Distribution"]
    behaviors = distribution["Properties"]["DistributionConfig"]["CacheBehaviors"]
    paths = [behavior["PathPattern"] for behavior in behaviors]
    assert {"/catalog/products", "/catalog/products/*"} <= set(paths)


def test_cached_paths_are_sorted_from_fixed_to_variable() -> None:
    def route(path: str, *, cached: bool) -> Endpoint:
        module = "things." + "".join(filter(str.isalpha, path))
        return Endpoint(
            route=f"GET {path}", module=module, access=Access.PUBLIC, summary="", cached=cached
        )

    feature = Feature(
        "things",
        (
            route("/things/{id}/parts", cached=True),
            route("/things/all", cached=True),
            route("/orders/{id}", cached=False),
        ),
    )
    assert cached_paths([feature]) == ["/things/all", "/things/*/parts"]
