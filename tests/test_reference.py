"""The documents that are written from the code: they are up to date, complete, and give a reason for everything."""

import shutil
from pathlib import Path

import pytest

from rampart.embedded.cloudformation.template import DeployError
from rampart.reference.__main__ import main
from rampart.reference.documents import documents, stale
from rampart.reference.page import DocumentError, with_parts
from rampart.reference.sam_grants import sam_grants
from rampart.reference.statements import Statement, statements
from tests.sam_template import FUNCTIONS, MACHINES, RESOURCES, ROOT
from tests.sam_template import statements as template_statements

_WRITTEN = (
    "SECURITY.md",
    "docs/cli.md",
    "docs/notifications.md",
    "docs/target.md",
    "docs/notification.schema.json",
    "docs/target.schema.json",
)
_POLICY = """
Resources:
  Reader:
    Properties:
      Policies:
        - Statement:
{statement}
"""
_SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      {properties}
      Handler: app.handler
      Runtime: python3.13
      CodeUri: .
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of its own, with the template and the documents."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name in ("template.yaml", *_WRITTEN):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def read(*lines: str) -> list[Statement]:
    """Return the statements of a template with one policy, of which these are the lines."""
    return statements(_POLICY.format(statement="\n".join(" " * 12 + line for line in lines)))


def test_the_documents_are_as_the_code_would_write_them() -> None:
    assert list(stale(ROOT)) == []
    assert set(documents(ROOT)) == set(_WRITTEN)


def test_what_is_stale_is_told_by_name_and_written_by_the_command(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "docs/notification.schema.json").unlink()
    page = checkout / "SECURITY.md"
    page.write_text(page.read_text().replace("### NotifyFunction", "### Nobody") + "\nA last word.\n")
    assert main(["--check"], checkout) == 1
    assert capsys.readouterr().err.splitlines() == [
        "SECURITY.md is stale: run make docs",
        "docs/notification.schema.json is stale: run make docs",
    ]
    assert main([], checkout) == 0
    assert capsys.readouterr().out.splitlines() == ["wrote SECURITY.md", "wrote docs/notification.schema.json"]
    assert page.read_text() == (ROOT / "SECURITY.md").read_text() + "\nA last word.\n"
    assert main(["--check"], checkout) == 0


def test_a_statement_without_a_reason_is_named_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = checkout / "template.yaml"
    text = template.read_text()
    first = statements(text)[0]
    template.write_text(text.replace(f"Sid: {first.sid} # {first.why}", f"Sid: {first.sid}", 1))
    assert main(["--check"], checkout) == 1
    told = f"template.yaml: {first.owner}: {first.sid} does not say why it is there: write Sid: {first.sid} # why\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["- Effect: Allow", "  Action: a:B"], "the statement at line 7 has no Sid"),
        (["- Sid: See #", "  Effect: Allow"], "See does not say why it is there"),
        (["- Sid: See # why", "  Effect: Deny", "  Action: a:B", "  Resource: '*'"], "See has Effect Deny"),
        (["- Sid: See # why", "  Effect: Allow", "  NotAction: a:B", "  Resource: '*'"], "See has NotAction"),
        (["- Sid: See # why", "  Effect: Allow", "  Action: a:B"], "See has no Resource"),
        (
            ["- Sid: See # why", "  Effect: Allow", "  Action: a:B", "  Resource: !Join ['', [a, b]]"],
            "See: line 10 is neither !Ref nor !GetAtt nor !Sub nor text",
        ),
        (
            ["- !If", "  - Wanted", "  - Sid: See # why", "    Effect: Allow", "  - !Ref AWS::NoValue"],
            "line 9: the table cannot tell !If",
        ),
    ],
)
def test_a_statement_that_the_table_cannot_tell_is_refused(lines: list[str], fault: str) -> None:
    with pytest.raises(DocumentError, match=f"^template.yaml: (Reader: )?{fault}"):
        read(*lines)


def test_a_statement_is_told_in_words() -> None:
    (told,) = read(
        "- Sid: See # to know",
        "  Effect: Allow",
        "  Action: [lambda:GetAlias, lambda:GetFunction]",
        "  Resource:",
        "    - !GetAtt Reader.Arn",
        "    - !Sub ${Reader.Arn}/index/*",
        "    - !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Prefix}*",
        "    - arn:aws:lambda:eu-west-1:123456789012:function:elsewhere",
        "  Condition: {StringEquals: {aws:ResourceTag/stage: [!Ref Stage, all]}}",
    )
    assert told == Statement(
        owner="Reader",
        sid="See",
        actions=("lambda:GetAlias", "lambda:GetFunction"),
        resources=(
            "`Reader`",
            "`Reader/index/*`",
            "lambda `function:${Prefix}*`",
            "`arn:aws:lambda:eu-west-1:123456789012:function:elsewhere`",
        ),
        conditions=("`aws:ResourceTag/stage` is `${Stage}` or `all`",),
        principals=(),
        why="to know",
    )


def test_a_statement_that_is_repeated_has_the_reason_of_the_first() -> None:
    first, second = read(
        "- &See",
        "  Sid: See # to know",
        "  Effect: Allow",
        "  Action: a:B",
        "  Resource: '*'",
        "- *See",
    )
    assert first == second
    assert second.why == "to know"


def test_every_statement_of_the_template_is_in_the_table() -> None:
    told = statements((ROOT / "template.yaml").read_text())
    policies = [name for name, each in RESOURCES.items() if each["Type"].endswith("Policy")]
    roles = {f"{each.owner}.{each.sid}" for each in told if each.owner not in policies}
    assert roles == set(template_statements())
    assert {each.owner for each in told} == {*FUNCTIONS, *MACHINES, *policies}


def test_what_sam_grants_unasked_is_in_the_table() -> None:
    grants = {(each.who, each.action) for each in sam_grants(ROOT / "template.yaml")}
    assert ("every function", "AWSLambdaBasicExecutionRole") in grants
    assert ("every function, `DeploymentStateMachine`", "AWSXrayWriteOnlyAccess") in grants
    assert ("`SignalFunction`, `RestoreFunction`", "sqs:SendMessage") in grants
    rules = {
        f"`events.amazonaws.com` for `{name}{event}`"
        for name, each in FUNCTIONS.items()
        for event in each.get("Events", {})
    }
    invokers = {who for whom, action in grants if action == "lambda:InvokeFunction" for who in whom.split(", ")}
    assert invokers == rules


def test_a_grant_of_sam_that_nobody_has_thought_of_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    topic = "DeadLetterQueue: {Type: SNS, TargetArn: 'arn:aws:sns:eu-west-1:123456789012:letters'}"
    template.write_text(_SAM.format(properties=topic))
    with pytest.raises(DocumentError, match=r"^SAM grants sns:Publish by itself; say why in rampart/reference/"):
        sam_grants(template)


def test_a_template_that_sam_refuses_is_told_in_sams_words(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(_SAM.format(properties="MemorySize: {Odd: true, Thing: 1}\n      PackageType: Wood"))
    with pytest.raises(DeployError, match="the SAM template is not valid"):
        sam_grants(template)


@pytest.mark.parametrize("text", ["", "<!-- begin list (written by `make docs`) -->", "<!-- end list -->"])
def test_a_page_without_a_place_for_a_part_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^PAGE.md needs the lines <!-- begin list .* and <!-- end list -->"):
        with_parts("PAGE.md", text, {"list": "one"})


def test_a_page_that_is_not_there_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "SECURITY.md").unlink()
    assert main([], checkout) == 1
    assert capsys.readouterr().err == "SECURITY.md is not there; its prose is written by hand\n"
