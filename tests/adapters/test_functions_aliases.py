"""Functions, the port: aliases and where they send their traffic, over HTTP and straight over the same model."""

from collections.abc import Callable

import pytest

from controller.adapters.lambda_functions import LambdaFunctions
from controller.core.alias import Alias, Routing
from controller.core.errors import ConflictError, DeniedError, MissingError, RefusedError
from rampart.embedded.aws import EmbeddedAws
from tests.adapters.clients import answering, restricted
from tests.adapters.lambda_account import Function


@pytest.fixture
def alias(functions: LambdaFunctions, function: Function) -> Alias:
    """Return the alias live, on version 1 of two."""
    function.release(2)
    return functions.alias(function.name, "live")


def raw(function: Function) -> dict[str, object]:
    """Return the alias as Lambda shows it, without what identifies it."""
    shown = function.client.get_alias(FunctionName=function.name, Name="live")
    return {name: shown[name] for name in ("FunctionVersion", "RoutingConfig", "Description") if shown.get(name)}


def test_an_alias_on_one_version_is_not_split(alias: Alias, function: Function) -> None:
    assert (alias.function, alias.name, alias.routing) == (function.name, "live", Routing("1"))
    assert alias.revision_id


def test_an_alias_that_does_not_exist_is_missing(functions: LambdaFunctions, function: Function) -> None:
    with pytest.raises(MissingError, match=f"alias {function.name}:green"):
        functions.alias(function.name, "green")
    with pytest.raises(MissingError):
        functions.alias("nothing", "live")


@pytest.mark.parametrize("weight", [1, 1_000, 3_333, 9_999])
def test_a_weight_in_basis_points_is_kept_exactly(
    functions: LambdaFunctions, alias: Alias, function: Function, weight: int
) -> None:
    routed = functions.route(alias, Routing("1", "2", weight))
    assert routed.routing == Routing("1", "2", weight)
    assert functions.alias(function.name, "live") == routed
    assert raw(function) == {
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": weight / 10_000}},
    }


def test_every_weight_there_is_comes_back_as_it_went(functions: LambdaFunctions, alias: Alias) -> None:
    for weight in range(1, 10_000, 317):
        alias = functions.route(alias, Routing("1", "2", weight))
        assert alias.routing.weight == weight


