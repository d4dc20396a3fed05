"""Metrics, the port: values by the number of their minute, over HTTP and straight over the same CloudWatch."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session

from controller.adapters.cloudwatch_metrics import CloudWatchMetrics
from controller.bootstrap import AwsPorts
from controller.core.errors import DeniedError, UnavailableError
from controller.core.measurement import Measured, Metric, errors_of
from controller.settings import Settings
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.aws_lambda.counts import traffic
from rampart.embedded.clock import VirtualClock
from rampart.embedded.cloudwatch.model import CloudWatchModel
from rampart.embedded.front import Front, Hooks, Server
from rampart.embedded.wire import ApiError, Call, Service
from tests.adapters.clients import answering, client, refusing, restricted
from tests.engine.model_client import ModelClient

HOUR = 60


class Account:
    """CloudWatch as those who write into it see it; minute n is the n-th since the story began."""

    def __init__(self, model: CloudWatchModel, clock: VirtualClock, fresh: Callable[[str], str]) -> None:
        """Let the story begin now, and have three hours pass."""
        self.model = model
        self.clock = clock
        self.first = round(clock.now() / clock.minute_seconds)
        self.fresh = fresh
        clock.advance(3 * HOUR * clock.minute_seconds)

    def at(self, minute: float) -> float:
        """Return when a minute is, in seconds since the epoch."""
        return (self.first + minute) * self.clock.minute_seconds

    def metric(self, *values: float | None, statistic: str = "Sum", step: int = 1, **dimensions: str) -> Metric:
        """Put values into a new metric, one every `step` minutes from minute 0 on; None puts none there."""
        name = self.fresh("metric")
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        for number, value in enumerate(values):
            if value is not None:
                at = self.at(number * step + 0.25)
                datum = {"MetricName": name, "Dimensions": named, "Timestamp": at, "Value": value}
                self.call("PutMetricData", Namespace="Test", MetricData=[datum])
        return Metric("Test", name, tuple(sorted(dimensions.items())), statistic)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call CloudWatch."""
        return self.model.handle(Call("cloudwatch", operation, "AKIAPERSON", params))


@pytest.fixture
def account(aws: EmbeddedAws, clock: VirtualClock, fresh: Callable[[str], str]) -> Account:
    """Return the account, in hours of its own."""
    clock.advance(2 * 3_600 - clock.now() % 3_600)
    return Account(aws.cloudwatch, clock, fresh)


def over(service: Service, minute_seconds: float = 60, **fault: Any) -> CloudWatchMetrics:
    """Return the port straight over a service."""
    return CloudWatchMetrics(ModelClient("cloudwatch", service, **fault), minute_seconds)  # type: ignore[arg-type]


@pytest.fixture(params=["model", "http"])
def metrics(request: pytest.FixtureRequest, aws: EmbeddedAws) -> CloudWatchMetrics:
    """Return the port over each way to the same model of CloudWatch."""
    if request.param == "http":
        return CloudWatchMetrics(client(aws, "cloudwatch"), 60)
    return over(aws.cloudwatch)


def read(
    metrics: CloudWatchMetrics,
    account: Account,
    wanted: list[Metric],
    since: int = 0,
    until: int = 10,
    minutes: int = 1,
) -> Measured:
    """Return what is read of the minutes of the story, by their number in it."""
    found = metrics.read(wanted, account.first + since, account.first + until, minutes)
    return {metric: {at - account.first: value for at, value in values.items()} for metric, values in found.items()}


def test_values_are_found_under_the_number_of_their_minute(metrics: CloudWatchMetrics, account: Account) -> None:
    metric = account.metric(5, 0, None, 7.5)
    assert read(metrics, account, [metric]) == {metric: {0: 5, 1: 0, 3: 7.5}}


def test_the_first_minute_is_in_the_window_and_the_one_at_its_end_is_not(
    metrics: CloudWatchMetrics, account: Account
) -> None:
    metric = account.metric(1, 2, 3, 4, 5)
    assert read(metrics, account, [metric], 1, 4)[metric] == {1: 2, 2: 3, 3: 4}


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 60), ("SampleCount", 3), ("Maximum", 30), ("Average", 20), ("p50", 20), ("TC(:20)", 2), ("p99", 30)],
)
def test_a_minute_has_the_statistic_that_is_asked_for(
    metrics: CloudWatchMetrics, account: Account, statistic: str, value: float
) -> None:
    metric = account.metric(statistic=statistic)
    datum = {"MetricName": metric.name, "Timestamp": account.at(0.5), "Values": [10, 20, 30]}
    account.call("PutMetricData", Namespace="Test", MetricData=[datum])
    assert read(metrics, account, [metric])[metric] == {0: value}


def test_hours_are_found_under_the_number_of_their_first_minute(
    metrics: CloudWatchMetrics, account: Account
) -> None:
    metric = account.metric(*[1] * 9, step=20)
    assert read(metrics, account, [metric], 0, 3 * HOUR, HOUR)[metric] == {0: 3, 60: 3, 120: 3}


