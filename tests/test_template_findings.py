"""What Checkov finds in the template as CloudFormation gets it, with every role that SAM makes of it."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from rampart.embedded.cloudformation.deployer import translate
from tests.sam_template import ROOT, TEMPLATE

CHECKOV = ROOT / ".venv-checkov/bin/checkov"
CODE = {"CodeUri", "ContentUri", "DefinitionUri"}
LEFT_WITH_A_REASON = yaml.safe_load((ROOT / ".checkov.yaml").read_text())["skip-check"]


def uploaded() -> dict[str, Any]:
    """Return the template as `sam package` leaves it: its code is in a bucket."""
    template = copy.deepcopy(TEMPLATE)
    for resource in [template["Globals"]["Function"], *(r["Properties"] for r in template["Resources"].values())]:
        resource.update(dict.fromkeys(CODE & resource.keys(), "s3://packages/key"))
    return template


def findings(template: dict[str, Any], path: Path) -> tuple[set[str], set[str]]:
    """Return what Checkov holds against a translated SAM template, and what it has looked for in vain."""
    assert CHECKOV.exists(), "run make environments"
    values = {name: p.get("Default", "artifacts") for name, p in template["Parameters"].items()}
    path.write_text(json.dumps(translate(template, {name: str(value) for name, value in values.items()})))
    done = subprocess.run(
        [CHECKOV, "--framework", "cloudformation", "--skip-download", "--output", "json", "--file", path],
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,  # where no .checkov.yaml is
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    results = report["results"]
    return {c["check_id"] for c in results["failed_checks"]}, {c["check_id"] for c in results["passed_checks"]}


def test_checkov_finds_what_is_left_with_a_reason_and_nothing_else(tmp_path: Path) -> None:
    failed, passed = findings(uploaded(), tmp_path / "template.json")
    assert failed == set(LEFT_WITH_A_REASON)
    assert len(LEFT_WITH_A_REASON) == len(failed)
    assert {"CKV_AWS_109", "CKV_AWS_111", "CKV_AWS_28", "CKV_AWS_364"} <= passed


def test_checkov_would_find_a_role_that_may_do_everything_with_roles(tmp_path: Path) -> None:
    template = uploaded()
    (policy,) = template["Resources"]["JudgeFunction"]["Properties"]["Policies"]
    policy["Statement"].append({"Sid": "Roles", "Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    failed, _ = findings(template, tmp_path / "template.json")
    assert {"CKV_AWS_109", "CKV_AWS_110"} <= failed
