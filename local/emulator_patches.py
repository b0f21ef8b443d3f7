"""Corrections of MiniStack 1.5.33 (docs/local-cloud.md has each finding)."""

import contextvars
import hashlib
import logging
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

log = logging.getLogger("doorbuster.emulator")

TIMEOUT_FACTOR = 10
"""A laptop is shared: what takes 3 s alone takes 30 s beside a dozen other programs."""


def extend_timeouts() -> None:
    """Give a Lambda ten times its timeout, so that no result depends on how busy a laptop is.

    The templates keep the timeouts of AWS, and the contract tests check them there.
    """
    from ministack.core.lambda_runtime import Worker

    begin = Worker.__init__

    def begin_with_time(worker: Any, name: str, config: dict[str, Any], package: bytes) -> None:
        timeout = float(config.get("Timeout", 3)) * TIMEOUT_FACTOR
        begin(worker, name, {**config, "Timeout": timeout}, package)

    Worker.__init__ = begin_with_time


def simplify_metric_math_alarms() -> None:
    """Accept alarms with metric math, and let them watch their first metric instead.

    MiniStack's CloudFormation rejects them. On a laptop no alarm notifies anyone; the contract
    tests check alarms in the templates.
    """
    from ministack.services.cloudformation import provisioners

    record = provisioners._cw_metric_alarm_record

    def plain(name: str, props: dict[str, Any]) -> Any:
        stats = [m["MetricStat"] for m in props.get("Metrics") or () if m.get("MetricStat")]
        if stats:
            props = {
                **{name: value for name, value in props.items() if name != "Metrics"},
                **stats[0]["Metric"],
                "Period": stats[0]["Period"],
                "Statistic": stats[0]["Stat"],
            }
        return record(name, props)

    provisioners._cw_metric_alarm_record = plain


def reject_malformed_tokens() -> None:
    """Return 401, as AWS does, for a token whose parts are JSON but no objects."""
    from ministack.services import apigateway

    validate = apigateway._validate_jwt_authorizer

    async def guarded(*requested: Any) -> Any:
        try:
            return await validate(*requested)
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            log.info("a malformed token: %s", error)
            return None, None, apigateway._jwt_unauthorized()

    apigateway._validate_jwt_authorizer = guarded


def read_cors_of_templates() -> None:
    """Answer preflights from the template's ``CorsConfiguration``, as AWS does.

    MiniStack stores it with the template's names (``AllowOrigins``) and looks for those of the API
    (``allowOrigins``). It therefore refuses every preflight, and no response has a CORS header.
    """
    from ministack.services import apigateway

    preflight = apigateway._cors_preflight_response
    decorate = apigateway._cors_response_headers

    def api_names(configuration: dict[str, Any]) -> dict[str, Any]:
        return {name[0].lower() + name[1:]: value for name, value in configuration.items()}

    # At each request, so that an API of a saved state is corrected too.
    def preflight_response(configuration: dict[str, Any], origin: str) -> Any:
        return preflight(api_names(configuration), origin)

    def response_headers(configuration: dict[str, Any], origin: str) -> Any:
        return decorate(api_names(configuration), origin)

    apigateway._cors_preflight_response = preflight_response
    apigateway._cors_response_headers = response_headers


def preserve_body_bytes() -> None:
    """Send a body that is not UTF-8 to its Lambda in base64, whatever its content type.

    MiniStack sends the bodies of text types as text and replaces other bytes by U+FFFD.
    """
    from ministack.services import apigateway

    is_text = apigateway._v2_request_body_is_text
    invoke = apigateway._invoke_lambda_proxy
    readable: contextvars.ContextVar[bool] = contextvars.ContextVar("readable", default=True)

    def is_utf8_text(content_type: str | None) -> bool:
        return readable.get() and is_text(content_type)

    async def invoke_with_body_bytes(
        integration: Any,
        api: str,
        stage: str,
        path: str,
        method: str,
        headers: Any,
        body: bytes,
        *rest: Any,
        **more: Any,
    ) -> Any:
        readable.set(_is_utf8(body))
        return await invoke(integration, api, stage, path, method, headers, body, *rest, **more)

    apigateway._v2_request_body_is_text = is_utf8_text
    apigateway._invoke_lambda_proxy = invoke_with_body_bytes


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def share_unpacked_packages(folder: Path) -> None:
    """Unpack each code package and layer once; the Lambdas' workers link to it.

    MiniStack unpacks both for every worker: some 1,500 files and 15 MB each. That is most of a
    cold start, and deleting them kept a stopping emulator busy for minutes on a slow disk.
    """
    from ministack.core import lambda_runtime

    lock = threading.Lock()

    class SharedPackage(zipfile.ZipFile):
        """A package whose content is unpacked under its hash."""

        def __init__(self, file: str) -> None:
            super().__init__(file)
            self._file = Path(file)
            with self._file.open("rb") as content:
                self._unpacked = folder / hashlib.file_digest(content, "sha256").hexdigest()

        def namelist(self) -> list[str]:
            # MiniStack resolves each path of the list; unpacked ones passed that check before.
            return [] if self._unpacked.exists() else super().namelist()

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            with lock:
                if not self._unpacked.exists():
                    # Renamed when complete, so that no worker starts with a part of it.
                    partial = self._unpacked.with_suffix(".partial")
                    super().extractall(partial, members, pwd)
                    partial.rename(self._unpacked)
            Path(path).rmdir()
            Path(path).symlink_to(self._unpacked)
            self._file.unlink()

    folder.mkdir(parents=True, exist_ok=True)
    lambda_runtime.zipfile = types.SimpleNamespace(
        ZipFile=SharedPackage,
        BadZipFile=zipfile.BadZipFile,
        LargeFileError=zipfile.LargeZipFile,
    )
