"""The PATCH beside a PUT of staff: the same caller, tables, body and response."""

from dataclasses import replace

from functions.manifest import Endpoint

UNSUPPORTED_MEDIA_TYPE = 415


def with_patch(put: Endpoint, summary: str) -> tuple[Endpoint, Endpoint]:
    """Return the entry of a PUT, and that of the PATCH of the same resource.

    The file of ``update_product`` or ``set_product`` is ``patch_product``. ``request`` stays the
    body of the PUT, which the patched resource must match (``shop.entrypoints.merge_patch``).
    """
    if put.method != "PUT" or not put.request or not put.versioned:
        raise ValueError(f"{put.route}: only a PUT with a body and a version can have a PATCH.")
    group, _, file = put.module.partition(".")
    resource = file.partition("_")[2]
    patch = replace(
        put,
        route=f"PATCH {put.path}",
        module=f"{group}.patch_{resource}",
        summary=summary,
        errors=(*put.errors, UNSUPPORTED_MEDIA_TYPE),
    )
    return put, patch
