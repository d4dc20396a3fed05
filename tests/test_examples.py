"""What people may copy out of examples/ and the pages: it is linted, deployed, and names commands that exist."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer
import yaml

from controller.core.target import parse_target
from rampart.cli.__main__ import app
from rampart.embedded.aws import EmbeddedAws
from rampart.embedded.cloudformation.deployer import read_template, translate
from tests.sam_template import ROOT
from tests.test_template import lint

EXAMPLES = ROOT / "examples"
WORKFLOWS = {"github-actions.yaml", "buildspec.yaml"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_templates_satisfy_cfn_lint() -> None:
    templates = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if path.name not in WORKFLOWS]
    assert len(templates) >= 9
    assert lint(*templates) == (0, "")


def test_every_example_is_linked_from_a_page() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    files = [path for path in EXAMPLES.rglob("*.*") if path.is_file() and path.parent.name != "targets"]
    assert [str(path.relative_to(ROOT)) for path in files if str(path.relative_to(ROOT)) not in text] == []


def test_what_the_pages_link_to_is_there() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())]
    missing = [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_template_of_a_function_makes_all_that_a_deployment_needs() -> None:
    with EmbeddedAws(60.0, runner="in_process") as aws:
        aws.deploy(EXAMPLES / "infrastructure/sam.yaml", "checkout", {})
        client = aws.client("lambda")
        alias = client.get_alias(FunctionName="checkout", Name="live")
        assert (alias["FunctionVersion"], alias.get("RoutingConfig", {})) == ("1", {})
        assert client.get_function(FunctionName="checkout")["Tags"]["rampart:managed"] == "prod"
        value = aws.client("ssm").get_parameter(Name="/rampart/prod/targets/checkout")["Parameter"]["Value"]
        target = parse_target("checkout", value, "it")
        assert [str(member.function) for member in target.members] == ["checkout"]
        alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm.name for alarm in target.alarms])
        assert [alarm["AlarmName"] for alarm in alarms["MetricAlarms"]] == ["checkout-errors"]


KEY = {"Key": {"Ref": "CodeKey"}}


def template(name: str) -> dict[str, Any]:
    """Return a template of the way from CodeDeploy."""
    return read_template(EXAMPLES / f"from-codedeploy/{name}.yaml")


def translated(name: str) -> dict[str, Any]:
    """Return the resources that CloudFormation sees of it."""
    read = template(name)
    resources: dict[str, Any] = translate(read, dict.fromkeys(read["Parameters"], "41"))["Resources"]
    return resources


def test_the_way_from_codedeploy_keeps_function_alias_and_version() -> None:
    before, after = translated("before"), translated("after")
    kept = {name: (before[name]["Type"], after[name]["Type"]) for name in before.keys() & after.keys()}
    assert kept.keys() == {"Checkout", "CheckoutRole", "CheckoutAliaslive", "Errors"}
    assert all(was == now for was, now in kept.values())
    alias = after["CheckoutAliaslive"]["Properties"]
    assert {name: alias[name] for name in ("FunctionName", "Name")} == {
        name: before["CheckoutAliaslive"]["Properties"][name] for name in ("FunctionName", "Name")
    }
    assert "UpdatePolicy" in before["CheckoutAliaslive"]
    assert "UpdatePolicy" not in after["CheckoutAliaslive"]
    gone = {name: before[name] for name in before.keys() - after.keys()}
    versions = [each for each in gone.values() if each["Type"] == "AWS::Lambda::Version"]
    assert [version["DeletionPolicy"] for version in versions] == ["Retain"]
    assert not [each for each in after.values() if each["Type"].startswith("AWS::CodeDeploy::")]
    code = [template("before"), template("after")]
    assert code[0]["Resources"]["Checkout"]["Properties"]["CodeUri"] == {"Bucket": {"Ref": "CodeBucket"}, **KEY}
    assert code[1]["Resources"]["Checkout"]["Properties"]["CodeUri"] == {"Bucket": {"Ref": "CodeBucket"}, **KEY}


def test_the_target_has_the_strategy_and_the_alarms_that_the_preference_had() -> None:
    preference = template("before")["Resources"]["Checkout"]["Properties"]
    value = template("after")["Resources"]["Target"]["Properties"]["Value"]["Fn::Sub"]
    assert re.findall(r'"alarms": \["\$\{(\w+)\}"\]', value) == [
        alarm["Ref"] for alarm in preference["DeploymentPreference"]["Alarms"]
    ]
    filled = re.sub(r"\$\{\w+\}", "checkout", value)
    assert parse_target("checkout", filled, "it").strategy == preference["DeploymentPreference"]["Type"]


@pytest.mark.skipif(not shutil.which("terraform"), reason="there is no terraform here")
def test_terraform_reads_its_example() -> None:
    ran = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", str(EXAMPLES / "infrastructure/main.tf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")


def test_terraforms_example_leaves_code_and_alias_alone() -> None:
    text = (EXAMPLES / "infrastructure/main.tf").read_text()
    code, alias = (set(each.split(", ")) for each in re.findall(r"ignore_changes = \[(.*)\]", text))
    assert code == {"filename", "source_code_hash", "s3_bucket", "s3_key", "s3_object_version", "image_uri"}
    assert alias == {"function_version", "routing_config"}


def shell_lines(text: str) -> Iterator[str]:
    """Yield the lines of shell commands, those that go on over several as one."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        yield from re.split(r" && | \|\| ", line.strip())


def commands() -> list[tuple[str, str]]:
    """Return every `rampart` command of pages and workflows, each with where it stands."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^ *```(?:bash)?\n(.*?)^ *```$", page.read_text(), re.DOTALL | re.MULTILINE):
            found += [(page.name, line) for line in shell_lines(block)]
    workflow = yaml.safe_load((EXAMPLES / "ci/github-actions.yaml").read_text())
    for step in workflow["jobs"]["release"]["steps"]:
        found += [("github-actions.yaml", line) for line in shell_lines(step.get("run", ""))]
    buildspec = yaml.safe_load((EXAMPLES / "ci/buildspec.yaml").read_text())
    for phase in buildspec["phases"].values():
        found += [("buildspec.yaml", line) for command in phase["commands"] for line in shell_lines(command)]
    return [(where, line) for where, line in found if line.startswith("rampart ")]


def test_every_command_of_the_pages_and_workflows_is_one_that_the_command_line_takes() -> None:
    found = commands()
    assert {"tutorial.md", "hotfix.md", "from-codedeploy.md", "github-actions.yaml", "buildspec.yaml"} <= {
        where for where, _ in found
    }
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    for where, line in found:
        _, name, *arguments = shlex.split(line, comments=True)
        command = group.commands[name]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        used = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert used <= known, f"{where}: {line}"


def test_ci_builds_once_uploads_and_then_waits_for_what_it_uploaded() -> None:
    workflow = yaml.safe_load((EXAMPLES / "ci/github-actions.yaml").read_text())
    steps = workflow["jobs"]["release"]["steps"]
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    runs = [step["run"] for step in steps if "run" in step]
    assert [line for line in runs if "$ARTIFACT" in line] == [
        'aws s3 cp checkout.zip "$ARTIFACT"',
        'rampart deploy checkout --zip "$ARTIFACT" --wait --timeout 50m',
    ]
    buildspec = yaml.safe_load((EXAMPLES / "ci/buildspec.yaml").read_text())
    assert buildspec["phases"]["post_build"]["commands"][-2:] == runs[-2:]
