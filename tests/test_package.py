"""The package that `make build` leaves: what is in it, for which machine, and that its handlers start from it."""

import importlib.metadata
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cold_start import Runtime, bring_boto3, handler_code
from bench.package import LAYER, Package, built
from tests.sam_template import FUNCTIONS, ROOT

AARCH64 = 183  # e_machine of ELF for the Arm 64-bit Architecture
PINS = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements/layer.txt").read_text(), re.MULTILINE))
TOP_LEVEL = {
    "annotated_types",
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "cronsim",
    "pydantic",
    "pydantic_core",
    "typing_extensions.py",
    "typing_inspection",
    "tzdata",
    "wrapt",
}


@pytest.fixture(scope="module")
def package() -> Package:
    """Return the package for Lambda."""
    return built(ROOT / ".aws-sam/build")


@pytest.fixture(scope="module")
def layer(package: Package) -> Path:
    """Return what Lambda unpacks to /opt/python."""
    return package.layer / "python"


def sources(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory that is not bytecode."""
    files = (path for path in directory.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def test_the_package_has_every_function_of_the_template_and_the_layer(package: Package) -> None:
    assert package.functions.keys() == FUNCTIONS.keys()
    assert {path.name for path in package.directory.iterdir()} == {*FUNCTIONS, LAYER, "template.yaml"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_ships_the_controller_of_this_checkout_and_nothing_else(package: Package, name: str) -> None:
    shipped = package.directory / name
    assert [path.name for path in shipped.iterdir()] == ["controller"]
    assert sources(shipped / "controller") == sources(ROOT / "controller"), "run make build"


def test_bytecode_is_of_the_runtime_and_needs_no_look_at_its_source(package: Package) -> None:
    for path in package.directory.rglob("*.pyc"):
        source = path.parents[1] / path.name.replace(".cpython-313.pyc", ".py")
        assert source.is_file(), path
        assert struct.unpack("<I", path.read_bytes()[4:8]) == (0b01,)  # PEP 552: by hash, and unchecked


def test_all_of_the_package_has_bytecode_or_none_of_it(package: Package) -> None:
    without = [
        path
        for path in package.directory.rglob("*.py")
        if not path.parent.joinpath("__pycache__", f"{path.stem}.cpython-313.pyc").is_file()
    ]
    assert (without == []) == package.has_bytecode


def test_the_layer_has_what_is_pinned_and_no_boto3(layer: Path) -> None:
    found = {path.name for path in layer.iterdir() if path.suffix != ".dist-info" and path.name != "__pycache__"}
    assert found == TOP_LEVEL
    distributions = importlib.metadata.distributions(path=[str(layer)])
    assert {each.metadata["Name"].replace("_", "-"): each.version for each in distributions} == PINS


def test_what_is_compiled_is_for_python_313_on_arm64(layer: Path) -> None:
    compiled = [path for path in layer.rglob("*") if path.suffix in (".so", ".dylib", ".pyd")]
    assert {path.parts[len(layer.parts)] for path in compiled} == {"pydantic_core", "wrapt"}
    for path in compiled:
        assert re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", path.name)
        head = path.read_bytes()[:20]
        assert head[:6] == b"\x7fELF\x02\x01"  # 64 bits, little end first
        assert struct.unpack("<H", head[18:20]) == (AARCH64,)


def test_every_wheel_of_the_layer_was_for_python_313_on_arm64(layer: Path) -> None:
    for wheel in layer.glob("*.dist-info/WHEEL"):
        tags = re.findall(r"^Tag: (\S+)", wheel.read_text(), re.MULTILINE)
        assert tags, wheel
        assert all(re.fullmatch(r"py[23]-none-any|cp3\d+-(cp313|abi3)-\w+_aarch64", tag) for tag in tags), wheel


def test_a_function_and_its_layer_are_under_twenty_megabytes(package: Package) -> None:
    assert package.unzipped_bytes < 20_000_000


def test_every_handler_starts_from_the_package_and_what_lambda_brings(tmp_path: Path) -> None:
    here = built(ROOT / ".aws-sam/here")
    bring_boto3(tmp_path)
    failures = {}
    for name in FUNCTIONS:
        assert sources(here.directory / name / "controller") == sources(ROOT / "controller"), "run make build-here"
        handler = FUNCTIONS[name]["Handler"].rpartition(".")[2]
        done = Runtime(here, tmp_path).run(name, f"{handler_code(name)}\nprint(callable({handler}))")
        if (done.stdout, done.returncode) != ("True\n", 0):
            failures[name] = done.stderr
    assert failures == {}


def test_a_handler_sees_neither_the_checkout_nor_what_is_installed_here(tmp_path: Path) -> None:
    here = built(ROOT / ".aws-sam/here")
    look = (
        "import importlib.util as u; print([n for n in ('rampart', 'boto3', 'rich', 'pytest') if u.find_spec(n)])"
    )
    assert Runtime(here, tmp_path).run("PlanFunction", look).stdout == "[]\n"


def test_where_there_is_no_package_one_line_says_how_to_make_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.package", tmp_path], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"bench.package: there is no package in {tmp_path}: run make build\n"
