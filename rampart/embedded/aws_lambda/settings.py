"""A function's configuration: what the API takes, what it checks, and how it is shown."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rampart.embedded.aws_lambda.runner import Package
from rampart.embedded.aws_lambda.state import LATEST, LambdaState, VersionConfig, function_arn, iso_time
from rampart.embedded.wire import ApiError

CONFIGURATION = frozenset(
    {
        "DeadLetterConfig",
        "Description",
        "DurableConfig",
        "Environment",
        "EphemeralStorage",
        "Handler",
        "ImageConfig",
        "Layers",
        "LoggingConfig",
        "MemorySize",
        "Role",
        "Runtime",
        "SnapStart",
        "Timeout",
        "TracingConfig",
    }
)
KMS_KEY = "SourceKMSKeyArn"
"""What GetFunction tells with the code: the key of its owner with which a zip is encrypted."""
_DEFAULTS: dict[str, Any] = {
    "Architectures": ["x86_64"],
    "Description": "",
    "EphemeralStorage": {"Size": 512},
    "MemorySize": 128,
    "PackageType": "Zip",
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
# Lambda developer guide: Lambda quotas.
_MAXIMUM_TIMEOUT_SECONDS = 900
_MAXIMUM_MEMORY_MB = 10_240
_MAXIMUM_ENVIRONMENT_BYTES = 4096
_MAXIMUM_LAYERS = 5
# Lambda developer guide: Defined runtime environment variables, "Reserved environment variables".
# Lambda developer guide: Improving startup performance with Lambda SnapStart, "Supported features and limitations".
_SNAP_START_FROM = (3, 12)
_RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def new_settings(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of a function that CreateFunction asks for."""
    package_type = params.get("PackageType", "Zip")
    missing = [each for each in ("Handler", "Runtime") if each not in params]
    if missing and package_type == "Zip":
        message = f"{' and '.join(missing)} must be given when the deployment package is a .zip file archive."
        raise ApiError("InvalidParameterValueException", message)
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    settings = {**_DEFAULTS, "PackageType": package_type, "LoggingConfig": logging}
    if "Architectures" in params:
        settings["Architectures"] = list(params["Architectures"])
    return changed_settings(settings, params)


