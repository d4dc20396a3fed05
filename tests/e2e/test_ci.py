"""CI with the role of examples/ci: it uploads, follows the deployment to its verdict, and may do no more."""

from pathlib import Path

import pytest
import yaml

from controller.core.deployment import Status
from rampart.demo.account import BUCKET
from rampart.demo.releases import Release
from rampart.embedded.cloudformation.deployer import read_template
from rampart.embedded.cloudformation.template import Template
from tests.e2e.command_line import Terminal
from tests.e2e.shop import Shop
from tests.sam_template import ROOT

KEY = "AKIARELEASE000000000"
EXAMPLES = ROOT / "examples/ci"


@pytest.fixture
def runner(shop: Shop, tmp_path: Path) -> Terminal:
    """Return the terminal of a workflow, which has the role and nothing else."""
    source = read_template(EXAMPLES / "github-role.yaml")
    values = {name: str(each.get("Default", "")) for name, each in source["Parameters"].items()}
    outputs = {name: shop.stack.outputs[name] for name in ("TableName", "StateMachineArn")}
    body = Template("ci", source, values | outputs | {"ArtifactBucket": BUCKET})
    body.attributes["GitHub"] = {"": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
    role = body.resolve(source["Resources"]["Release"]["Properties"])
    shop.aws.authoriser.register(KEY, role["RoleName"], [each["PolicyDocument"] for each in role["Policies"]])
    names = {
        "AWS_ACCESS_KEY_ID": KEY,
        "RAMPART_TABLE": outputs["TableName"],
        "RAMPART_STATE_MACHINE": outputs["StateMachineArn"],
        "ARTIFACT": f"s3://{BUCKET}/checkout/by-ci.zip",
    }
    return Terminal(shop.aws.url, tmp_path, names)


def steps(begin: str) -> str:
    """Return the one step of the workflow that begins with these words."""
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yaml").read_text())
    (found,) = [s["run"] for s in workflow["jobs"]["release"]["steps"] if s.get("run", "").startswith(begin)]
    return str(found)


def test_a_workflow_uploads_and_waits_for_the_verdict_with_no_more_rights_than_its_role_has(
    shop: Shop, runner: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "checkout.zip").write_bytes(Release(71, 0, Status.PROMOTED).zip)
    uploaded = runner.run(steps("aws s3 cp"))
    assert uploaded.code == 0, uploaded.err
    ran = runner.run(steps("rampart deploy"))
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "PROMOTED" in ran.out
    assert shop.aws.authoriser.denials == []
    other = runner.run(f"aws s3 cp checkout.zip s3://{BUCKET}/receipts/by-ci.zip")
    assert other.code != 0
    assert "AccessDenied" in other.err
    shop.pardon()
