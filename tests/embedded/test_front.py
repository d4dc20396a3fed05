"""What boto3 sees of the one port: typed errors, whole answers, and calls told apart."""

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.wire import ACCOUNT, ApiError
from rampart.embedded.wire_format import Request, decode
from tests.embedded.embedded_account import make_function, make_state_machine, zipped

WAIT_HALF_A_MINUTE = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}


def signed_for(service: str, region: str = "eu-west-1") -> dict[str, str]:
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20270101/{region}/{service}/aws4_request, Signature=0"
    }


def test_an_error_of_lambda_reaches_boto3_as_its_typed_exception(aws: EmbeddedAws) -> None:
    make_function(aws, "shop", "def handler(event, context): return 1")
    client = aws.client("lambda")
    with pytest.raises(client.exceptions.ResourceConflictException) as caught:
        client.create_function(
            FunctionName="shop",
            Runtime="python3.12",
            Role=f"arn:aws:iam::{ACCOUNT}:role/r",
            Handler="main.handler",
            Code={"ZipFile": zipped("")},
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_an_answer_of_lambda_carries_payload_version_and_error(aws: EmbeddedAws) -> None:
    make_function(aws, "shop", "def handler(event, context): return event['a'] + 1")
    invoke = aws.client("lambda").invoke
    good = invoke(FunctionName="shop", Payload=b'{"a": 1}')
    assert (good["StatusCode"], good["ExecutedVersion"], good["Payload"].read()) == (200, "$LATEST", b"2")
    assert "FunctionError" not in good
    bad = invoke(FunctionName="shop", Payload=b"{}")
    assert bad["FunctionError"] == "Unhandled"
    assert json.loads(bad["Payload"].read())["errorType"] == "KeyError"


def test_an_error_of_cloudwatch_reaches_boto3_as_its_typed_exception(aws: EmbeddedAws) -> None:
    client = aws.client("cloudwatch")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="because")


def test_an_unsigned_request_is_refused(aws: EmbeddedAws) -> None:
    connection = http.client.HTTPConnection(aws.url.removeprefix("http://"))
    connection.request("GET", "/bucket/key")
    answer = connection.getresponse()
    assert answer.status == 403
    assert json.loads(answer.read())["__type"] == "MissingAuthenticationToken"
    connection.close()


def test_a_connection_serves_one_request_after_another(aws: EmbeddedAws) -> None:
    connection = http.client.HTTPConnection(aws.url.removeprefix("http://"))
    connection.connect()
    socket = connection.sock
    for _ in range(3):
        connection.request("GET", "/2015-03-31/functions", headers=signed_for("lambda"))
        connection.getresponse().read()
        assert connection.sock is socket
    connection.close()


@pytest.mark.parametrize("service", ["dynamodb", "lambda", "s3", "sqs", "sns", "iam", "cloudwatch", "events"])
def test_whoever_has_no_role_is_denied_in_the_words_of_the_service(aws: EmbeddedAws, service: str) -> None:
    session: Any = boto3.session.Session()
    client = session.client(
        service,
        region_name="eu-west-1",
        endpoint_url=aws.url,
        aws_access_key_id="AKIANOBODY",
        aws_secret_access_key="x",
    )
    calls: dict[str, Any] = {
        "dynamodb": lambda: client.get_item(TableName="t", Key={"pk": {"S": "1"}}),
        "lambda": lambda: client.get_alias(FunctionName="shop", Name="live"),
        "s3": lambda: client.get_object(Bucket="bucket", Key="key"),
        "sqs": lambda: client.send_message(QueueUrl=f"{aws.url}/{ACCOUNT}/q", MessageBody="x"),
        "sns": lambda: client.publish(TopicArn=f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", Message="x"),
        "iam": lambda: client.get_role(RoleName="r"),
        "cloudwatch": lambda: client.describe_alarms(),
        "events": lambda: client.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]),
    }
    with pytest.raises(ClientError) as caught:
        calls[service]()
    assert caught.value.response["Error"]["Code"] in (
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationErrorException",
        "AuthorizationError",
    )
    assert "AKIANOBODY" in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    client.close()


def test_a_call_to_another_region_is_refused() -> None:
    with pytest.raises(ApiError, match="is in eu-west-1, not in us-east-1"):
        decode(Request("GET", "/bucket", signed_for("s3", "us-east-1"), b""))


