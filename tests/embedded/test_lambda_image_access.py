"""Images pushed, allowed to Lambda, and run, over the one port and from a template."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import remove
from rampart.embedded.ecr.policy import lets_lambda_pull
from rampart.embedded.wire import ACCOUNT
from tests.embedded.embedded_account import allow
from tests.embedded.function_runs import linux_only
from tests.embedded.lambda_account import zip_of

TEMPLATE = Path(__file__).parent / "templates" / "image.yaml"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:shop"
DENIED = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
READING = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy")


def code(answer: object) -> bytes:
    return zip_of(app=f"def handler(event, context): return {answer!r}")


def policy(*actions: str, service: str = "lambda.amazonaws.com", source: str = FUNCTION) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def create(client: Any, uri: str) -> None:
    client.create_function(
        FunctionName="shop",
        Role=f"arn:aws:iam::{ACCOUNT}:role/shop",
        PackageType="Image",
        Architectures=["arm64"],
        Code={"ImageUri": uri},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="shop", WaiterConfig={"Delay": 0.01})


def update(client: Any, uri: str) -> None:
    client.update_function_code(FunctionName="shop", ImageUri=uri, Architectures=["arm64"])
    client.get_waiter("function_updated_v2").wait(FunctionName="shop", WaiterConfig={"Delay": 0.01})


def answer(client: Any) -> Any:
    return json.loads(client.invoke(FunctionName="shop")["Payload"].read())


@pytest.fixture
def shop(aws: EmbeddedAws) -> EmbeddedAws:
    """Return the account with the repository and the function shop, whose image answers 1."""
    aws.client("ecr").create_repository(repositoryName="shop")
    create(aws.client("lambda"), aws.push_image("shop", ["v1"], code(1)))
    return aws


@pytest.fixture
def deployer_of(shop: EmbeddedAws) -> Iterator[Any]:
    """Return a function that makes the Lambda client of a role that may deploy and do some actions more."""
    clients = []

    def make(*actions: str) -> Any:
        shop.authoriser.register("ASIA-deployer", "deployer", [allow("lambda:*", *actions)])
        client = boto3.client(
            "lambda",
            region_name="eu-west-1",
            endpoint_url=shop.url,
            aws_access_key_id="ASIA-deployer",
            aws_secret_access_key="embedded",
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def test_a_pushed_image_runs_and_a_new_one_takes_its_place(shop: EmbeddedAws) -> None:
    client = shop.client("lambda")
    assert answer(client) == 1
    uri = shop.push_image("shop", ["v2", "latest"], code(2))
    update(client, uri)
    assert answer(client) == 2
    assert client.get_function(FunctionName="shop")["Code"]["ResolvedImageUri"] == uri
    tags = shop.client("ecr").describe_images(repositoryName="shop", imageIds=[{"imageTag": "v2"}])
    assert tags["imageDetails"][0]["imageTags"] == ["latest", "v2"]


def test_the_runnable_child_of_a_pushed_index_is_found_by_its_platform(shop: EmbeddedAws) -> None:
    uri = shop.push_image("shop", ["v2"], code(2), index=True)
    client = shop.client("lambda")
    with pytest.raises(ClientError, match=r"media type for the source image .* is not supported"):
        update(client, uri)
    found = shop.client("ecr").batch_get_image(repositoryName="shop", imageIds=[{"imageTag": "v2"}])
    (image,) = found["images"]
    assert uri.endswith("@" + image["imageId"]["imageDigest"])
    children = json.loads(image["imageManifest"])["manifests"]
    platforms = [(each["platform"]["os"], each["platform"]["architecture"]) for each in children]
    assert platforms == [("linux", "arm64"), ("unknown", "unknown")]
    assert children[1]["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
    update(client, f"{uri.partition('@')[0]}@{children[0]['digest']}")
    assert answer(client) == 2


@linux_only
def test_a_pushed_image_runs_in_a_process_of_its_own() -> None:
    with EmbeddedAws(0.6) as aws:
        aws.client("ecr").create_repository(repositoryName="shop")
        create(aws.client("lambda"), aws.push_image("shop", [], code({"from": "a process"})))
        assert answer(aws.client("lambda")) == {"from": "a process"}


def test_lambda_lets_itself_in_for_a_caller_who_may_change_the_repository(shop: EmbeddedAws) -> None:
    text = shop.client("ecr").get_repository_policy(repositoryName="shop")["policyText"]
    (statement,) = json.loads(text)["Statement"]
    assert statement["Sid"] == "LambdaECRImageRetrievalPolicy"
    assert lets_lambda_pull(text, FUNCTION)
    assert not lets_lambda_pull(text, FUNCTION.replace(ACCOUNT, "210987654321"))


def test_lambda_adds_itself_to_the_policy_that_is_there(shop: EmbeddedAws, deployer_of: Any) -> None:
    ecr = shop.client("ecr")
    mine = policy("ecr:BatchGetImage", service="scanner.amazonaws.com")
    ecr.set_repository_policy(repositoryName="shop", policyText=mine)
    update(deployer_of(*READING, "ecr:SetRepositoryPolicy"), shop.push_image("shop", ["v2"], code(2)))
    left = json.loads(ecr.get_repository_policy(repositoryName="shop")["policyText"])["Statement"]
    assert [each["Principal"]["Service"] for each in left] == ["scanner.amazonaws.com", "lambda.amazonaws.com"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        policy("ecr:BatchGetImage"),
        policy("ecr:*", service="codebuild.amazonaws.com"),
        policy("ecr:*", source=FUNCTION + "-of-another-name"),
    ],
)
def test_lambda_may_not_read_what_the_repository_does_not_let_it_read(
    shop: EmbeddedAws, deployer_of: Any, text: str
) -> None:
    ecr = shop.client("ecr")
    ecr.delete_repository_policy(repositoryName="shop")
    if text:
        ecr.set_repository_policy(repositoryName="shop", policyText=text)
    uri = shop.push_image("shop", ["v2"], code(2))
    with pytest.raises(ClientError) as caught:
        update(deployer_of(*READING), uri)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert DENIED in str(caught.value)
    assert [each.action for each in shop.authoriser.denials] == ["ecr:SetRepositoryPolicy"]
    assert answer(shop.client("lambda")) == 1


def test_a_deployer_needs_no_right_to_change_a_repository_that_lets_lambda_read(
    shop: EmbeddedAws, deployer_of: Any
) -> None:
    allowed = policy("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    shop.client("ecr").set_repository_policy(repositoryName="shop", policyText=allowed)
    update(deployer_of(*READING), shop.push_image("shop", ["v2"], code(2)))
    assert answer(shop.client("lambda")) == 2
    assert shop.authoriser.denials == []


def test_a_deployer_must_be_able_to_read_the_image_itself(shop: EmbeddedAws, deployer_of: Any) -> None:
    with pytest.raises(ClientError, match=r"not authorized to perform: ecr:BatchGetImage on resource: .*/shop"):
        update(deployer_of(), shop.push_image("shop", ["v2"], code(2)))


def test_a_template_makes_a_repository_and_then_a_function_of_an_image_in_it(aws: EmbeddedAws) -> None:
    first = aws.deploy(TEMPLATE, "shop", {})
    ecr = aws.client("ecr")
    name = first.resources["Repository"]
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert (repository["repositoryUri"], repository["imageTagMutability"]) == (first.outputs["Uri"], "IMMUTABLE")
    assert lets_lambda_pull(ecr.get_repository_policy(repositoryName=name)["policyText"], FUNCTION)

    aws.client("ecr").create_repository(repositoryName="builds")
    uri = aws.push_image("builds", ["v1"], code(1))
    second = aws.deploy(TEMPLATE, "shop", {"ImageUri": uri})
    client = aws.client("lambda")
    function = client.get_function(FunctionName=second.resources["Function"], Qualifier="live")
    assert (function["Code"]["ResolvedImageUri"], function["Configuration"]["Version"]) == (uri, "1")
    assert json.loads(client.invoke(FunctionName=second.outputs["Alias"])["Payload"].read()) == 1
    remove(second)
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == ["builds"]