def changed_settings(settings: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the given members replaced, once it is known to be allowed."""
    _check_package_type(settings["PackageType"], params)
    changed = {**settings, **{name: params[name] for name in CONFIGURATION if name in params}}
    if "LoggingConfig" in params:
        changed["LoggingConfig"] = _logging(settings["LoggingConfig"], params["LoggingConfig"])
    # Lambda API: an empty TargetArn or an empty list of variables or layers takes the setting away.
    if not changed.get("DeadLetterConfig", {}).get("TargetArn"):
        changed.pop("DeadLetterConfig", None)
    if not changed.get("Environment", {}).get("Variables"):
        changed.pop("Environment", None)
    if not changed.get("Layers"):
        changed.pop("Layers", None)
    if not any(changed.get("ImageConfig", {}).values()):
        changed.pop("ImageConfig", None)
    _check(changed)
    return changed


def layer_packages(state: LambdaState, settings: Mapping[str, Any]) -> tuple[Package, ...]:
    """Return the packages of the layers that a configuration names."""
    packages = []
    for arn in settings.get("Layers", ()):
        package = state.layers.get(arn)
        if package is None:
            raise ApiError("InvalidParameterValueException", f"Layer version {arn} does not exist.")
        packages.append(package)
    return tuple(packages)


def configuration(state: LambdaState, version: VersionConfig, qualifier: str | None) -> dict[str, Any]:
    """Return the FunctionConfiguration of a version as it is seen under `qualifier`."""
    now = state.clock.now()
    hidden = ("ImageConfig", KMS_KEY, "Layers", "SnapStart")
    shown = {name: value for name, value in version.settings.items() if name not in hidden}
    if "ImageConfig" in version.settings:
        shown["ImageConfigResponse"] = {"ImageConfig": version.settings["ImageConfig"]}
    if version.layers:
        arns = version.settings["Layers"]
        shown["Layers"] = [
            {"Arn": arn, "CodeSize": len(package.data)} for arn, package in zip(arns, version.layers, strict=True)
        ]
    frozen = json.dumps(version.settings, sort_keys=True).encode()
    return {
        **shown,
        **_status(state, version, now),
        "FunctionName": version.function,
        "FunctionArn": function_arn(version.function, qualifier),
        "Version": version.version,
        "CodeSize": version.code.size,
        "CodeSha256": version.code.sha256,
        "ConfigSha256": hashlib.sha256(frozen).hexdigest(),
        "LastModified": iso_time(version.modified),
        "RevisionId": version.current_revision_id(now),
        "SnapStart": _snap_start(version, now),
    }


def _snap_start(version: VersionConfig, now: float) -> dict[str, str]:
    # Lambda API: SnapStartResponse; Lambda developer guide: Activating and managing Lambda SnapStart: a snapshot
    # is made of published versions only, which are Pending until there is one.
    is_on = version.applies_snap_start and version.version != LATEST and not version.is_busy(now)
    apply_on = "PublishedVersions" if version.applies_snap_start else "None"
    return {"ApplyOn": apply_on, "OptimizationStatus": "On" if is_on else "Off"}


def _status(state: LambdaState, version: VersionConfig, now: float) -> dict[str, str]:
    # Lambda developer guide: Lambda function states.
    if not version.is_busy(now):
        if state.lost_its_image(version):
            # Lambda finds out when it fetches the image anew, which may be weeks later; here it does at once.
            return {
                "State": "Inactive",
                "StateReason": "The function is trying to use a deleted image.",
                "StateReasonCode": "ImageDeleted",
                "LastUpdateStatus": "Successful",
            }
        return {"State": "Active", "LastUpdateStatus": "Successful"}
    reason = "The function is being created."
    if version.busy == "create":
        return {
            "State": "Pending",
            "StateReason": reason,
            "StateReasonCode": "Creating",
            "LastUpdateStatus": "Successful",
        }
    return {
        "State": "Active",
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": reason,
        "LastUpdateStatusReasonCode": "Creating",
    }


def _logging(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    logging = {**before, **given}
    levels = ("ApplicationLogLevel", "SystemLogLevel")
    if logging["LogFormat"] == "Text":
        # Lambda API: LoggingConfig, "you can only set log levels if LogFormat is JSON".
        if any(level in given for level in levels):
            message = "Log levels can only be set when the log format is JSON."
            raise ApiError("InvalidParameterValueException", message)
        return {name: value for name, value in logging.items() if name not in levels}
    return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}


def _check_package_type(package_type: str, params: Mapping[str, Any]) -> None:
    """Raise ApiError for members that a function of the other package type has."""
    if package_type == "Image" and {"Handler", "Runtime", "Layers"} & set(params):
        message = (
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
        )
        raise ApiError("InvalidParameterValueException", message)
    if package_type == "Zip" and "ImageConfig" in params:
        message = "ImageConfig is for functions with PackageType Image."
        raise ApiError("InvalidParameterValueException", message)


def _check(settings: Mapping[str, Any]) -> None:
    checks = (_range_problem, _variables_problem, _layers_problem, _snap_start_problem)
    problem = next(filter(None, (problem_of(settings) for problem_of in checks)), None)
    if problem:
        raise ApiError("InvalidParameterValueException", problem)
    if settings["PackageType"] == "Image":
        _check_image_config(settings.get("ImageConfig", {}))
    elif not settings["Runtime"].startswith("python3"):
        message = f"The embedded AWS runs Python only, not {settings['Runtime']}."
        raise ApiError("NotImplementedException", message, 501)


def _check_image_config(config: Mapping[str, Any]) -> None:
    """Raise ApiError unless the entry point is the image's own, and gets one handler."""
    other = sorted(name for name, value in config.items() if value and name != "Command")
    if other or len(config.get("Command", ["handler"])) != 1:
        what = f"ImageConfig.{' and ImageConfig.'.join(other)}" if other else "more than a handler as Command"
        raise ApiError("NotImplementedException", f"The embedded AWS does not support {what}.", 501)


def _range_problem(settings: Mapping[str, Any]) -> str | None:
    limits = {"Timeout": _MAXIMUM_TIMEOUT_SECONDS, "MemorySize": _MAXIMUM_MEMORY_MB}
    for name, limit in limits.items():
        if settings[name] > limit:
            return (
                f"'{name}' value failed to satisfy constraint: Member must have value less than or equal to {limit}"
            )
    return None


def _variables_problem(settings: Mapping[str, Any]) -> str | None:
    variables = settings.get("Environment", {}).get("Variables", {})
    refused = "Lambda was unable to configure your environment variables because the environment variables"
    reserved = sorted(_RESERVED_VARIABLES & set(variables))
    if reserved:
        return (
            f"{refused} you have provided contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    if len(json.dumps(variables, separators=(",", ":")).encode()) > _MAXIMUM_ENVIRONMENT_BYTES:
        return f"{refused} you have provided exceeded the 4KB limit."
    return None


def _layers_problem(settings: Mapping[str, Any]) -> str | None:
    if len(settings.get("Layers", ())) > _MAXIMUM_LAYERS:
        return f"Cannot reference more than {_MAXIMUM_LAYERS} layers."
    return None


def _snap_start_problem(settings: Mapping[str, Any]) -> str | None:
    if settings.get("SnapStart", {}).get("ApplyOn", "None") == "None":
        return None
    runtime = str(settings.get("Runtime", ""))
    version = tuple(int(part) for part in runtime.removeprefix("python").split(".") if part.isdecimal())
    if settings["PackageType"] == "Image" or version < _SNAP_START_FROM:
        return f"{runtime or 'A container image'} is not supported for SnapStart enabled functions."
    if settings["EphemeralStorage"]["Size"] > 512:
        return "SnapStart does not support ephemeral storage of more than 512 MB."
    return None