def test_an_unknown_operation_is_refused() -> None:
    headers = signed_for("events") | {"x-amz-target": "AWSEvents.PutEvent"}
    with pytest.raises(ApiError, match="no operation 'PutEvent'"):
        decode(Request("POST", "/", headers, b"{}"))


@pytest.mark.parametrize(
    ("method", "target", "operation", "params"),
    [
        ("PUT", "/b/k/x%20y.zip", "PutObject", {"Bucket": "b", "Key": "k/x y.zip"}),
        ("GET", "/b/k?versionId=7", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "7"}),
        ("HEAD", "/b/k", "HeadObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k/?tagging", "PutObjectTagging", {"Bucket": "b", "Key": "k/"}),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart", {"PartNumber": 1, "UploadId": "u"}),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload", {"UploadId": "u"}),
        ("POST", "/b/k?uploads", "CreateMultipartUpload", {"Key": "k"}),
        ("GET", "/b?list-type=2&prefix=a%2Fb", "ListObjectsV2", {"Bucket": "b", "Prefix": "a/b"}),
        ("GET", "/b", "ListObjects", {"Bucket": "b"}),
        ("GET", "/b?notification", "GetBucketNotificationConfiguration", {"Bucket": "b"}),
    ],
)
def test_the_operations_of_s3_are_told_apart(
    method: str, target: str, operation: str, params: dict[str, Any]
) -> None:
    call = decode(Request(method, target, signed_for("s3"), b""))
    assert (call.operation, {**call.params, **params}) == (operation, dict(call.params))


def test_a_copy_is_told_from_an_upload_by_its_header() -> None:
    headers = signed_for("s3") | {"x-amz-copy-source": "other/key"}
    assert decode(Request("PUT", "/b/k", headers, b"")).operation == "CopyObject"


def test_a_lambda_call_is_decoded_whole() -> None:
    body = json.dumps({"ZipFile": "aGVsbG8=", "RevisionId": "r"}).encode()
    arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ashop"
    call = decode(Request("PUT", f"/2015-03-31/functions/{arn}/code", signed_for("lambda"), body))
    assert call.operation == "UpdateFunctionCode"
    assert call.params == {
        "FunctionName": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:shop",
        "ZipFile": b"hello",
        "RevisionId": "r",
    }


def test_an_execution_without_a_name_gets_one(aws: EmbeddedAws) -> None:
    arn = make_state_machine(aws, "waits", WAIT_HALF_A_MINUTE)
    client = aws.client("stepfunctions")
    started = {client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)}
    names = {each["name"] for each in client.list_executions(stateMachineArn=arn)["executions"]}
    assert {each.rpartition(":")[2] for each in started} == names
    assert len(names) == 2


@pytest.mark.usefixtures("restless")
def test_a_name_started_by_sixteen_threads_at_once_runs_once(aws: EmbeddedAws) -> None:
    arn = make_state_machine(aws, "waits", WAIT_HALF_A_MINUTE)
    client = aws.client("stepfunctions")

    def start(number: int) -> None:
        client.start_execution(stateMachineArn=arn, name=str(number // 16), input="{}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(start, range(16 * 16)))
    names = Counter(each["name"] for each in client.list_executions(stateMachineArn=arn)["executions"])
    assert names == {str(number): 1 for number in range(16)}


def test_a_stopped_execution_is_aborted_at_once_with_its_cause(aws: EmbeddedAws) -> None:
    arn = make_state_machine(aws, "waits", WAIT_HALF_A_MINUTE)
    client = aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    client.stop_execution(executionArn=execution, error="Operator", cause="enough")
    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Operator", "enough")


def test_a_large_upload_arrives_whole(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    body = bytes(range(256)) * 4096 * 4
    s3.put_object(Bucket="bucket", Key="big", Body=body)
    assert s3.get_object(Bucket="bucket", Key="big")["Body"].read() == body
    assert s3.head_object(Bucket="bucket", Key="big")["ContentLength"] == len(body)


def test_no_thread_of_a_connection_outlives_the_account() -> None:
    before = set(threading.enumerate())
    with EmbeddedAws(0.6, runner="in_process") as aws, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: aws.client("s3").list_buckets(), range(32)))
    assert set(threading.enumerate()) == before
