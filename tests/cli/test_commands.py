"""The commands themselves: their help, and one line with exit 2 for what the operator must put right."""

from collections.abc import Iterator
from importlib.metadata import version

import pytest
import typer.main
from typer.testing import CliRunner, Result

from rampart.cli.__main__ import app
from tests.cli.paper import assert_golden

VERBS = ("pause", "resume", "approve", "promote", "abort", "undo", "retry", "stop-the-line", "release-the-line")
WITH_TABLE = {"RAMPART_TABLE": "deployments"}


def ran(*arguments: str, **environment: str | None) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, arguments, env=environment)


def one_line(result: Result) -> str:
    """Return the one line that a command that failed has said."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["status", "history", "show", *VERBS, "repair", "prune", "doctor"])
def test_every_command_tells_how_it_finds_rampart(command: str) -> None:
    told = ran(command, "--help")
    assert told.exit_code == 0
    for option in ("--stage", "--stack", "--table", "--control-function", "--profile", "--region"):
        assert option in told.stdout
    assert max(len(line) for line in told.stdout.splitlines()) <= 80
    assert command in ran("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (
            ["status"],
            {"AWS_DEFAULT_REGION": None},
            "rampart status: there is no AWS region; give --region, or set AWS_DEFAULT_REGION",
        ),
        (
            ["history", "orders"],
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
            "rampart history: there are no AWS credentials; log in, set AWS_PROFILE, or give --profile",
        ),
        (
            ["status"],
            {"AWS_SECRET_ACCESS_KEY": None},
            "rampart status: AWS credentials: Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
        ),
        (
            ["show", "orders", "--profile", "nobody"],
            {},
            "rampart show: AWS credentials: The config profile (nobody) could not be found",
        ),
        (
            ["status"],
            {**WITH_TABLE, "AWS_ENDPOINT_URL": "nonsense"},
            "rampart status: AWS dynamodb: Invalid endpoint: nonsense",
        ),
        (
            ["show", "\x1b[31m"],
            WITH_TABLE,
            "rampart show: write a name of 1 to 80 characters, not '\\u001b[31m'",
        ),
        (
            ["abort", "", "--reason", "wrong build"],
            WITH_TABLE,
            "rampart abort: write a name of 1 to 80 characters, not ''",
        ),
        (["status", "--region", ""], {}, "rampart status: --region: write a name, not an empty one"),
        (
            ["stop-the-line", "--reason", "x", "--control-function", ""],
            {},
            "rampart stop-the-line: --control-function: write a name, not an empty one",
        ),
        (["plan", ""], {}, "rampart plan: write a name of 1 to 80 characters, not ''"),
        (["prune", "--yes", ""], {}, "rampart prune: write a name of 1 to 80 characters, not ''"),
        (
            ["prune", "--yes", "--function", ""],
            {},
            "rampart prune: --function: write a function's own name, not ''",
        ),
        (
            ["prune", "--function", "checkout:live"],
            {},
            "rampart prune: --function: write a function's own name, not 'checkout:live'",
        ),
        (
            ["repair", "--function", "a b"],
            {},
            "rampart repair: --function: write a function's own name, not 'a b'",
        ),
        (["doctor", "checkout", ""], {}, "rampart doctor: write a name of 1 to 80 characters, not ''"),
        (["deploy", "checkout", "--zip", ""], {}, "rampart deploy: --zip: write s3://BUCKET/KEY, not ''"),
        (["deploy", "checkout", "--image", "x:y"], {}, "rampart deploy: --image: there is no repository 'x'"),
        (
            ["stop-the-line", "--reason", ""],
            {},
            "rampart stop-the-line: --reason: write at least 1 character, not ''",
        ),
        (
            ["stop-the-line", "--reason", "x", "--by", ""],
            {},
            "rampart stop-the-line: --by: write at least 1 character, not ''",
        ),
    ],
)
def test_what_the_operator_must_put_right_is_one_line(
    arguments: list[str], environment: dict[str, str | None], line: str
) -> None:
    result = ran(*arguments, **environment)
    assert (result.exit_code, one_line(result)) == (2, line)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["history"], "Missing argument 'TARGET'."),
        (["history", "orders", "--limit", "0"], "Input should be greater than or equal to 1"),
        (["abort", "orders"], "Missing option '--reason'."),
        (["status", "--output", "yaml"], "'yaml' is not one of 'text', 'json'."),
        (["repair"], "Invalid value for TARGET: name either a target or --function"),
        (["repair", "orders", "--function", "orders"], "name either a target or --function, and not both"),
        (["deploy", "orders"], "say what to deploy: one of --zip, --image and --version"),
        (["deploy", "orders", "--version", "1", "--image", "a:b"], "one of --zip, --image and --version"),
        (["deploy", "orders", "--version", "1", "--timeout", "1m"], "it takes --wait to wait for so long"),
        (["deploy", "orders", "--version", "1", "--by", "kim"], "who deploys otherwise is not on record"),
        (["prune", "orders", "--function", "orders"], "name either a target or --function, and not both"),
        (["deploy", "orders", "--version", "1", "--wait", "--timeout", "soon"], "or \"7d\", not 'soon'"),
        (["local", "push", "checkout", "--failing", "101"], "Input should be less than or equal to 100"),
    ],
)
def test_wrong_usage_is_said_as_for_every_command_before_anybody_asks_for_credentials(
    arguments: list[str], line: str
) -> None:
    result = ran(*arguments, **WITH_TABLE, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(line)
    assert result.stderr.startswith("Usage: ")


def test_an_aws_that_does_not_answer_is_one_line_and_no_wrong_usage() -> None:
    # A port of this machine on which nobody listens.
    result = ran("status", **WITH_TABLE, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    assert result.exit_code == 1
    assert one_line(result).startswith("rampart status: deployments that have not ended: Could not connect to the")


def pages() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, and of rampart itself."""
    yield ()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", {}))


def test_every_help_page_is_as_it_was_read_before_it_was_committed() -> None:
    told = [(" ".join(("rampart", *words)), ran(*words, "--help")) for words in pages()]
    assert [name for name, page in told if page.exit_code or page.stderr] == []
    assert_golden("help", "".join(f"$ {name} --help\n{page.stdout}\n" for name, page in told))
    assert all(len(line) <= 80 for _, page in told for line in page.stdout.splitlines())


def test_the_version_is_that_of_the_package() -> None:
    told = ran("--version")
    assert (told.exit_code, told.stdout) == (0, f"rampart {version('rampart')}\n")