def test_what_has_no_data_is_empty_and_not_zero(metrics: CloudWatchMetrics, account: Account) -> None:
    known, absent = account.metric(1), account.metric()
    found = read(metrics, account, [absent, known])
    assert list(found) == [absent, known]
    assert found[absent] == {}


def test_nothing_is_asked_for_and_nothing_is_found(metrics: CloudWatchMetrics, account: Account) -> None:
    assert read(metrics, account, []) == {}


def test_metrics_of_one_name_are_told_apart_by_their_dimensions(
    metrics: CloudWatchMetrics, account: Account
) -> None:
    wanted: list[Metric] = []
    for version, requests, errors in (("1", 900, 9), ("2", 100, 20)):
        for datum, count in traffic("shop", "live", version, account.at(0.5), requests, errors):
            account.model.record(datum, count)
        wanted += errors_of("shop", "live").metrics(version)
    wanted += errors_of("shop", "live").metrics(None)
    assert [values[0] for values in read(metrics, account, wanted).values()] == [900, 9, 100, 20, 1_000, 29]


def test_more_metrics_than_cloudwatch_takes_at_once_are_all_read(
    metrics: CloudWatchMetrics, account: Account
) -> None:
    quiet = [Metric("Test", f"quiet-{number}", ()) for number in range(1_000)]
    first, middle, last = (account.metric(number) for number in (1, 2, 3))
    found = read(metrics, account, [first, *quiet[:500], middle, *quiet[500:], last])
    assert len(found) == 1_003
    assert {metric: values for metric, values in found.items() if values} == {
        first: {0: 1},
        middle: {0: 2},
        last: {0: 3},
    }


