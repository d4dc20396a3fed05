"""Functions that are container images: found in ECR, pinned by digest, run as their fixture says."""

import json
from typing import Any

import pytest

from rampart.embedded.aws_lambda.runner import RunResult
from rampart.embedded.ecr.build import build_image
from tests.embedded.lambda_account import ROLE, Account, refused, zip_of

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
OTHER = f"{REGISTRY}/shop@sha256:{'0' * 64}"
SETTINGS = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."


@pytest.fixture
def account() -> Account:
    """Return an account with the repository shop, and the function shop of image 1, which is its latest."""
    account = Account()
    account.ecr_call("CreateRepository")
    account.push(1)
    account.create_image_function(f"{REGISTRY}/shop:latest")
    return account


def shown(account: Account, qualifier: str = "$LATEST") -> dict[str, Any]:
    answer: dict[str, Any] = account.call("GetFunction", FunctionName="shop", Qualifier=qualifier)
    return answer


def publish(account: Account) -> str:
    version: str = account.call("PublishVersion", FunctionName="shop")["Version"]
    account.clock.advance(1)
    return version


def update(account: Account, uri: str, **params: Any) -> dict[str, Any]:
    updated = account.call("UpdateFunctionCode", FunctionName="shop", ImageUri=uri, **params)
    account.clock.advance(1)
    return updated


def delete_image(account: Account, uri: str) -> None:
    account.ecr_call("BatchDeleteImage", imageIds=[{"imageDigest": uri.partition("@")[2]}])


def test_an_image_function_shows_the_digest_that_its_tag_pointed_at(account: Account) -> None:
    uri = account.push(1, "v1")
    digest = uri.partition("@")[2]
    function = shown(account)
    assert function["Code"] == {
        "RepositoryType": "ECR",
        "ImageUri": f"{REGISTRY}/shop:latest",
        "ResolvedImageUri": uri,
    }
    configuration = function["Configuration"]
    assert (configuration["PackageType"], configuration["State"]) == ("Image", "Active")
    assert (configuration["CodeSha256"], configuration["CodeSize"]) == (digest.removeprefix("sha256:"), 0)
    assert not {"Runtime", "Handler", "ImageConfigResponse"} & set(configuration)


def test_a_version_keeps_its_digest_when_the_tag_moves_on(account: Account) -> None:
    first = shown(account)["Code"]["ResolvedImageUri"]
    assert publish(account) == "1"
    second = account.push(2)
    assert shown(account)["Code"]["ResolvedImageUri"] == first
    update(account, f"{REGISTRY}/shop:latest")
    assert publish(account) == "2"
    assert [shown(account, each)["Code"]["ResolvedImageUri"] for each in ("1", "2")] == [first, second]


def test_the_same_image_by_tag_and_by_digest_is_the_same_version(account: Account) -> None:
    assert publish(account) == "1"
    update(account, shown(account)["Code"]["ResolvedImageUri"])
    assert publish(account) == "1"


def test_a_publication_is_held_against_the_digest(account: Account) -> None:
    digest = shown(account)["Configuration"]["CodeSha256"]
    stale = refused(account.call, "PublishVersion", FunctionName="shop", CodeSha256="0" * 64)
    assert stale.code == "InvalidParameterValueException"
    assert account.call("PublishVersion", FunctionName="shop", CodeSha256=digest)["Version"] == "1"


def test_each_version_runs_the_code_of_its_image(account: Account) -> None:
    publish(account)
    update(account, account.push(2))
    publish(account)
    account.call("CreateAlias", FunctionName="shop", Name="live", FunctionVersion="1")
    for qualifier in ("1", "2", "live"):
        account.call("Invoke", FunctionName="shop", Qualifier=qualifier)
    runs = [(each.version, each.code.data, each.handler) for each in account.runner.requests]
    first, second = (zip_of(shop=f"release = {number}") for number in (1, 2))
    assert runs == [("1", first, "shop.handler"), ("2", second, "shop.handler"), ("1", first, "shop.handler")]


