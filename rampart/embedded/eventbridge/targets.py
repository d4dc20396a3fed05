"""The targets of EventBridge's rules: how each is reached, and whether EventBridge may reach it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from rampart.embedded.iam.policy import allowing, denies, parse_policies
from rampart.embedded.wire import ACCOUNT, ApiError, Call, Service

_PRINCIPAL = "events.amazonaws.com"
_DESTINATION_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}
_SERVICES = ("lambda", "sqs", "sns", "states", "events")


class UndeliverableError(Exception):
    """A delivery that failed; `code` is what EventBridge writes into ERROR_CODE."""

    def __init__(self, code: str, message: str, *, retried: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retried = retried


class Targets:
    """Sends to Lambda, SQS, SNS and Step Functions as EventBridge does."""

    def __init__(
        self,
        lambda_service: Service,
        client: Callable[[str], Any],
        check_role: Callable[[str, Call], None],
    ) -> None:
        """Create targets; `check_role` raises ApiError when a role (by ARN) does not allow a call."""
        self._lambda = lambda_service
        self._client = client
        self._check_role = check_role

    @staticmethod
    def check(target: Mapping[str, Any]) -> None:
        """Raise ApiError for a target that the embedded AWS cannot deliver to."""
        service = target["Arn"].split(":")[2] if target["Arn"].count(":") >= 5 else ""
        if service not in _SERVICES:
            raise ApiError("ValidationException", f"The embedded AWS does not deliver to {target['Arn']}.")
        if service == "states" and "RoleArn" not in target:
            # EventBridge API: PutTargets
            raise ApiError("ValidationException", f"RoleArn is required for target {target['Arn']}.")

    def send(self, rule_arn: str, target: Mapping[str, Any], event_id: str, body: str) -> None:
        """Deliver `body` to a target; raises UndeliverableError."""
        arn = target["Arn"]
        service = arn.split(":")[2]
        try:
            if service == "lambda":
                self._send_to_lambda(rule_arn, arn, body)
            elif service == "sqs":
                group = target.get("SqsParameters", {}).get("MessageGroupId")
                self.send_to_queue(rule_arn, arn, body, {}, group)
            elif service == "sns":
                self._send_to_topic(rule_arn, arn, body)
            else:
                self._start_execution(target, event_id, body)
        except (ApiError, ClientError) as error:
            raise _undeliverable(error) from error

    def send_to_queue(
        self, rule_arn: str, queue_arn: str, body: str, attributes: Mapping[str, str], group: str | None = None
    ) -> None:
        """Send a message to a queue whose policy must let the rule do so; raises UndeliverableError."""
        sqs = self._client("sqs")
        try:
            url = sqs.get_queue_url(QueueName=queue_arn.split(":")[5])["QueueUrl"]
            policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
            _need(policy.get("Policy"), "sqs:SendMessage", queue_arn, rule_arn)
            values = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
            fifo = {"MessageGroupId": group} if group is not None else {}
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=values, **fifo)
        except ClientError as error:
            raise _undeliverable(error) from error

    def _send_to_lambda(self, rule_arn: str, arn: str, body: str) -> None:
        try:
            policy = self._call_lambda("GetPolicy", {"FunctionName": arn})["Policy"]
        except ApiError as error:
            self._call_lambda("GetFunctionConfiguration", {"FunctionName": arn})  # is it there at all?
            raise UndeliverableError("NO_PERMISSIONS", f"{arn} has no policy", retried=False) from error
        _need(policy, "lambda:InvokeFunction", arn, rule_arn)
        payload = {"FunctionName": arn, "InvocationType": "Event", "Payload": body.encode()}
        self._call_lambda("Invoke", payload)

    def _call_lambda(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return self._lambda.handle(Call("lambda", operation, _PRINCIPAL, params))

    def _send_to_topic(self, rule_arn: str, arn: str, body: str) -> None:
        sns = self._client("sns")
        policy = sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy")
        _need(policy, "sns:Publish", arn, rule_arn)
        sns.publish(TopicArn=arn, Message=body)

    def _start_execution(self, target: Mapping[str, Any], event_id: str, body: str) -> None:
        params = {"stateMachineArn": target["Arn"], "name": event_id, "input": body}
        self._check_role(target["RoleArn"], Call("stepfunctions", "StartExecution", target["RoleArn"], params))
        try:
            self._client("stepfunctions").start_execution(**params)
        except ClientError as error:
            # A second delivery of the same event carries the same name: there is nothing left to do.
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise


class Destinations:
    """Where Lambda sends what came of asynchronous invocations and of batches, in the function's name."""

    def __init__(
        self,
        lambda_service: Service,
        client: Callable[[str], Any],
        allows: Callable[[str, str, str], bool],
    ) -> None:
        """Create destinations; `allows` says whether a role (by name) may do an action on a resource."""
        self._lambda = lambda_service
        self._client = client
        self._allows = allows

    def send(self, arn: str, body: str, function: str) -> None:
        """Send `body` to a destination with the rights of a function's role; raises ApiError."""
        service = arn.split(":")[2]
        if service not in _DESTINATION_ACTIONS:
            raise ApiError("InvalidParameterValueException", f"The embedded AWS has no destination {arn}.")
        config = self._lambda.handle(Call("lambda", "GetFunctionConfiguration", "", {"FunctionName": function}))
        role, action = str(config["Role"]).rpartition("/")[2], _DESTINATION_ACTIONS[service]
        if not self._allows(role, action, arn):
            raise ApiError("AccessDeniedException", f"{role} may not {action} on {arn}", 403)
        try:
            if service == "sqs":
                url = self._client("sqs").get_queue_url(QueueName=arn.split(":")[5])["QueueUrl"]
                self._client("sqs").send_message(QueueUrl=url, MessageBody=body)
            else:
                self._client("sns").publish(TopicArn=arn, Message=body)
        except ClientError as error:
            details = error.response["Error"]
            raise ApiError(details["Code"], details["Message"]) from error


