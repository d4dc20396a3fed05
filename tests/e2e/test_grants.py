"""The template grants nothing in vain: all of the runs together are denied nothing, and use whatever is granted."""

from itertools import groupby

from rampart.demo.releases import FIRST
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.iam.authoriser import Denial
from tests.e2e import scenarios
from tests.e2e.permissions import UNUSED_HERE, Permission, permissions
from tests.e2e.shop import Shop

ALL = (
    scenarios.release,
    scenarios.compared,
    scenarios.first,
    scenarios.scanned_image,
    scenarios.refused_zip,
    scenarios.failed_test,
    scenarios.referred_events,
    scenarios.hooked,
    scenarios.late_hook,
    scenarios.lost_promotion,
    scenarios.rolled_back,
    scenarios.signalled,
    scenarios.undone,
    scenarios.line,
    scenarios.aborted,
    scenarios.stopped,
    scenarios.flap,
    scenarios.late_bake,
    scenarios.gave_up,
    scenarios.late_shift,
    scenarios.superseded,
    scenarios.lost_status,
    scenarios.lost_wake,
    scenarios.lost_notification,
    scenarios.lost_push,
    scenarios.refused_event,
    scenarios.poison_record,
)

UNUSED_OF_SAM = {
    "logs:CreateLogGroup": "Lambda writes a function's log with it; the embedded AWS keeps logs by itself",
    "logs:CreateLogStream": "likewise",
    "logs:PutLogEvents": "likewise",
    "sqs:SendMessage": "Lambda buries with it what Signal and Restore could not do; here they can",
    "xray:PutTraceSegments": "Lambda's X-Ray daemon sends traces with it; there is none here",
    "xray:PutTelemetryRecords": "likewise",
    "xray:GetSamplingRules": "likewise",
    "xray:GetSamplingTargets": "likewise",
    "xray:GetSamplingStatisticSummaries": "likewise",
}
"""What SAM grants unasked (AWSLambdaBasicExecutionRole, AWSXRayDaemonWriteAccess) and nothing here can use."""


def test_with_the_template_nothing_is_denied_and_nothing_is_granted_in_vain() -> None:
    denials: list[Denial] = []
    unused: list[set[Permission]] = []
    for minute_seconds, runs in groupby(sorted(ALL, key=scenarios.minute_seconds), scenarios.minute_seconds):
        with EmbeddedAws(minute_seconds) as aws:
            shop = Shop(aws, images=["orders"])
            for number, run in enumerate(runs):
                run(shop.open(f"shop-{number}", ZipFile=FIRST.zip))
            denials += aws.authoriser.denials
            owners = {name: logical.removesuffix("Role") for logical, name in shop.stack.resources.items()}
            unused.append({Permission(owners[g.role], g.statement, g.action) for g in aws.authoriser.unused()})
    assert denials == []
    granted_in_vain, declared = set.intersection(*unused), set(permissions())
    assert granted_in_vain & declared == set(UNUSED_HERE)
    assert {each.action for each in granted_in_vain - declared} == set(UNUSED_OF_SAM)