def test_an_update_in_progress_runs_the_image_from_before(account: Account) -> None:
    account.call("UpdateFunctionCode", FunctionName="shop", ImageUri=account.push(2))
    account.call("Invoke", FunctionName="shop")
    account.clock.advance(1)
    account.call("Invoke", FunctionName="shop")
    assert [each.code.data for each in account.runner.requests] == [
        zip_of(shop="release = 1"),
        zip_of(shop="release = 2"),
    ]


def test_a_command_names_another_handler_until_it_is_taken_away(account: Account) -> None:
    def configure(**config: Any) -> dict[str, Any]:
        changed = account.call("UpdateFunctionConfiguration", FunctionName="shop", ImageConfig=config)
        account.clock.advance(1)
        account.call("Invoke", FunctionName="shop")
        return changed

    changed = configure(Command=["shop.other"])
    assert changed["ImageConfigResponse"] == {"ImageConfig": {"Command": ["shop.other"]}}
    assert "ImageConfigResponse" not in configure(Command=[])
    assert [each.handler for each in account.runner.requests] == ["shop.other", "shop.handler"]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"EntryPoint": ["/bin/sh"]}, "ImageConfig.EntryPoint"),
        ({"Command": ["a.b"], "WorkingDirectory": "/tmp"}, "ImageConfig.WorkingDirectory"),
        ({"Command": ["a", "b"]}, "more than a handler"),
    ],
)
def test_an_entry_point_other_than_the_image_has_is_not_supported(
    account: Account, config: dict[str, Any], text: str
) -> None:
    error = refused(account.call, "UpdateFunctionConfiguration", FunctionName="shop", ImageConfig=config)
    assert error.code == "NotImplementedException"
    assert text in error.message


@pytest.mark.parametrize(
    "params",
    [
        {"Handler": "a.b"},
        {"Runtime": "python3.13"},
        {"Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:l:1"]},
    ],
)
def test_what_belongs_to_a_zip_is_refused(account: Account, params: dict[str, Any]) -> None:
    assert refused(account.call, "UpdateFunctionConfiguration", FunctionName="shop", **params).message == SETTINGS
    error = refused(account.create_image_function, f"{REGISTRY}/shop:latest", FunctionName="other", **params)
    assert (error.code, error.message) == ("InvalidParameterValueException", SETTINGS)


def test_an_image_function_never_becomes_a_zip_nor_a_zip_an_image_function(account: Account) -> None:
    zipped = refused(account.call, "UpdateFunctionCode", FunctionName="shop", ZipFile=zip_of(shop=""))
    assert zipped.message == "Please provide ImageUri when updating a function with packageType Image."
    account.create("other")
    image = {"FunctionName": "other", "ImageUri": f"{REGISTRY}/shop:latest"}
    imaged = refused(account.call, "UpdateFunctionCode", **image)
    assert imaged.message == "Please don't provide ImageUri when updating a function with packageType Zip."
    configured = {"FunctionName": "other", "ImageConfig": {"Command": ["a.b"]}}
    assert "ImageConfig" in refused(account.call, "UpdateFunctionConfiguration", **configured).message
    made = {"FunctionName": "new", "Role": ROLE, "PackageType": "Image"}
    assert "ImageUri" in refused(account.call, "CreateFunction", **made, Code={"ZipFile": b""}).message


@pytest.mark.parametrize(
    ("uri", "code", "text"),
    [
        (OTHER, "InvalidParameterValueException", f"Source image {OTHER} does not exist. Provide a valid source"),
        (
            f"{REGISTRY}/shop:none",
            "InvalidParameterValueException",
            "does not exist. Provide a valid source image.",
        ),
        (f"{REGISTRY}/none:latest", "InvalidParameterValueException", "does not exist."),
        (f"{REGISTRY}/shop", "InvalidParameterValueException", "is not valid. Provide a valid source image."),
        ("shop:latest", "InvalidParameterValueException", "Source image shop:latest is not valid."),
        (f"2{REGISTRY[1:]}/shop:latest", "NotImplementedException", "has the registry"),
        (REGISTRY.replace("west", "east") + "/shop:latest", "NotImplementedException", "has the registry"),
    ],
)
def test_an_image_that_is_not_there_is_refused(account: Account, uri: str, code: str, text: str) -> None:
    before = shown(account)
    error = refused(update, account, uri)
    assert error.code == code
    assert text in error.message
    assert shown(account) == before


