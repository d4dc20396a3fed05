"""Criteria: what a target asks of its candidate beside quiet alarms. A comparison, and rules with thresholds."""

import math
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from controller.core.comparison import Bar
from controller.core.document import METRIC_FORM, NAME_FORM, Document
from controller.core.duration import Duration, parse_milliseconds, spell_duration
from controller.core.weight import FULL_WEIGHT, Weight, parse_weight
from controller.core.wording import shown

SLOWER_TOLERANCE = 1.25
"""The odds ratio of slow requests up to which a candidate counts as no slower."""
SLOWER_RISK = 0.005

LONGEST_WINDOW_SECONDS = 3600
"""The longest window of a rule."""

LAMBDA_METRICS = ("error_rate", "duration", "throttles")
"""What a rule may ask of Lambda's own metrics."""

_SMALLEST, _LARGEST = 1e-18, 1e18
"""Of a threshold. A record keeps 38 digits of a number, and none that is without end."""

_STATISTIC = r"(Sum|Average|Minimum|Maximum|SampleCount|p(?:100|[0-9]{1,2}(?:\.[0-9]{1,2})?))"


class WhenUnclear(StrEnum):
    """What a deployment does when a hold has lasted as long as it may and the evidence is still unclear."""

    APPROVE = "approve"
    """Waits for a person, and is rolled back when nobody approves."""
    PROMOTE = "promote"
    """Goes on without evidence."""
    ROLL_BACK = "roll_back"
    """Is rolled back."""


class Then(StrEnum):
    """What is done about a candidate that does not meet a criterion."""

    ROLL_BACK = "roll_back"
    """It is rolled back."""
    HOLD = "hold"
    """The step is held, for `max_hold` at most."""
    OBSERVE = "observe"
    """Nothing; it is recorded."""


Text = Annotated[str, Field(min_length=1, max_length=255)]


class _VersionedMetric(Document):
    namespace: Text
    """The CloudWatch namespace that the application writes it to."""
    dimensions: Annotated[dict[Text, Text], Field(default_factory=dict, max_length=29)]
    """The metric's dimensions but for the version's."""
    version_dimension: Text
    """The dimension whose value is the number of the version that ran."""
    function: Text | None = None
    """The member whose versions these are; null where there is only one."""


class CountMetric(_VersionedMetric):
    """A pair of counts that an application keeps for each of its versions."""

    name: Text
    """What is counted, such as "orders"."""
    requests: Text
    """The name of the metric that counts what was asked."""
    failures: Text
    """The name of the metric that counts what went wrong of it.

    A minute with requests and without a value of this metric has no failures.
    """


def _known_answer(value: Any) -> Any:
    if value not in (*Then, "ignore"):
        raise ValueError(f"write {', '.join(Then)} or ignore, not {shown(value)}")
    return value


class ComparisonTerms(Document):
    """What the comparison of candidate and baseline asks for."""

    false_rollbacks: Weight = 100
    """In which share of the rollouts of a candidate that is no worse it may roll back."""
    min_requests: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 10
    """How many requests the candidate must have served before it gets all of the traffic."""
    min_failures: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 3
    """With fewer failures the candidate is not rolled back."""
    min_difference: Weight = 10
    """A failure rate that is above the baseline's by less does not matter."""
    metrics: Annotated[tuple[CountMetric, ...], Field(max_length=10)] = ()
    """What is compared beside the errors that Lambda itself counts."""
    slower: Annotated[Then | Literal["ignore"], BeforeValidator(_known_answer)] = Then.HOLD
    """What is done about a candidate that has more slow requests."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "ComparisonTerms":
        names = [metric.name for metric in self.metrics]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f".metrics[{index}].name: {shown(name)} is named already; name it once")
        return self

    @property
    def bar(self) -> Bar:
        """The same for the comparison of failures."""
        return Bar(
            risk=self.false_rollbacks / FULL_WEIGHT,
            min_requests=self.min_requests,
            min_failures=self.min_failures,
            min_difference=self.min_difference / FULL_WEIGHT,
        )

    @property
    def slower_bar(self) -> Bar:
        """The same for the comparison of slow requests."""
        return Bar(
            risk=min(SLOWER_RISK, self.false_rollbacks / FULL_WEIGHT),
            min_requests=1,
            min_failures=self.min_failures,
            min_difference=self.min_difference / FULL_WEIGHT,
            tolerance=SLOWER_TOLERANCE,
            most_per_minute=math.inf,  # slow requests are many, and no cluster of a few makes a minute
        )


def parse_comparison(value: Any) -> Any:
    """Return the terms of a comparison as they are written; False is none. Raises ValueError."""
    if value is False:
        return None
    if value is None or isinstance(value, dict | ComparisonTerms):
        return value
    raise ValueError(f'write false, or an object such as {{"min_requests": 10}}, not {shown(value)}')


def _known_statistic(name: str) -> str:
    if not re.fullmatch(_STATISTIC, name):
        raise ValueError(f'write Sum, Average, Minimum, Maximum, SampleCount or such as "p99", not {shown(name)}')
    return name


def _known_metric(name: str) -> str:
    if name not in LAMBDA_METRICS:
        known = ", ".join(LAMBDA_METRICS)
        raise ValueError(f"write {known}, or an object that names a metric of your own, not {shown(name)}")
    return name


class RuleMetric(_VersionedMetric):
    """A metric of an application's own, which it keeps for each of its versions."""

    name: Text
    """The metric's name."""
    statistic: Annotated[str, AfterValidator(_known_statistic)] = "Average"
    """What is made of its values in the window."""