def test_going_to_one_version_clears_the_weights(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    split = functions.route(alias, Routing("1", "2", 1_000))
    back = functions.route(split, Routing("1"))
    assert back.routing == Routing("1")
    assert raw(function) == {"FunctionVersion": "1"}


def test_the_candidate_takes_over_and_the_weights_go_in_one_call(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    split = functions.route(alias, Routing("1", "2", 9_000))
    assert functions.route(split, Routing("2")).routing == Routing("2")
    assert raw(function) == {"FunctionVersion": "2"}


def test_a_weight_of_zero_that_somebody_wrote_is_no_split(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    function.client.update_alias(
        FunctionName=function.name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.0}}
    )
    assert functions.alias(function.name, "live").routing == Routing("1")


def test_every_write_changes_the_revision(functions: LambdaFunctions, alias: Alias) -> None:
    first = functions.route(alias, Routing("1", "2", 1_000))
    second = functions.route(first, Routing("1", "2", 1_000))
    assert len({alias.revision_id, first.revision_id, second.revision_id}) == 3


def test_a_stale_revision_is_a_conflict_that_changes_nothing(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    function.client.update_alias(FunctionName=function.name, Name="live", Description="a note")
    with pytest.raises(ConflictError, match="Revision Id"):
        functions.route(alias, Routing("2"))
    assert raw(function) == {"FunctionVersion": "1", "Description": "a note"}


def test_routing_leaves_the_description_alone(functions: LambdaFunctions, alias: Alias, function: Function) -> None:
    function.client.update_alias(FunctionName=function.name, Name="live", Description="a note")
    functions.route(functions.alias(function.name, "live"), Routing("2"))
    assert raw(function) == {"FunctionVersion": "2", "Description": "a note"}


def test_a_version_that_does_not_exist_gets_no_traffic(functions: LambdaFunctions, alias: Alias) -> None:
    with pytest.raises(MissingError):
        functions.route(alias, Routing("1", "7", 1_000))


def test_a_pair_that_lambda_does_not_split_is_refused(functions: LambdaFunctions, alias: Alias) -> None:
    with pytest.raises(RefusedError, match="already included in routing configuration"):
        functions.route(alias, Routing("1", "1", 1_000))


def test_routing_an_alias_that_is_gone_is_missing(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    function.client.delete_alias(FunctionName=function.name, Name="live")
    with pytest.raises(MissingError):
        functions.route(alias, Routing("2"))


def test_a_missing_permission_is_said(
    aws: EmbeddedAws, alias: Alias, function: Function, fresh: Callable[[str], str]
) -> None:
    limited = LambdaFunctions(restricted(aws, "lambda", fresh("role"), "lambda:GetAlias"))
    assert limited.alias(function.name, "live") == alias
    with pytest.raises(DeniedError, match="lambda:UpdateAlias"):
        limited.route(alias, Routing("2"))


def test_every_alias_is_told_however_many_there_are(functions: LambdaFunctions, function: Function) -> None:
    for number in range(60):
        function.client.create_alias(FunctionName=function.name, Name=f"v{number}", FunctionVersion="$LATEST")
    told = functions.aliases(function.name)
    assert len(told) == 61
    assert functions.alias(function.name, "live") in told
    with pytest.raises(MissingError, match="aliases of function nothing"):
        functions.aliases("nothing")


def test_only_event_sources_that_go_past_aliases_and_versions_are_told(aws: EmbeddedAws) -> None:
    arn, queue = "arn:aws:lambda:eu-west-1:123456789012:function:", "arn:aws:sqs:eu-west-1:123456789012:"
    invoked = {"plain": "f", "latest": "f:$LATEST", "live": "f:live", "one": "f:1", "off": "f"}
    mappings = [
        {
            "UUID": name.rjust(36, "-"),
            "FunctionArn": arn + function,
            "EventSourceArn": queue + name,
            "State": "Disabled" if name == "off" else "Enabled",
        }
        for name, function in invoked.items()
    ]
    topics = {
        "UUID": "kafka".rjust(36, "-"),
        "FunctionArn": f"{arn}f",
        "State": "Creating",
    }  # a cluster of one's own has no ARN
    answer = {"EventSourceMappings": [*mappings, topics]}
    functions = LambdaFunctions(answering(aws, "lambda", "list_event_source_mappings", answer))
    assert functions.sources("f") == [f"{queue}plain", f"{queue}latest", topics["UUID"]]


def test_provisioned_concurrency_is_told_by_alias_and_version(
    functions: LambdaFunctions, function: Function
) -> None:
    assert functions.provisioned(function.name) == {}
    for qualifier, number in (("live", 2), ("1", 3)):
        function.client.put_provisioned_concurrency_config(
            FunctionName=function.name, Qualifier=qualifier, ProvisionedConcurrentExecutions=number
        )
    assert functions.provisioned(function.name) == {"live": 2, "1": 3}


def test_code_storage_is_told(functions: LambdaFunctions, function: Function) -> None:
    before = functions.storage()
    function.release(2)
    assert functions.storage().used_bytes > before.used_bytes
    assert functions.storage().limit_bytes == 300 * 1024**3


def test_tags_that_may_not_be_listed_are_not_told(aws: EmbeddedAws) -> None:
    described = {"FunctionName": "f", "Version": "$LATEST", "CodeSha256": "c", "RevisionId": "r"}
    answer = {"Configuration": described, "TagsError": {"ErrorCode": "AccessDenied", "Message": "no " * 30}}
    assert LambdaFunctions(answering(aws, "lambda", "get_function", answer)).latest("f").tags is None
    answer = {"Configuration": described}
    assert LambdaFunctions(answering(aws, "lambda", "get_function", answer)).latest("f").tags == {}


def test_an_alias_is_made_on_one_version(functions: LambdaFunctions, alias: Alias, function: Function) -> None:
    made = functions.create_alias(function.name, "green", "2")
    assert (made.name, made.routing) == ("green", Routing("2"))
    assert functions.alias(function.name, "green") == made
    assert functions.route(made, Routing("1")).routing == Routing("1"), "its RevisionId is good for the next write"


def test_an_alias_that_is_there_is_not_made_again(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    with pytest.raises(ConflictError, match=f"alias {function.name}:live: Alias already exists"):
        functions.create_alias(function.name, "live", "2")
    assert raw(function) == {"FunctionVersion": "1"}


def test_no_alias_is_made_on_what_does_not_exist(functions: LambdaFunctions, function: Function) -> None:
    with pytest.raises(MissingError):
        functions.create_alias(function.name, "green", "7")
    with pytest.raises(MissingError):
        functions.create_alias("nothing", "green", "1")


def test_an_alias_that_was_made_is_deleted_while_it_is_as_it_was(
    functions: LambdaFunctions, alias: Alias, function: Function
) -> None:
    made = functions.create_alias(function.name, "green", "2")
    touched = functions.route(made, Routing("1"))
    with pytest.raises(ConflictError, match=f"alias {function.name}:green was changed by somebody else"):
        functions.delete_alias(made)
    functions.delete_alias(touched)
    assert [each.name for each in functions.aliases(function.name)] == ["live"]
    with pytest.raises(MissingError):
        functions.delete_alias(touched)


def test_a_missing_permission_to_make_an_alias_is_said(
    aws: EmbeddedAws, function: Function, fresh: Callable[[str], str]
) -> None:
    limited = LambdaFunctions(restricted(aws, "lambda", fresh("role"), "lambda:UpdateAlias"))
    with pytest.raises(DeniedError, match="lambda:CreateAlias"):
        limited.create_alias(function.name, "green", "1")
