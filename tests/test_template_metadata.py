"""What people read of the template: the parameters in the console, the outputs, the entry in AWS's repository."""

import re
import tomllib
from typing import Any

import pytest

from tests.sam_template import RESOURCES, ROOT, TEMPLATE

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
APPLICATION: dict[str, Any] = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
INTERFACE: dict[str, Any] = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]


def test_what_is_published_has_the_version_and_licence_of_the_project() -> None:
    assert APPLICATION["SemanticVersion"] == PROJECT["version"]
    assert APPLICATION["SpdxLicenseId"] == PROJECT["license"]
    assert [APPLICATION["LicenseUrl"]] == PROJECT["license-files"]
    assert APPLICATION["ReadmeUrl"] == PROJECT["readme"]


def test_what_is_published_is_named_as_the_serverless_application_repository_wants_it() -> None:
    # API reference of the AWS Serverless Application Repository, CreateApplication
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", APPLICATION["Name"])
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", APPLICATION["Author"])
    assert 1 <= len(APPLICATION["Description"]) <= 256
    assert 1 <= len(APPLICATION["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label) for label in APPLICATION["Labels"])


def test_every_parameter_stands_in_one_group_and_has_a_label() -> None:
    grouped = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])
    assert INTERFACE["ParameterLabels"].keys() == TEMPLATE["Parameters"].keys()


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_a_parameter_says_what_it_is_and_has_a_default(name: str) -> None:
    assert TEMPLATE["Parameters"][name]["Description"].endswith(".")
    assert "Default" in TEMPLATE["Parameters"][name]
    assert f"`{name}`" in (ROOT / "docs/deploying.md").read_text()


@pytest.mark.parametrize("name", TEMPLATE["Outputs"])
def test_an_output_says_what_it_is_for(name: str) -> None:
    assert TEMPLATE["Outputs"][name]["Description"].endswith(".")


def test_every_alarm_is_named_by_an_output() -> None:
    alarms = [{"Ref": name} for name, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert TEMPLATE["Outputs"]["AlarmNames"]["Value"]["Fn::Join"][1] == alarms
