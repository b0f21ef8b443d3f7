"""Tokens that a person gets from `make token`, and the first staff user of `make admin`."""

import pytest

from local import token
from local.cloud import Cloud
from local.http_actors import HttpClient

pytestmark = pytest.mark.journey

PRODUCTS, ORDERS, CREDITS = "GET /staff/products", "GET /staff/orders", "GET /account/credits"


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("admin", (200, 200, 401)),
        ("catalog", (200, 403, 401)),
        ("fulfilment", (403, 200, 401)),
        ("customer", (401, 401, 200)),
    ],
)
def test_token_opens_the_routes_of_its_role(
    cloud: Cloud, role: str, statuses: tuple[int, int, int]
) -> None:
    client = HttpClient(cloud.url, token.token_of(cloud, role))
    seen = tuple(client.request(route).status for route in (PRODUCTS, ORDERS, CREDITS))
    assert seen == statuses
    # The user exists now, and a second token is as good as the first
    assert HttpClient(cloud.url, token.token_of(cloud, role)).request(PRODUCTS).status == seen[0]


def test_first_staff_user_is_created_once_and_has_all_groups(cloud: Cloud) -> None:
    cognito, pool = cloud.client("cognito-idp"), cloud.outputs()["StaffPoolId"]
    groups = token.staff_groups()
    assert token.create_admin(cognito, pool, "mia@example.com", groups[:1])
    assert not token.create_admin(cognito, pool, "mia@example.com", groups)
    found = cognito.admin_list_groups_for_user(UserPoolId=pool, Username="mia@example.com")
    assert {group["GroupName"] for group in found["Groups"]} == set(groups)
    user = cognito.admin_get_user(UserPoolId=pool, Username="mia@example.com")
    assert user["UserStatus"] == "FORCE_CHANGE_PASSWORD"
