"""The architecture, held by the imports: dependencies point inwards, and the world is touched in named places."""

import ast
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import BeyondThisMachineError

ROOT = Path(__file__).parents[1]
CONTROLLER = sorted((ROOT / "controller").rglob("*.py"))
RAMPART = sorted((ROOT / "rampart").rglob("*.py"))
EVERYTHING = [*CONTROLLER, *RAMPART]
TREES = {path: ast.parse(path.read_text()) for path in EVERYTHING}
MOST_LINES = 400

# What a package may import beside the standard library, and what of that library it may not.
ALLOWED = {
    # jmespath is pure and comes with botocore; one module knows it (below)
    "controller/core": {"controller.core", "pydantic", "pydantic_core", "jmespath", "cronsim"},
    "controller/tasks": {"controller.core", "controller.ports", "controller.tasks"},
    "controller/adapters": {
        "controller.core",
        "controller.ports",
        "controller.adapters",
        "botocore",
        "mypy_boto3_cloudwatch",
        "mypy_boto3_dynamodb",
        "mypy_boto3_ecr",
        "mypy_boto3_events",
        "mypy_boto3_lambda",
        "mypy_boto3_s3",
        "mypy_boto3_ssm",
        "mypy_boto3_stepfunctions",
    },
    "controller/ports.py": {"controller.core"},
    "controller/settings.py": set(),
}
IMPURE = {"os", "time", "random", "secrets", "uuid", "socket", "subprocess", "threading", "logging"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "services", "models", "misc"}


def name_of(path: Path) -> str:
    """Return a path as people know it."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a file imports, wherever in it."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    """Return an expression such as os.environ as text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def expressions(path: Path) -> set[str]:
    """Return every dotted expression of a file."""
    return {dotted(node) for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute | ast.Name)}


def is_below(module: str, packages: set[str]) -> bool:
    """Say whether a module is one of the packages or lies in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def files_of(place: str) -> list[Path]:
    """Return the files of a package, or the one file."""
    return [path for path in CONTROLLER if f"{name_of(path)}/".startswith(f"{place}/")]


@pytest.mark.parametrize("place", ALLOWED)
def test_dependencies_point_inwards(place: str) -> None:
    allowed = ALLOWED[place] | sys.stdlib_module_names
    outward = {
        f"{name_of(path)}: {module}"
        for path in files_of(place)
        for module in imports(path)
        if not is_below(module, allowed)
    }
    assert files_of(place)
    assert outward == set()


def test_one_module_of_the_core_knows_jmespath_and_loads_it_when_it_is_used() -> None:
    users = [path for path in CONTROLLER if any(is_below(m, {"jmespath"}) for m in imports(path))]
    assert [name_of(path) for path in users] == ["controller/core/expression.py"]
    at_once = [ast.unparse(node) for node in TREES[users[0]].body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("jmespath" in statement for statement in at_once)


def test_one_module_of_the_core_knows_cronsim_and_loads_it_for_targets_that_freeze() -> None:
    users = [path for path in CONTROLLER if any(is_below(m, {"cronsim"}) for m in imports(path))]
    assert [name_of(path) for path in users] == ["controller/core/freeze.py"]
    at_once = [ast.unparse(node) for node in TREES[users[0]].body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("cronsim" in statement or "zoneinfo" in statement for statement in at_once)


# What decides about versions that are compared: anybody can run it, on any trace, with Python alone.
DECISION_CORE = ("evidence", "comparison", "ramp", "outcome")


@pytest.mark.parametrize("name", DECISION_CORE)
def test_the_decision_core_needs_nothing_but_python(name: str) -> None:
    allowed = {f"controller.core.{other}" for other in DECISION_CORE} | sys.stdlib_module_names
    path = ROOT / "controller" / "core" / f"{name}.py"
    assert [module for module in imports(path) if not is_below(module, allowed)] == []


def test_the_core_touches_neither_clock_nor_environment_nor_randomness() -> None:
    core = files_of("controller/core")
    assert {f"{name_of(p)}: {m}" for p in core for m in imports(p) if is_below(m, IMPURE)} == set()
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"}
    assert {f"{name_of(p)}: {e}" for p in core for e in expressions(p) & clocks} == set()


def test_tasks_and_adapters_are_given_the_time() -> None:
    places = [*files_of("controller/tasks"), *files_of("controller/adapters")]
    clocks = {"datetime.now", "datetime.utcnow", "time.time", "time.monotonic", "time.sleep", "random.random"}
    assert {f"{name_of(p)}: {e}" for p in places for e in expressions(p) & clocks} == set()


def test_what_runs_in_lambda_knows_nothing_of_the_operators_tool() -> None:
    assert {
        f"{name_of(p)}: {m}" for p in CONTROLLER for m in imports(p) if is_below(m, {"rampart", "tests"})
    } == set()


def test_nobody_but_bootstrap_and_handlers_knows_which_adapters_there_are() -> None:
    joiners = {
        name_of(path)
        for path in CONTROLLER
        if path.parent.name != "adapters" and any(is_below(m, {"controller.adapters"}) for m in imports(path))
    }
    # notify reads the items of the table's stream, whose form only their adapter knows
    assert joiners == {"controller/bootstrap.py", "controller/notify.py"}


def test_settings_alone_read_the_environment() -> None:
    readers = {name_of(p) for p in CONTROLLER if expressions(p) & {"os.environ", "os.getenv", "environ", "getenv"}}
    # observability reads the one variable that Lambda sets anew for every invocation: the trace's header
    assert readers == {"controller/settings.py", "controller/observability.py"}
    observability = ast.unparse(TREES[ROOT / "controller/observability.py"])
    assert observability.count("os.environ") == 1
    assert "os.environ.get('_X_AMZN_TRACE_ID', '')" in observability


def test_bootstrap_alone_makes_clients_of_aws() -> None:
    makers = {
        name_of(path)
        for path in CONTROLLER
        if any(is_below(m, {"boto3", "botocore.session"}) for m in imports(path))
        or any(e.endswith((".client", ".create_client")) for e in expressions(path))
    }
    assert makers == {"controller/bootstrap.py"}


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_module_is_named_for_what_it_holds(path: Path) -> None:
    assert not VAGUE & {path.stem, *path.relative_to(ROOT).parts[:-1]}


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


def undocumented(path: Path) -> Iterator[str]:
    """Yield every public module, class and function of a file that says nothing about itself."""
    yield from _undocumented(TREES[path], name_of(path), path.stem)


def _undocumented(node: ast.Module | ast.ClassDef | ast.FunctionDef, where: str, name: str) -> Iterator[str]:
    if name.startswith("_") and name != "__init__":
        return
    if not ast.get_docstring(node):
        yield where
    if isinstance(node, ast.FunctionDef):
        return
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef) and inner.name != "__init__":
            yield from _undocumented(inner, f"{where}: {inner.name}", inner.name)


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_everything_public_says_what_it_is(path: Path) -> None:
    assert list(undocumented(path)) == []


def test_the_errors_are_named_as_errors() -> None:
    classes = [
        node for node in ast.walk(TREES[ROOT / "controller/core/errors.py"]) if isinstance(node, ast.ClassDef)
    ]
    assert [node.name for node in classes if not node.name.endswith("Error")] == []


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com", "2001:db8::1"])
def test_no_test_reaches_another_machine(address: str) -> None:
    with socket.socket() as caller, pytest.raises(BeyondThisMachineError):
        caller.connect((address, 443))


def test_tests_may_talk_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as caller:
        caller.connect(server.getsockname())
