"""Cognito user pools: one for customers, one for staff, each with one app client."""

from typing import Any, Literal

from infra.constructs.iam import UserPool
from infra.constructs.intrinsics import sub
from infra.constructs.stack import Resource, ShopStack

Mfa = Literal["ON", "OPTIONAL"]

_CODE = "The verification code to your new account is {####}"
_SUBJECT = "Verify your new account"


def add_user_pool(
    stack: ShopStack, name: str, *, self_sign_up: bool, mfa: Mfa, readable_usernames: bool = False
) -> Resource:
    """Add a pool whose users sign in with their email address and a password.

    With ``readable_usernames`` the address is the username itself, so that access tokens name the
    user to people. Otherwise Cognito generates a UUID, and the address may change.
    """
    usernames = {} if readable_usernames else {"UsernameAttributes": ["email"]}
    pool = stack.add(
        "AWS::Cognito::UserPool",
        f"{name}Pool/Resource",  # "Customers" is the construct of a table
        {
            "UserPoolName": stack.names.of(name.lower()),
            "UserPoolTier": "ESSENTIALS",
            **usernames,
            "UsernameConfiguration": {"CaseSensitive": False},
            "AutoVerifiedAttributes": ["email"],
            "AccountRecoverySetting": {
                "RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]
            },
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": not self_sign_up},
            "MfaConfiguration": mfa,
            "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
            "Policies": {"PasswordPolicy": _password_policy()},
            "DeletionProtection": "ACTIVE" if stack.stage.production else "INACTIVE",
            "EmailVerificationMessage": _CODE,
            "EmailVerificationSubject": _SUBJECT,
            "SmsVerificationMessage": _CODE,
            "VerificationMessageTemplate": {
                "DefaultEmailOption": "CONFIRM_WITH_CODE",
                "EmailMessage": _CODE,
                "EmailSubject": _SUBJECT,
                "SmsMessage": _CODE,
            },
        },
        deletion=stack.data_policy,
    )
    stack.suppress(
        pool,
        "AwsSolutions-COG8",
        "Threat protection is billed per user and month. Clients call Cognito directly, so the web "
        "firewall does not protect it; docs/adr/two-user-pools.md lists the measures that do.",
    )
    return pool


def add_app_client(
    stack: ShopStack, path: str, pool: Resource, name: str, *, refresh_days: float
) -> UserPool:
    """Add the pool's one client, without a secret: browsers and phones cannot protect one."""
    flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    if stack.stage.passwords:
        flows.insert(0, "ALLOW_USER_PASSWORD_AUTH")
    client = stack.add(
        "AWS::Cognito::UserPoolClient",
        f"{path}/Client/Resource",
        {
            "ClientName": stack.names.of(name.lower()),
            "UserPoolId": pool.ref,
            "GenerateSecret": False,
            "ExplicitAuthFlows": flows,
            "SupportedIdentityProviders": ["COGNITO"],
            "AllowedOAuthFlowsUserPoolClient": False,
            "PreventUserExistenceErrors": "ENABLED",
            "EnableTokenRevocation": True,
            "AccessTokenValidity": 60,
            "IdTokenValidity": 60,
            "RefreshTokenValidity": round(refresh_days * 24 * 60),
            "TokenValidityUnits": {
                "AccessToken": "minutes",
                "IdToken": "minutes",
                "RefreshToken": "minutes",
            },
        },
    )
    stack.output(f"{name}PoolId", pool.ref)
    stack.output(f"{name}ClientId", client.ref)
    issuer = "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}"
    # A Lambda on the emulator fetches the keys there; the issuer in a token keeps AWS's form.
    keys = stack.stage.emulator or issuer
    identifier = pool.shared_ref()
    return UserPool(
        issuer=sub(f"{issuer}/${{Pool}}", Pool=identifier),
        keys=sub(f"{keys}/${{Pool}}/.well-known/jwks.json", Pool=identifier),
        client=client.shared_ref(),
    )


def _password_policy() -> dict[str, Any]:
    return {
        "MinimumLength": 12,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": True,
        "RequireUppercase": True,
        "TemporaryPasswordValidityDays": 3,
    }
