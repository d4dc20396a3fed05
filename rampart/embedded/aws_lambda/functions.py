"""Functions and their versions: create, update, publish, show, list, delete."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rampart.embedded.aws_lambda.images import ImageCode
from rampart.embedded.aws_lambda.packages import CodeSource, check_unzipped_size, read_package
from rampart.embedded.aws_lambda.runner import Package
from rampart.embedded.aws_lambda.settings import (
    KMS_KEY,
    changed_settings,
    configuration,
    layer_packages,
    new_settings,
)
from rampart.embedded.aws_lambda.state import (
    LATEST,
    FunctionRecord,
    LambdaState,
    VersionConfig,
    function_arn,
    not_found,
    require_revision,
    split_name,
)
from rampart.embedded.wire import ApiError

_CODE = ("ImageUri", "S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode", "ZipFile")


class Functions:
    """The operations on functions and versions."""

    def __init__(self, state: LambdaState, code: CodeSource) -> None:
        self._state = state
        self._code = code

    def create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """CreateFunction: $LATEST is Pending for a while; Publish makes version 1 at once."""
        name = self._new_name(params["FunctionName"])
        settings = new_settings(name, params)
        source = {name: value for name, value in params["Code"].items() if name != KMS_KEY}
        code = self._read(source, settings["PackageType"], "creating")
        settings |= _key(params["Code"])
        with self._state.lock:
            if name in self._state.functions:
                message = f"Function already exist: {name}"
                raise ApiError("ResourceConflictException", message, 409)
            latest = self._changed(name, settings, code, "create")
            record = FunctionRecord(name, latest, latest, dict(params.get("Tags", {})))
            self._state.functions[name] = record
            if params.get("Publish"):
                return self._publish(record, None)
            return configuration(self._state, latest, None)

    def update_code(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateFunctionCode: the old code runs on until the update has settled."""
        with self._state.lock:
            package_type = self._state.locate_unqualified(params).latest.settings["PackageType"]
        code = self._read({each: params[each] for each in _CODE if each in params}, package_type, "updating")
        # Lambda API: UpdateFunctionCode, Architectures, "The default value is x86_64"; it is taken at its
        # word, so a caller that leaves it out does not keep an arm64 function.
        architectures = list(params.get("Architectures", ["x86_64"]))
        with self._state.lock:
            record = self._updatable(params)
            self._state.require_room(code.size - record.latest.code.size)
            # SourceKMSKeyArn: "If you don't provide a customer managed key, Lambda uses an AWS owned key."
            kept = {name: value for name, value in record.latest.settings.items() if name != KMS_KEY}
            settings = {**kept, "Architectures": architectures, **_key(params)}
            latest = self._changed(record.name, settings, code, "update")
            if params.get("DryRun"):
                return configuration(self._state, latest, None)
            self._replace_latest(record, latest)
            if params.get("Publish"):
                return self._publish(record, None)
            return configuration(self._state, latest, None)

    def update_configuration(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateFunctionConfiguration: members that are not given stay as they are."""
        with self._state.lock:
            record = self._updatable(params)
            if "DurableConfig" in params and "DurableConfig" not in record.latest.settings:
                # Lambda developer guide, "Configure Lambda durable functions": it is turned on at creation only.
                message = "DurableConfig cannot be added to a function that was created without it."
                raise ApiError("InvalidParameterValueException", message)
            settings = changed_settings(record.latest.settings, params)
            latest = self._changed(record.name, settings, record.latest.code, "update")
            self._replace_latest(record, latest)
            return configuration(self._state, latest, None)

    def publish(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PublishVersion: freezes $LATEST, unless it is what the last version froze."""
        with self._state.lock:
            record = self._updatable(params)
            current = record.latest.code.sha256
            given = params.get("CodeSha256")
            if given is not None and given != current:
                message = (
                    f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). "
                    "Please try again with the CodeSHA256 in $LATEST."
                )
                raise ApiError("InvalidParameterValueException", message)
            return self._publish(record, params.get("Description"))

    def get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetFunction."""
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            shown = self._state.shown(record, qualifier)
            answer: dict[str, Any] = {
                "Configuration": configuration(self._state, shown, qualifier),
                "Code": _location(record.name, shown.code) | _key(shown.settings),
            }
            if record.tags:
                answer["Tags"] = dict(record.tags)
            if record.reserved is not None:
                answer["Concurrency"] = {"ReservedConcurrentExecutions": record.reserved}
            return answer

    def get_configuration(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetFunctionConfiguration of $LATEST, a version or an alias."""
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            return configuration(self._state, self._state.shown(record, qualifier), qualifier)

    def list_versions(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListVersionsByFunction: $LATEST first, then by number."""
        with self._state.lock:
            record = self._state.locate_unqualified(params)
            versions = sorted(record.versions.values(), key=lambda each: int(each.version))
            rows = [(f"{0:020d}", configuration(self._state, record.latest, LATEST))]
            rows += [
                (f"{int(each.version):020d}", configuration(self._state, each, each.version)) for each in versions
            ]
            return self._state.page(rows, params, "Versions")

    def list_functions(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """ListFunctions: $LATEST of each, and with FunctionVersion=ALL the versions too."""
        with self._state.lock:
            rows = []
            for name, record in sorted(self._state.functions.items()):
                rows.append((f"{name} {0:020d}", configuration(self._state, record.latest, None)))
                if params.get("FunctionVersion") == "ALL":
                    rows += [
                        (f"{name} {int(number):020d}", configuration(self._state, version, number))
                        for number, version in sorted(record.versions.items(), key=lambda item: int(item[0]))
                    ]
            return self._state.page(rows, params, "Functions")

    def delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteFunction: one version, or without a qualifier everything."""
        with self._state.lock:
            record, qualifier = self._state.locate(params)
            if qualifier is None:
                del self._state.functions[record.name]
            else:
                self._delete_version(record, qualifier)
            return {"StatusCode": 204}

    def _new_name(self, text: str) -> str:
        name, qualifier = split_name(text)
        if qualifier:
            message = f"A new function's name has no qualifier: {text}"
            raise ApiError("InvalidParameterValueException", message)
        return name

    def _delete_version(self, record: FunctionRecord, qualifier: str) -> None:
        if qualifier == LATEST:
            message = "$LATEST version cannot be deleted without deleting the function."
            raise ApiError("InvalidParameterValueException", message)
        if not qualifier.isdecimal():
            message = "Deletion of aliases is not currently supported."
            raise ApiError("InvalidParameterValueException", message)
        if qualifier not in record.versions:
            raise not_found(record.name, qualifier)
        users = sorted(alias.name for alias in record.aliases.values() if qualifier in alias.versions)
        if users:
            message = f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]"
            raise ApiError("ResourceConflictException", message, 409)
        del record.versions[qualifier]
        record.event_invoke.pop(qualifier, None)
        record.provisioned.pop(qualifier, None)
        record.policies.pop(qualifier, None)

    def _updatable(self, params: Mapping[str, Any]) -> FunctionRecord:
        """Return the function, unless it is being changed or its RevisionId is another."""
        record = self._state.locate_unqualified(params)
        now = self._state.clock.now()
        if record.latest.is_busy(now):
            # Lambda developer guide: Lambda function states, "Function states during updates".
            what = (
                "The function is currently in the following state: Pending"
                if record.latest.busy == "create"
                else f"An update is in progress for resource: {function_arn(record.name)}"
            )
            message = f"The operation cannot be performed at this time. {what}"
            raise ApiError("ResourceConflictException", message, 409)
        require_revision(params.get("RevisionId"), record.latest.current_revision_id(now))
        return record

    def _read(self, source: Mapping[str, Any], package_type: str, doing: str) -> Package | ImageCode:
        """Return the code that a function of a package type is given, which never becomes the other type."""
        if package_type == "Image":
            if set(source) != {"ImageUri"}:
                message = f"Please provide ImageUri when {doing} a function with packageType Image."
                raise ApiError("InvalidParameterValueException", message)
            return self._state.images.resolve(source["ImageUri"])
        if "ImageUri" in source:
            message = f"Please don't provide ImageUri when {doing} a function with packageType Zip."
            raise ApiError("InvalidParameterValueException", message)
        return read_package(self._code, source)

    def _changed(
        self, name: str, settings: Mapping[str, Any], code: Package | ImageCode, busy: Any
    ) -> VersionConfig:
        layers = layer_packages(self._state, settings)
        if isinstance(code, Package):
            check_unzipped_size((code, *layers))
        now = self._state.clock.now()
        return VersionConfig(
            function=name,
            version=LATEST,
            settings=settings,
            code=code,
            layers=layers,
            modified=now,
            busy=busy,
            busy_until=now + self._state.update_seconds,
            busy_revision_id=self._state.new_id(),
            revision_id=self._state.new_id(),
        )

    def _replace_latest(self, record: FunctionRecord, latest: VersionConfig) -> None:
        record.serving = record.latest
        record.latest = latest

    def _publish(self, record: FunctionRecord, description: str | None) -> dict[str, Any]:
        latest = record.latest
        last = record.versions.get(str(self._state.last_versions.get(record.name, 0)))
        if last is not None and (last.code, last.source) == (latest.code, latest.settings):
            return configuration(self._state, last, last.version)
        self._state.require_room(latest.code.size)
        # Lambda developer guide: Manage Lambda function versions, "Version numbers are never reused,
        # even for a function that has been deleted and recreated."
        number = str(self._state.last_versions.get(record.name, 0) + 1)
        settings = dict(latest.settings)
        if description is not None:
            settings["Description"] = description
        now = self._state.clock.now()
        version = replace(
            latest,
            version=number,
            settings=settings,
            source=latest.settings,
            modified=now,
            busy="create",
            busy_until=now
            + (self._state.snapshot_seconds if latest.applies_snap_start else self._state.publish_seconds),
            busy_revision_id=self._state.new_id(),
            revision_id=self._state.new_id(),
        )
        self._state.last_versions[record.name] = int(number)
        record.versions[number] = version
        return configuration(self._state, version, number)


def _key(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the customer's key with which a zip is encrypted, if there is one."""
    return {KMS_KEY: given[KMS_KEY]} if given.get(KMS_KEY) else {}


def _location(function: str, code: Package | ImageCode) -> dict[str, str]:
    """Return where GetFunction says that code is."""
    if isinstance(code, ImageCode):
        return {"RepositoryType": "ECR", "ImageUri": code.uri, "ResolvedImageUri": code.resolved_uri}
    return {"RepositoryType": "S3", "Location": f"https://embedded.invalid/{function}/{code.sha256}"}