def test_neither_an_index_nor_an_attestation_is_an_image_for_lambda(account: Account) -> None:
    built = build_image(zip_of(shop=""), "shop.handler", "arm64", index=True)
    for number, manifest in enumerate(built.manifests):
        account.ecr_call("PutImage", imageManifest=manifest, imageTag=f"part{number}")
    update(account, f"{REGISTRY}/shop:part0")
    for number in (1, 2):
        uri = f"{REGISTRY}/shop:part{number}"
        error = refused(update, account, uri)
        assert error.message == (
            f"The image manifest, config or layer media type for the source image {uri} is not supported."
        )


def test_an_image_of_another_architecture_is_taken_and_then_does_not_start(account: Account) -> None:
    uri = account.push(2, architecture="arm64")
    update(account, uri)  # without Architectures an update makes a function x86_64
    failed = account.call("Invoke", FunctionName="shop")
    assert failed["FunctionError"] == "Unhandled"
    error = json.loads(failed["Payload"])
    assert error["errorType"] == "Runtime.InvalidEntrypoint"
    assert error["errorMessage"].endswith("fork/exec /lambda-entrypoint.sh: exec format error")
    assert account.runner.requests == []
    assert account.counted("Errors", FunctionName="shop") == [1.0]
    update(account, uri, Architectures=["arm64"])
    assert "FunctionError" not in account.call("Invoke", FunctionName="shop")


def test_an_image_without_a_behaviour_can_be_published_but_not_run(account: Account) -> None:
    built = build_image(zip_of(shop="# pushed by somebody else"), "shop.handler", "x86_64", index=False)
    account.ecr_call("PutImage", imageManifest=built.manifests[0], imageTag="foreign")
    update(account, f"{REGISTRY}/shop:foreign")
    assert publish(account) == "1"
    account.call("PutFunctionConcurrency", FunctionName="shop", ReservedConcurrentExecutions=1)
    for _ in range(2):  # the first one does not hold on to its concurrency
        error = refused(account.call, "Invoke", FunctionName="shop", Qualifier="1")
        assert (error.code, error.status) == ("NotImplementedException", 501)
        assert "push the image with EmbeddedAws.push_image" in error.message
    assert account.counted("Invocations", FunctionName="shop") == []


def test_a_version_whose_image_was_deleted_is_inactive_and_cannot_be_invoked(account: Account) -> None:
    first = shown(account)["Code"]["ResolvedImageUri"]
    publish(account)
    update(account, account.push(2))
    publish(account)
    account.runner.answer = lambda request: RunResult(b"1", None, 1.0)
    delete_image(account, first)
    lost = shown(account, "1")["Configuration"]
    assert (lost["State"], lost["StateReasonCode"]) == ("Inactive", "ImageDeleted")
    assert lost["StateReason"] == "The function is trying to use a deleted image."
    error = refused(account.call, "Invoke", FunctionName="shop", Qualifier="1")
    assert (error.code, error.status) == ("CodeArtifactUserFailedException", 409)
    assert shown(account, "2")["Configuration"]["State"] == "Active"
    assert account.call("Invoke", FunctionName="shop", Qualifier="2")["StatusCode"] == 200
    assert account.counted("Errors", FunctionName="shop") == [0.0]


def test_a_function_whose_image_was_deleted_works_again_with_another(account: Account) -> None:
    delete_image(account, shown(account)["Code"]["ResolvedImageUri"])
    assert shown(account)["Configuration"]["State"] == "Inactive"
    update(account, account.push(2))
    assert shown(account)["Configuration"]["State"] == "Active"
    assert account.call("Invoke", FunctionName="shop")["StatusCode"] == 200


def test_images_take_nothing_of_the_code_storage(account: Account) -> None:
    assert account.call("GetAccountSettings")["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 1}