def _an_hour_at_most(seconds: int) -> int:
    if not 60 <= seconds <= LONGEST_WINDOW_SECONDS or seconds % 60:
        raise ValueError(f"write whole minutes from 1m to 1h, not {spell_duration(seconds)}")
    return seconds


def _threshold(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f'write a number, a percentage such as "5%" or a time such as "800ms", not {shown(value)}')
    return value


Threshold = Annotated[int | float | str, BeforeValidator(_threshold)]


class Rule(Document):
    """A threshold for the candidate's own numbers, whatever the baseline's are."""

    metric: Annotated[
        Annotated[str, AfterValidator(_known_metric), Tag(NAME_FORM)] | Annotated[RuleMetric, Tag(METRIC_FORM)],
        Discriminator(lambda value: NAME_FORM if isinstance(value, str) else METRIC_FORM),
    ]
    """One of the metrics that Lambda keeps, by its name here, or an application's own."""
    above: Threshold | None = None
    """The most that may be: a percentage for `error_rate`, a time for `duration`, a number otherwise."""
    below: Threshold | None = None
    """The least that must be. Write one of the two."""
    statistic: Annotated[str, AfterValidator(_known_statistic)] = "p99"
    """What is made of the durations in the window; of no meaning to other metrics."""
    over: Annotated[Duration, AfterValidator(_an_hour_at_most)] = 300
    """How long the window is that the numbers are taken from, `1m` to `1h`; it ends before the metrics' lag."""
    min_requests: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 10
    """With fewer requests in the window the rule says nothing."""
    then: Then = Then.ROLL_BACK
    """What is done about a candidate on the wrong side of it."""

    @model_validator(mode="after")
    def _one_threshold(self) -> "Rule":
        if (self.above is None) == (self.below is None):
            raise ValueError("say either above or below, and not both")
        try:
            self.limit  # noqa: B018 - read for what it raises
        except ValueError as fault:
            raise ValueError(f".{'below' if self.above is None else 'above'}: {fault}") from None
        return self

    @property
    def limit(self) -> float:
        """The threshold as a number in the metric's own unit: a share, milliseconds, or what it counts."""
        written = self.below if self.above is None else self.above
        match self.metric:
            case "error_rate":
                return parse_weight(written) / FULL_WEIGHT
            case "duration":
                return float(parse_milliseconds(written))
            case _:
                if not isinstance(written, int | float):
                    raise ValueError(f"write a number, not {shown(written)}")
                if written and not _SMALLEST <= abs(written) <= _LARGEST:  # nor any of JSON's NaN
                    able = "0, or from 1E-18 to 1E18 on either side of it"
                    raise ValueError(f"write a number that is {able}, not {shown(written)}")
                return float(written)

    def is_broken_by(self, value: float) -> bool:
        """Say whether a value is on the wrong side of the threshold."""
        return value > self.limit if self.below is None else value < self.limit

    def __str__(self) -> str:
        name = self.metric if isinstance(self.metric, str) else self.metric.name
        side, written = ("above", self.above) if self.below is None else ("below", self.below)
        return f"{name} {side} {written}"
