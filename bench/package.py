"""The package that is deployed: its parts and sizes, and the same made for the machine at hand."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYER = "DependenciesLayer"


class BuildError(Exception):
    """The package cannot be made, or is not there; says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Package:
    """A directory that holds each function's files and the layer's, as `sam build` leaves them."""

    directory: Path

    @property
    def functions(self) -> dict[str, Path]:
        """Return where each function's files are, by its name in the template."""
        return {path.name: path for path in sorted(self.directory.glob("*Function"))}

    @property
    def layer(self) -> Path:
        """Return where the layer's files are."""
        return self.directory / LAYER

    @property
    def function_bytes(self) -> int:
        """Return the unzipped size of the largest function, without its layer."""
        return max(map(unzipped_bytes, self.functions.values()))

    @property
    def unzipped_bytes(self) -> int:
        """Return the size that Lambda's quota counts: the largest function with its layer, unzipped."""
        return self.function_bytes + unzipped_bytes(self.layer)

    @property
    def has_bytecode(self) -> bool:
        """Whether a cold start is spared compiling: a Python of the runtime's version made the package."""
        return any(self.layer.rglob("*.pyc"))

    def drop_bytecode(self) -> None:
        """Leave the sources alone, as a Python of another version than the runtime's would."""
        for path in self.directory.rglob("*.pyc"):
            path.unlink()


def unzipped_bytes(directory: Path) -> int:
    """Return the size of all files below a directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def built(directory: Path) -> Package:
    """Return the package in a directory; raises BuildError when there is none."""
    package = Package(directory)
    if not package.functions or not package.layer.is_dir():
        raise BuildError(f"there is no package in {directory}: run make build")
    return package


def built_for_this_machine(functions: Iterable[str], directory: Path) -> Package:
    """Make the package for this machine and this Python with the targets that `sam build` calls.

    Raises BuildError with what make says.
    """
    # A make that runs this hands its own options and job slots down, which mean nothing here.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    for name in (*functions, LAYER):
        (directory / name).mkdir(parents=True)
        done = subprocess.run(
            [
                "make",
                "--silent",
                f"build-{name}",
                f"ARTIFACTS_DIR={directory / name}",
                f"PYTHON={sys.executable}",
                f"RUNTIME={'.'.join(platform.python_version_tuple()[:2])}",
                f"PLATFORM=manylinux2014_{platform.machine()}",
            ],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"make build-{name} failed: {(done.stdout + done.stderr).strip()}")
    return built(directory)


def main() -> int:
    """Tell what is in a directory that `sam build` filled, or fill another with the same for this machine."""
    parser = argparse.ArgumentParser(prog="python -m bench.package", description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where sam build has left the package")
    parser.add_argument("--for-this-machine", type=Path, metavar="DIRECTORY", help="make it for this machine there")
    given = parser.parse_args()
    try:
        package = built(given.directory)
        if given.for_this_machine:
            shutil.rmtree(given.for_this_machine, ignore_errors=True)
            package = built_for_this_machine(package.functions, given.for_this_machine.absolute())
    except BuildError as error:
        print(f"bench.package: {error}", file=sys.stderr)
        return 1
    functions = f"{len(package.functions)} functions of {package.function_bytes / 1e6:.1f} MB"
    layer = f"a layer of {unzipped_bytes(package.layer) / 1e6:.1f} MB"
    bytecode = "with" if package.has_bytecode else "without (PYTHON=python3.13 makes it, for faster cold starts)"
    print(f"{given.for_this_machine or given.directory}: {functions} and {layer}, unzipped; bytecode: {bytecode}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