class _AFewAtATime:
    """CloudWatch with pages of three data points."""

    def __init__(self, model: Service) -> None:
        self._model = model

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call."""
        return self._model.handle(Call(call.service, call.operation, call.principal, _three_at_most(call.params)))


def _three_at_most(params: Any, **_: Any) -> Any:
    return {**params, "MaxDatapoints": 3}


def _ask_for_three(params: dict[str, Any], **_: Any) -> None:
    params["MaxDatapoints"] = 3


@pytest.mark.parametrize("over_http", [False, True], ids=["model", "http"])
def test_pages_are_joined(aws: EmbeddedAws, account: Account, over_http: bool) -> None:
    paged = over(_AFewAtATime(aws.cloudwatch))
    if over_http:
        caller = client(aws, "cloudwatch")
        caller.meta.events.register("provide-client-params.cloudwatch.GetMetricData", _ask_for_three)
        paged = CloudWatchMetrics(caller, 60)
    wanted = [account.metric(*range(8)), account.metric(), account.metric(None, 1, None, 2), account.metric(9)]
    found = read(paged, account, wanted)
    assert list(found.values()) == [dict(enumerate(range(8))), {}, {1: 1, 3: 2}, {0: 9}]


class _Anybody:
    """Lets everybody call."""

    def check(self, call: Call) -> None:
        """Let a call be made."""


@contextmanager
def served(model: CloudWatchModel) -> Iterator[str]:
    """Serve a CloudWatch alone, as the embedded AWS does its own, and say where."""
    server = Server()
    server.start(Front(_Anybody(), {"cloudwatch": model}, {}, str, Hooks(), lambda: "request").handle)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.close()


@pytest.mark.parametrize("minute_seconds", [2.0, 0.3])
def test_a_compressed_minute_is_found_under_its_number(minute_seconds: float, fresh: Callable[[str], str]) -> None:
    clock = VirtualClock(minute_seconds, start=minute_seconds * HOUR * 10_000_000)
    model = CloudWatchModel(clock, lambda event: None, lambda: "id")
    account = Account(model, clock, fresh)
    metric = account.metric(1, 2, None, 4, 5, 6, 7)
    with served(model) as url:
        over_http = CloudWatchMetrics(client(SimpleNamespace(url=url), "cloudwatch"), minute_seconds)  # type: ignore[arg-type]
        for port in (over(model, minute_seconds), over_http):
            assert read(port, account, [metric], 1, 6)[metric] == {1: 2, 3: 4, 4: 5, 5: 6}
            assert read(port, account, [metric], 0, HOUR, HOUR)[metric] == {0: 25}


# ---- What could not be read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, UnavailableError),
        ("InternalServiceFault", 500, UnavailableError),
        ("SlowDown", 429, UnavailableError),
        ("AccessDenied", 403, DeniedError),
    ],
)
def test_a_trouble_of_cloudwatch_is_never_taken_for_missing_data(
    aws: EmbeddedAws, account: Account, code: str, status: int, kind: type[Exception]
) -> None:
    def fault(called: str, moment: str) -> None:
        if (called, moment) == ("GetMetricData", "before"):
            raise ApiError(code, "not now", status)

    metric = account.metric(1)
    with pytest.raises(kind, match=r"^reading metrics: not now$"):
        read(over(aws.cloudwatch, point=fault), account, [metric])
    with pytest.raises(kind, match=f"^reading metrics: {code} from AWS$"):
        read(CloudWatchMetrics(refusing(aws, "cloudwatch", "get_metric_data", code, status), 60), account, [metric])


def test_a_trouble_on_a_later_page_leaves_nothing_half_read(aws: EmbeddedAws, account: Account) -> None:
    calls: list[str] = []

    def fault(called: str, moment: str) -> None:
        calls.append(moment)
        if calls.count("before") > 1:
            raise ApiError("Throttling", "not now", 400)

    with pytest.raises(UnavailableError):
        read(over(_AFewAtATime(aws.cloudwatch), point=fault), account, [account.metric(*range(8))])


def answered(aws: EmbeddedAws, *statuses: str) -> CloudWatchMetrics:
    """Return the port over a client whose metrics are answered with these statuses, and no further page."""
    results = [
        {"Id": f"m{number}", "Label": "x", "Timestamps": [], "Values": [], "StatusCode": status}
        for number, status in enumerate(statuses)
    ]
    return CloudWatchMetrics(answering(aws, "cloudwatch", "get_metric_data", {"MetricDataResults": results}), 60)


@pytest.mark.parametrize("status", ["InternalError", "PartialData"])
def test_a_metric_that_was_not_answered_completely_is_unavailable_by_name(
    aws: EmbeddedAws, account: Account, status: str
) -> None:
    wanted = [account.metric(1), account.metric(2)]
    with pytest.raises(UnavailableError, match=f"CloudWatch has not answered for {wanted[1].name}$"):
        read(answered(aws, "Complete", status), account, wanted)


def test_a_metric_that_the_answer_leaves_out_is_unavailable(aws: EmbeddedAws, account: Account) -> None:
    wanted = [account.metric(1), account.metric(2)]
    with pytest.raises(UnavailableError, match=wanted[1].name):
        read(answered(aws, "Complete"), account, wanted)


def test_a_metric_that_may_not_be_read_is_denied_by_name(aws: EmbeddedAws, account: Account) -> None:
    wanted = [account.metric(1), account.metric(2)]
    with pytest.raises(DeniedError, match=f"reading metric {wanted[1].name}: CloudWatch says Forbidden"):
        read(answered(aws, "Complete", "Forbidden"), account, wanted)


def test_a_lost_connection_is_unavailable(aws: EmbeddedAws, account: Account) -> None:
    lost = client(aws, "cloudwatch")
    lost.meta.events.register("before-send", _lose_connection)
    with pytest.raises(UnavailableError):
        read(CloudWatchMetrics(lost, 60), account, [account.metric(1)])


def _lose_connection(request: Any, **_: Any) -> None:
    raise EndpointConnectionError(endpoint_url=request.url)


def test_a_missing_permission_is_said_and_not_taken_for_a_passing_trouble(
    aws: EmbeddedAws, account: Account, fresh: Callable[[str], str]
) -> None:
    barred = CloudWatchMetrics(restricted(aws, "cloudwatch", fresh("role"), "cloudwatch:DescribeAlarms"), 60)
    with pytest.raises(DeniedError, match="cloudwatch:GetMetricData"):
        read(barred, account, [account.metric(1)])
    allowed = CloudWatchMetrics(restricted(aws, "cloudwatch", fresh("role"), "cloudwatch:GetMetricData"), 60)
    metric = account.metric(1)
    assert read(allowed, account, [metric]) == {metric: {0: 1}}


def test_the_values_of_a_long_bake_are_read_in_less_than_half_of_botocores_own_time() -> None:
    minutes = range(20_000)  # of the 100,800 that a page may have
    values = {
        "Id": "m0",
        "StatusCode": "Complete",
        "Timestamps": [1.7e9 + 60 * n for n in minutes],
        "Values": [1.5] * 20_000,
    }
    answer = {"status_code": 200, "headers": {}, "body": json.dumps({"MetricDataResults": [values]}).encode()}

    def read(session: Any) -> tuple[float, Any]:
        shape = session.get_service_model("cloudwatch").operation_model("GetMetricData").output_shape
        parser = session.get_component("response_parser_factory").create_parser("json")
        took = []
        for _ in range(3):
            began = perf_counter()
            found = parser.parse(answer, shape)
            took.append(perf_counter() - began)
        return min(took), found["MetricDataResults"][0]["Timestamps"]

    settings = Settings("dev", "123456789012", "table", "default", "", 60.0)
    (ours, moments), (theirs, as_botocore_says) = read(AwsPorts(settings)._session), read(Session())
    assert moments == as_botocore_says
    assert ours < theirs / 2


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00Z", "Sun, 01 Mar 2026 12:00:00 GMT"])
def test_moments_that_aws_writes_as_text_are_read_too(text: str) -> None:
    settings = Settings("dev", "123456789012", "table", "default", "", 60.0)
    session: Any = AwsPorts(settings)._session
    shape = session.get_service_model("ecr").operation_model("DescribeImages").output_shape
    body = json.dumps({"imageDetails": [{"imagePushedAt": text}]}).encode()
    parser = session.get_component("response_parser_factory").create_parser("json")
    found = parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)
    assert found["imageDetails"][0]["imagePushedAt"] == datetime(2026, 3, 1, 12, tzinfo=UTC)
