"""Functions, the port: code and versions, over HTTP and straight over the same strict model."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.artifact import ZipArtifact
from controller.core.code import Readiness
from controller.core.errors import ConflictError, DeniedError, MissingError, RefusedError, UnavailableError
from controller.core.handler_file import Runtime
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import answering, refusing, restricted
from tests.adapters.lambda_account import Function, zipped


def test_latest_is_told_with_its_code_revision_and_architecture(
    functions: LambdaFunctions, function: Function
) -> None:
    latest = functions.latest(function.name)
    shown = function.client.get_function(FunctionName=function.name)["Configuration"]
    assert (latest.function, latest.version, latest.architecture) == (function.name, "$LATEST", "arm64")
    assert (latest.code_sha256, latest.revision_id) == (shown["CodeSha256"], shown["RevisionId"])
    assert (latest.readiness, latest.why) == (Readiness.READY, "")


def test_a_function_of_an_image_is_told_with_its_package_type_and_digest(
    functions: LambdaFunctions, function: Function, fresh: Callable[[str], str]
) -> None:
    assert (functions.latest(function.name).package_type, functions.latest(function.name).image) == ("Zip", None)
    repository, name = fresh("images"), fresh("image")
    ecr = function.aws.client("ecr")
    ecr.create_repository(repositoryName=repository)
    image = function.aws.push_image(repository, ["v1"], zipped(1), "main.handler")
    function.client.create_function(
        FunctionName=name,
        Role="arn:aws:iam::123456789012:role/app",
        PackageType="Image",
        Architectures=["arm64"],
        Code={"ImageUri": f"{image.partition('@')[0]}:v1"},
    )
    function.settle()
    latest = functions.latest(name)
    assert (latest.package_type, latest.image) == ("Image", image)


def test_the_tags_of_a_function_are_told(functions: LambdaFunctions, function: Function) -> None:
    assert functions.latest(function.name).tags == {"rampart:managed": "dev", "team": "shop"}


def test_a_function_that_does_not_exist_is_missing(functions: LambdaFunctions) -> None:
    with pytest.raises(MissingError, match="function nothing: Function not found"):
        functions.latest("nothing")
    with pytest.raises(MissingError):
        functions.version("nothing", "1")


def test_a_version_is_told_and_one_that_was_never_published_is_missing(
    functions: LambdaFunctions, function: Function
) -> None:
    assert functions.version(function.name, "1").version == "1"
    assert functions.version(function.name, "1").readiness is Readiness.READY
    with pytest.raises(MissingError):
        functions.version(function.name, "7")


def test_new_code_is_put_and_keeps_the_architecture(functions: LambdaFunctions, function: Function) -> None:
    before = functions.latest(function.name)
    updated = functions.update_code(before, function.upload(zipped(2)))
    assert updated.code_sha256 != before.code_sha256
    assert updated.architecture == "arm64"
    assert (updated.readiness, bool(updated.why)) == (Readiness.NOT_YET, True)
    function.settle()
    assert functions.latest(function.name).readiness is Readiness.READY


def test_a_package_that_is_encrypted_with_a_key_of_its_owner_stays_so(
    functions: LambdaFunctions, function: Function
) -> None:
    # Lambda API reference, UpdateFunctionCode, SourceKMSKeyArn: without it Lambda takes a key of its own.
    key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
    put = {"ZipFile": zipped(1), "Architectures": ["arm64"], "SourceKMSKeyArn": key}
    function.client.update_function_code(FunctionName=function.name, **put)
    function.settle()
    functions.update_code(functions.latest(function.name), function.upload(zipped(2)))
    function.settle()
    shown = function.client.get_function(FunctionName=function.name)
    assert shown["Configuration"]["CodeSha256"] != functions.version(function.name, "1").code_sha256
    assert shown["Code"].get("SourceKMSKeyArn") == key


def test_an_update_that_takes_longer_than_other_calls_may_is_waited_for(function: Function) -> None:
    # Lambda copies and checks the package before it answers; who gave up would never hear what its hash is.
    class Hasty:
        def __getattr__(self, name: str) -> Any:
            return getattr(function.client, name)

        def update_function_code(self, **_: Any) -> Any:
            raise ReadTimeoutError(endpoint_url="https://lambda")

    functions = LambdaFunctions(Hasty(), lambda: function.client)  # type: ignore[arg-type]
    before = functions.latest(function.name)
    updated = functions.update_code(before, function.upload(zipped(2)))
    function.settle()
    assert before.code_sha256 != updated.code_sha256 == functions.latest(function.name).code_sha256


def test_code_is_not_put_over_somebody_elses_change(functions: LambdaFunctions, function: Function) -> None:
    before = functions.latest(function.name)
    function.put(3)
    theirs = functions.latest(function.name).code_sha256
    with pytest.raises(ConflictError):
        functions.update_code(before, function.upload(zipped(2)))
    assert functions.latest(function.name).code_sha256 == theirs


def test_code_is_not_put_while_an_update_is_in_progress(functions: LambdaFunctions, function: Function) -> None:
    updated = functions.update_code(functions.latest(function.name), function.upload(zipped(2)))
    with pytest.raises(ConflictError, match="in progress"):
        functions.update_code(updated, function.upload(zipped(3)))


def test_what_is_not_a_zip_is_refused_with_lambdas_own_words(
    functions: LambdaFunctions, function: Function
) -> None:
    with pytest.raises(RefusedError, match="Could not unzip uploaded file"):
        functions.update_code(functions.latest(function.name), function.upload(b"no zip"))


def test_an_object_version_that_is_gone_is_refused(functions: LambdaFunctions, function: Function) -> None:
    gone = function.upload(zipped(2)).model_copy(update={"key": "gone.zip"})
    with pytest.raises(RefusedError, match="Error occurred while GetObject"):
        functions.update_code(functions.latest(function.name), gone)


def test_a_new_version_is_pending_and_then_ready(functions: LambdaFunctions, function: Function) -> None:
    function.put(2)
    latest = functions.latest(function.name)
    published = functions.publish(function.name, latest.code_sha256, "Rampart d-1")
    assert (published.version, published.code_sha256) == ("2", latest.code_sha256)
    assert functions.version(function.name, "2").readiness is Readiness.NOT_YET
    function.settle()
    assert functions.version(function.name, "2").readiness is Readiness.READY
    shown = function.client.get_function(FunctionName=function.name, Qualifier="2")["Configuration"]
    assert shown["Description"] == "Rampart d-1"


def test_publishing_what_has_not_changed_returns_the_same_version(
    functions: LambdaFunctions, function: Function
) -> None:
    function.put(2)
    sha = functions.latest(function.name).code_sha256
    assert functions.publish(function.name, sha, "Rampart d-1").version == "2"
    function.settle()
    assert functions.publish(function.name, sha, "Rampart d-2").version == "2"


def test_a_description_is_cut_to_what_lambda_takes(functions: LambdaFunctions, function: Function) -> None:
    function.put(2)
    sha = functions.latest(function.name).code_sha256
    assert functions.publish(function.name, sha, "x" * 300).version == "2"


def test_publishing_code_that_somebody_replaced_is_a_conflict(
    functions: LambdaFunctions, function: Function
) -> None:
    sha = functions.latest(function.name).code_sha256
    function.put(9)
    with pytest.raises(ConflictError):
        functions.publish(function.name, sha, "Rampart d-1")


def test_publishing_code_that_somebody_replaced_publishes_nothing(
    functions: LambdaFunctions, function: Function
) -> None:
    sha = functions.latest(function.name).code_sha256
    function.put(9)
    with pytest.raises((ConflictError, RefusedError)):
        functions.publish(function.name, sha, "Rampart d-1")
    with pytest.raises(MissingError):
        functions.version(function.name, "2")


def test_publishing_while_an_update_is_in_progress_is_a_conflict(
    functions: LambdaFunctions, function: Function
) -> None:
    updated = functions.update_code(functions.latest(function.name), function.upload(zipped(2)))
    with pytest.raises(ConflictError):
        functions.publish(function.name, updated.code_sha256, "Rampart d-1")


def test_a_version_answers_for_itself(functions: LambdaFunctions, function: Function) -> None:
    function.release(2)
    first, second = (functions.ask(function.name, version, {"ping": 1.5}) for version in ("1", "2"))
    assert (first.payload, first.error) == ('{"echo": {"ping": 1.5}, "release": 1}', None)
    assert (second.payload, second.error) == ('{"echo": {"ping": 1.5}, "release": 2}', None)


def test_an_answer_comes_with_lambdas_own_report_of_how_long_it_took(
    functions: LambdaFunctions, function: Function
) -> None:
    took = functions.ask(function.name, "1", {}).duration_ms
    assert took is not None
    assert 0 <= took < 30_000


def test_an_error_of_the_function_is_its_answer(functions: LambdaFunctions, function: Function) -> None:
    answer = functions.ask(function.name, "1", "fail")
    assert answer.error == "KeyError: 'price'"
    assert "errorMessage" in answer.payload


def test_asking_a_version_that_does_not_exist_is_missing(functions: LambdaFunctions, function: Function) -> None:
    with pytest.raises(MissingError):
        functions.ask(function.name, "7", {})


def test_an_event_is_sent_without_waiting_and_nobody_is_missing(
    functions: LambdaFunctions, function: Function
) -> None:
    functions.send(function.name, {"hook_id": "d-1.after.0"})
    with pytest.raises(MissingError):
        functions.send("nobody-of-that-name", {})


def test_a_throttled_invocation_is_worth_another_try(functions: LambdaFunctions, function: Function) -> None:
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(UnavailableError):
        functions.ask(function.name, "1", {})


READINESS = [
    ({"State": "Active", "LastUpdateStatus": "Successful"}, Readiness.READY, ""),
    ({"State": "Inactive", "StateReasonCode": "Idle"}, Readiness.READY, ""),
    ({}, Readiness.READY, ""),
    ({"State": "Pending", "StateReason": "being created"}, Readiness.NOT_YET, "being created"),
    ({"State": "Active", "LastUpdateStatus": "InProgress"}, Readiness.NOT_YET, "an update is in progress"),
    ({"State": "Failed", "StateReason": "bad image"}, Readiness.FAILED, "bad image"),
    ({"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no key"}, Readiness.FAILED, "no key"),
    ({"State": "Failed"}, Readiness.FAILED, "no reason given"),
]


@pytest.mark.parametrize(
    ("shown", "readiness", "why"),
    READINESS,
    ids=["active", "inactive", "silent", "pending", "updating", "failed", "update-failed", "failed-silently"],
)
def test_lambdas_states_are_told_as_readiness(
    aws: EmbeddedAws, shown: dict[str, str], readiness: Readiness, why: str
) -> None:
    described = {"FunctionName": "f", "Version": "2", "CodeSha256": "c", "RevisionId": "r", **shown}
    code = LambdaFunctions(answering(aws, "lambda", "get_function", {"Configuration": described})).latest("f")
    assert (code.readiness, code.why, code.architecture) == (readiness, why, "x86_64")


def test_a_missing_permission_is_said(aws: EmbeddedAws, function: Function, fresh: Callable[[str], str]) -> None:
    limited = LambdaFunctions(restricted(aws, "lambda", fresh("role"), "lambda:GetFunction", "lambda:GetAlias"))
    latest = limited.latest(function.name)
    with pytest.raises(DeniedError, match="lambda:UpdateFunctionCode"):
        limited.update_code(latest, function.upload(zipped(2)))
    with pytest.raises(DeniedError, match="lambda:PublishVersion"):
        limited.publish(function.name, latest.code_sha256, "Rampart d-1")


@pytest.mark.parametrize(
    ("code", "status"), [("TooManyRequestsException", 429), ("ServiceException", 500), ("Anything", 503)]
)
def test_a_throttle_or_a_server_error_is_worth_another_try(aws: EmbeddedAws, code: str, status: int) -> None:
    functions = LambdaFunctions(refusing(aws, "lambda", "get_alias", code, status))
    with pytest.raises(UnavailableError, match="alias shop:live"):
        functions.alias("shop", "live")


def test_what_a_function_runs_its_zip_with_is_told(functions: LambdaFunctions, function: Function) -> None:
    assert functions.latest(function.name).runtime == Runtime("python3.12", "main.handler", "arm64")
    layer = function.client.publish_layer_version(
        LayerName=function.name, Content={"ZipFile": zipped(1)}, CompatibleRuntimes=["python3.12"]
    )
    function.client.update_function_configuration(
        FunctionName=function.name,
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": {"PYTHONPATH": "/var/task/src"}},
    )
    function.settle()
    latest = functions.latest(function.name).runtime
    assert latest == Runtime("python3.12", "main.handler", "arm64", (len(zipped(1)),), searches_elsewhere=True)


def test_a_zip_that_lambda_only_refers_to_is_told(aws: EmbeddedAws) -> None:
    described = {"FunctionName": "f", "Version": "1", "CodeSha256": "c", "RevisionId": "r"}
    where = {"S3Bucket": "our-code", "S3Key": "f.zip", "S3ObjectVersion": "v1"}
    answer = {"Configuration": described, "Code": {"RepositoryType": "S3", "ResolvedS3Object": where}}
    code = LambdaFunctions(answering(aws, "lambda", "get_function", answer)).version("f", "1")
    assert code.referenced == ZipArtifact(bucket="our-code", key="f.zip", version_id="v1")


@pytest.mark.parametrize(
    ("shown", "readiness"),
    [
        ({"State": "Active"}, Readiness.READY),
        ({"State": "Inactive", "StateReasonCode": "Idle"}, Readiness.READY),
        ({"State": "Inactive"}, Readiness.FAILED),
        ({"State": "Inactive", "StateReasonCode": "InvalidConfiguration"}, Readiness.FAILED),
        ({"State": "Pending"}, Readiness.NOT_YET),
    ],
)
def test_a_zip_that_is_referred_to_and_was_lost_makes_its_version_inactive_for_good(
    aws: EmbeddedAws, shown: dict[str, str], readiness: Readiness
) -> None:
    described = {"FunctionName": "f", "Version": "1", "CodeSha256": "c", "RevisionId": "r", **shown}
    where = {"S3Bucket": "our-code", "S3Key": "f.zip", "S3ObjectVersion": "v1"}
    answer = {"Configuration": described, "Code": {"RepositoryType": "S3", "ResolvedS3Object": where}}
    code = LambdaFunctions(answering(aws, "lambda", "get_function", answer)).version("f", "1")
    assert code.readiness is readiness
    if readiness is Readiness.FAILED:
        assert code.why == "Lambda has lost access to s3://our-code/f.zip@v1, of which it has no copy"