def _need(policy: str | None, action: str, resource: str, rule_arn: str) -> None:
    """Raise UndeliverableError unless a resource's policy lets EventBridge act on it for the rule."""
    statements = parse_policies([{"Statement": list(_ours(policy))}])
    keys = {"aws:sourcearn": (rule_arn,), "aws:sourceaccount": (ACCOUNT,)}
    if denies(statements, action, resource, keys.get) or not allowing(statements, action, resource, keys.get):
        message = f"the policy of {resource} does not let {_PRINCIPAL} do {action} for {rule_arn}"
        raise UndeliverableError("NO_PERMISSIONS", message, retried=False)


def _ours(policy: str | None) -> Iterator[dict[str, Any]]:
    """Yield the statements about EventBridge, without their principal."""
    for statement in _listed(json.loads(policy)["Statement"]) if policy else []:
        principal = statement.get("Principal")
        services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else [principal]
        if _PRINCIPAL in services or "*" in services:
            yield {name: value for name, value in statement.items() if name != "Principal"}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _undeliverable(error: ApiError | ClientError) -> UndeliverableError:
    """Sort a refusal: EventBridge does not retry missing permissions or resources, nor bad requests."""
    if isinstance(error, ApiError):
        code, message = error.code, error.message
    else:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if "AccessDenied" in code:
        return UndeliverableError("NO_PERMISSIONS", message, retried=False)
    if re.search("NotFound|DoesNotExist|NonExistent", code):
        return UndeliverableError("NO_RESOURCE", message, retried=False)
    if re.search("Validation|Invalid", code):
        return UndeliverableError("INVALID_PARAMETER", message, retried=False)
    return UndeliverableError("SDK_CLIENT_ERROR", f"{code}: {message}", retried=True)
