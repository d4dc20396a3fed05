"""Lambda's own right to read an image, which is the repository's to give.

Lambda developer guide: Create a Lambda function using a container image, "Amazon ECR permissions": the
repository's policy must let Lambda read; where it does not, Lambda adds that to it, for a caller who has
ecr:GetRepositoryPolicy and ecr:SetRepositoryPolicy.
"""

from collections.abc import Callable, Mapping

from rampart.embedded.aws_lambda.images import repository_of
from rampart.embedded.aws_lambda.state import function_arn, split_name
from rampart.embedded.ecr.model import EcrModel
from rampart.embedded.ecr.policy import lets_lambda_pull, with_lambda
from rampart.embedded.front import Guard, Operation
from rampart.embedded.wire import ApiError, Call
from rampart.embedded.wire_format import Request


class ImageAccess:
    """Sees to it that Lambda may read an image before it is told to use it."""

    def __init__(self, ecr: EcrModel, guard: Guard) -> None:
        self._ecr = ecr
        self._guard = guard

    @property
    def before(self) -> Mapping[Operation, Callable[[Call, Request], Request]]:
        """Return the hooks that see Lambda's calls before Lambda does."""
        return {("lambda", operation): self._check for operation in ("CreateFunction", "UpdateFunctionCode")}

    def _check(self, call: Call, request: Request) -> Request:
        uri = call.params.get("ImageUri") or (call.params.get("Code") or {}).get("ImageUri")
        repository = repository_of(uri) if isinstance(uri, str) else None
        if repository is None:  # no image, or none that Lambda accepts: that is for Lambda to say
            return request
        try:
            policy = self._ecr.policy(repository)
        except ApiError:  # no such repository, hence no such image
            return request
        function, _ = split_name(call.params["FunctionName"])
        if not lets_lambda_pull(policy, function_arn(function)):
            self._let_lambda_in(call.principal, repository, policy)
        return request

    def _let_lambda_in(self, principal: str, repository: str, policy: str | None) -> None:
        params = {"repositoryName": repository, "policyText": with_lambda(policy)}
        reading = Call("ecr", "GetRepositoryPolicy", principal, {"repositoryName": repository})
        writing = Call("ecr", "SetRepositoryPolicy", principal, params)
        try:
            self._guard.check(reading)
            self._guard.check(writing)
        except ApiError as error:
            message = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
            raise ApiError("AccessDeniedException", message, 403) from error
        self._ecr.handle(writing)
