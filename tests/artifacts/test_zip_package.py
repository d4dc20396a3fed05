"""Zips of every kind, and the one line that each is refused with: what is wrong, and what mends it."""

import io
import platform
import shutil
import zipfile
from collections.abc import Callable
from importlib.metadata import files as files_of_distribution
from pathlib import Path

import pytest

from bench.zip_directory import MOST_BYTES_READ, MOST_MEMORY_BYTES, judge, large_zip
from controller.core.errors import ArtifactRefusedError, RefusedError
from controller.core.handler_file import Runtime
from controller.core.zip_package import MAX_FILES_READ, read_package
from tests.artifacts.zips import APP, PYTHON, Ranges, Raw, elf, entry, linked, names, raw_zip, verdict, zipped

X86_64, ARM64, I386 = 62, 183, 3
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
OTHER = {"arm64": "x86_64", "x86_64": "arm64"}
GOOD = zipped({APP: "def handler(event, context): ...", "vendor/__init__.py": ""})


def python(architecture: str = "arm64", **more: object) -> Runtime:
    return Runtime("python3.13", "app.handler", architecture, **more)  # type: ignore[arg-type]


# ---- What is wrong with a zip, whatever the function ------------------------------------------------------------


def encrypted(bit: int) -> bytes:
    """Return a zip whose second file is marked as encrypted, in both places where it is described."""
    data = bytearray(GOOD)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(signature) + flags
        data[at : at + 2] = (1 << bit).to_bytes(2, "little")
    return bytes(data)


def nested_bomb() -> bytes:
    """Return a zip in which every file's content has the files after it in it, as in zbsm.zip of David Fifield."""
    kernel = Raw(b"0", b"\x03\x00" * 40, method=8, unzipped_bytes=2**20)
    return raw_zip(Raw(b"a" * 4, method=8, compressed_bytes=60, unzipped_bytes=9_999), kernel)


ALWAYS: dict[str, tuple[bytes, str]] = {
    "no zip": (
        b"\x7fELF is no zip",
        "it is no zip that can be read (its end is missing); build it and upload it again",
    ),
    "empty": (b"", "it is no zip that can be read (it is empty); build it and upload it again"),
    "no file in it": (zipped({"lib/": ""}, mode=0o755), "there is no file in it; build it and upload it again"),
    "half of it": (
        GOOD[: len(GOOD) // 2],
        "it is no zip that can be read (its end is missing); build it and upload it again",
    ),
    "encrypted": (
        encrypted(0),
        "'vendor/__init__.py' is encrypted, and Lambda has no password; zip without one, and encrypt the bucket "
        "instead",
    ),
    "strongly encrypted": (
        encrypted(6),
        "'vendor/__init__.py' is encrypted, and Lambda has no password; zip without one, and encrypt the bucket "
        "instead",
    ),
    "an absolute name": (
        raw_zip(Raw(b"/etc/passwd")),
        "the name '/etc/passwd' leads out of the package; zip from inside the folder, with relative names",
    ),
    "a name that climbs": (
        raw_zip(Raw(b"a/../../b")),
        "the name 'a/../../b' leads out of the package; zip from inside the folder, with relative names",
    ),
    "a drive": (
        raw_zip(Raw(b"C:/app.py")),
        "the name 'C:/app.py' leads out of the package; zip from inside the folder, with relative names",
    ),
    "backslashes": (
        raw_zip(Raw(b"vendor\\app.py")),
        "the name 'vendor\\\\app.py' has backslashes, which are no folders on Linux; zip with a tool that writes "
        "slashes",
    ),
    "a name of two lines": (
        raw_zip(Raw(b"/a\nb")),
        "the name '/a\\nb' leads out of the package; zip from inside the folder, with relative names",
    ),
    "LZMA": (
        zipped({APP: "x"}, method=zipfile.ZIP_LZMA),
        "'app.py' is compressed in a way that few can read; use deflate, as zip does by itself",
    ),
    "the same name twice": (
        raw_zip(Raw(b"app.py", b"1"), Raw(b"app.py", b"2")),
        "'app.py' is in it more than once, so that nobody can say which one would run; build it from an empty file",
    ),
    "the same content twice": (
        raw_zip(Raw(b"app.py", b"1"), Raw(b"b.py", offset=0)),
        "'app.py' overlaps the file before it, as in a zip bomb; build it again",
    ),
    "one byte of the file before it": (
        raw_zip(Raw(b"app.py", b"12"), Raw(b"b.py"), Raw(b"c.py", offset=37)),
        "'c.py' overlaps the file before it, as in a zip bomb; build it again",
    ),
    "a file in a file": (
        nested_bomb(),
        "'0' overlaps the file before it, as in a zip bomb; build it again",
    ),
    "more than deflate can": (
        raw_zip(Raw(b"app.py", b"\x03\x00", method=8, unzipped_bytes=2_065)),
        "'app.py' cannot be as large as it says, as in a zip bomb; build it again",
    ),
    "stored, and longer than stored": (
        raw_zip(Raw(b"app.py", b"12", unzipped_bytes=3)),
        "'app.py' cannot be as large as it says, as in a zip bomb; build it again",
    ),
    "a private file": (
        zipped({APP: "", "secret.pem": ""}, mode=0o600),
        "'app.py' and 1 more may be read by its owner alone, who is not the user that Lambda runs code as; "
        "before you zip: chmod -R a+rX .",
    ),
    "no permissions": (
        zipped({APP: ""}, mode=0),
        "'app.py' may be read by its owner alone, who is not the user that Lambda runs code as; "
        "before you zip: chmod -R a+rX .",
    ),
    "a link to the builder's disk": (
        linked("vendor", "/home/ci/build/vendor"),
        "the link 'vendor' leads to '/home/ci/build/vendor', which is not in the package; "
        "zip the file that it leads to instead (zip without --symlinks)",
    ),
    "a link that climbs": (
        linked("lib/vendor", "../../vendor"),
        "the link 'lib/vendor' leads to '../../vendor', which is not in the package; "
        "zip the file that it leads to instead (zip without --symlinks)",
    ),
    "a long link": (
        linked("vendor", "x" * 5_000),
        "the link 'vendor' is longer than Linux takes; zip the file that it leads to instead",
    ),
}


@pytest.mark.parametrize("case", ALWAYS)
def test_what_no_function_can_run_is_refused_with_what_mends_it_and_is_the_zips_own_fault(case: str) -> None:
    data, line = ALWAYS[case]
    assert verdict(data) == line
    with pytest.raises(ArtifactRefusedError):
        read_package("zip", Ranges(data).read, len(data))


def test_a_folder_that_only_its_owner_may_enter_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry(APP), "")
        archive.writestr(entry("lib/", 0o40744), "")
    assert verdict(buffer.getvalue()).startswith("'lib/' may be read by its owner alone, ")


def test_what_was_zipped_on_windows_has_no_permissions_to_look_at() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry(APP, 0, system=0), "")
    assert verdict(buffer.getvalue()) == ""


def test_a_zip_cut_off_anywhere_is_refused() -> None:
    assert verdict(GOOD) == ""
    assert all(verdict(GOOD[:length]) for length in range(len(GOOD)))


@pytest.mark.parametrize(
    "target", ["app.py", "../app.py", "./x/../../app.py", "/opt/python/lib", "/var/task/app.py"]
)
def test_a_link_into_the_package_or_into_a_layer_is_kept(target: str) -> None:
    assert verdict(linked("lib/vendor", target, mode=0)) == ""


# ---- What a function cannot run --------------------------------------------------------------------------------


def found(runtime: str, handler: str, *files: str, mode: int = 0o755, **more: object) -> str:
    """Return what is said of a zip of empty files."""
    return verdict(zipped(dict.fromkeys(files, ""), mode), Runtime(runtime, handler, "arm64", **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "handler", "file"),
    [
        ("python3.13", "app.handler", "app.py"),
        ("python3.13", "app.handler", "./app.py"),
        ("python3.13", "app.handler", "app/__init__.py"),
        ("python3.13", "app.handler", "app.so"),
        ("python3.13", "app.handler", "app.cpython-313-aarch64-linux-gnu.so"),
        ("python3.13", "shop.orders.app.handler", "shop/orders/app.py"),
        ("python3.13", "shop/orders/app.handler", "shop/orders/app.py"),
        ("nodejs22.x", "index.handler", "index.js"),
        ("nodejs22.x", "index.handler", "index.mjs"),
        ("nodejs22.x", "index.handler", "index.cjs"),
        ("nodejs22.x", "./dist/index.api.handler", "dist/index.js"),
        ("nodejs22.x", "dist.handler", "dist/index.js"),
        ("java21", "com.shop.Orders::handle", "com/shop/Orders.class"),
        ("java21", "com.shop.Orders", "lib/orders.jar"),
        ("ruby3.4", "app.handler", "app.rb"),
        ("ruby3.4", "lib/app.Shop::Orders.handle", "lib/app.rb"),
        ("dotnet8", "Shop::Shop.Orders::Handle", "Shop.dll"),
        ("dotnet8", "bootstrap", "bootstrap"),
        ("provided.al2023", "whatever", "bootstrap"),
        ("go1.x", "main", "main"),
    ],
)
def test_the_handler_is_where_each_runtime_looks_for_it(runtime: str, handler: str, file: str) -> None:
    assert found(runtime, handler, file) == ""
    assert found(runtime, handler, f"x{file}") != ""
    folder = file.removeprefix("./")
    wrapped = found(runtime, handler, f"build/{folder}", f"__MACOSX/build/{folder}")
    assert wrapped.startswith("everything in it is inside the folder 'build', so that Lambda finds no ")


def test_a_handler_that_is_not_there_is_refused_with_both_ways_to_mend_it() -> None:
    assert found("python3.13", "app.handler", "main.py") == (
        "it has no app.py at its root, where handler 'app.handler' of function checkout is looked for; "
        "put it there, or change the function"
    )
    assert found("provided.al2023", "x", "main") == (
        "it has no bootstrap at its root, where runtime provided.al2023 of function checkout starts; "
        "put it there, or change the function"
    )


def test_the_folder_around_everything_is_named_however_deep() -> None:
    assert found("python3.13", "app.handler", "out/build/app.py", "out/build/lib/app.py") == (
        "everything in it is inside the folder 'out/build', so that Lambda finds no app.py at its root; "
        "zip what is in the folder: cd 'out/build' && zip -r /tmp/package.zip ."
    )


def test_a_handler_in_one_folder_of_several_is_no_wrapping() -> None:
    assert found("python3.13", "app.handler", "a/app.py", "b/other.py").startswith("it has no app.py at its root")


def test_a_layer_may_bring_the_handler_but_not_unwrap_a_folder() -> None:
    assert found("python3.13", "datadog_lambda.handler.handler", "app.py", layer_bytes=(1,)) == ""
    assert "folder 'build'" in found("python3.13", "app.handler", "build/app.py", layer_bytes=(1,))


def test_a_search_path_or_a_handler_elsewhere_is_left_to_the_function() -> None:
    assert found("python3.13", "app.handler", "src/app.py", searches_elsewhere=True) == ""
    assert found("nodejs22.x", "/opt/nodejs/index.handler", "app.js") == ""
    assert found("nodejs22.x", "../index.handler", "app.js") == ""
    assert found("cobol85", "app.handler", "app.cob") == ""


def test_a_program_that_may_not_be_executed_is_refused() -> None:
    assert verdict(linked("bootstrap", "app.py", mode=0), Runtime("provided.al2023", "x", "arm64")) == ""
    line = "'bootstrap' may not be executed by everybody; before you zip, on Linux or macOS: chmod a+rx it"
    assert found("provided.al2023", "x", "bootstrap", mode=0o644) == line
    assert found("provided.al2023", "x", "bootstrap", mode=0o744) == line


@pytest.mark.parametrize(
    ("head", "home"),
    [
        (elf(X86_64), "x86_64"),
        (elf(I386), "i386"),
        (b"\x7fELF\x01\x02\x01" + bytes(9) + b"\x00\x03\x00\x28", "32-bit arm"),  # the high byte first
        (b"\xcf\xfa\xed\xfe" + bytes(40), "macOS"),
        (b"MZ" + bytes(40), "Windows"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_library_for_another_machine_is_refused_with_how_to_get_the_right_one(
    head: bytes, home: str, method: int
) -> None:
    data = zipped(
        {APP: "", "numpy/core.so": head + bytes(range(256)) * 99, "yaml/ok.so": elf(ARM64)}, method=method
    )
    assert verdict(data) == (
        f"'numpy/core.so' is built for {home}, and checkout runs on arm64; build the package for Linux on arm64: "
        "pip install --platform manylinux2014_aarch64 --only-binary=:all: --target"
    )
    with pytest.raises(RefusedError) as refusal:
        read_package("zip", Ranges(data).read, len(data)).check("checkout", PYTHON)
    assert not isinstance(refusal.value, ArtifactRefusedError)  # the function may change


@pytest.mark.parametrize(
    "content", [elf(ARM64), elf(247), b"INPUT(libc.so.6) /* a linker's script */", b"", elf(X86_64)[:19]]
)
def test_what_is_no_library_for_another_machine_is_let_through(content: bytes) -> None:
    assert verdict(zipped({APP: "", "lib/x.so.1.2": content})) == ""


def test_a_folder_with_libraries_for_several_machines_is_let_through() -> None:
    prebuilt = {f"node_modules/sharp/{home}.node": elf(home) for home in (X86_64, I386, ARM64)}
    runtime = Runtime("nodejs22.x", "app.handler", "arm64")
    assert verdict(zipped({"app.js": "", **prebuilt}), runtime) == ""
    assert verdict(zipped({"app.js": "", **prebuilt, "addon.node": elf(X86_64)}), runtime).startswith(
        "'addon.node'"
    )


def test_a_build_tool_for_the_machine_that_built_is_let_through_and_what_was_compiled_there_is_not() -> None:
    runtime = Runtime("nodejs22.x", "app.handler", "arm64")
    tool, compiled = (
        "node_modules/@rollup/rollup-linux-x64-gnu/rollup.node",
        "node_modules/bcrypt/build/bcrypt.node",
    )
    assert verdict(zipped({"app.js": "", tool: elf(X86_64)}), runtime) == ""
    assert verdict(zipped({"app.js": "", tool: elf(X86_64), compiled: elf(X86_64)}), runtime) == (
        f"'{compiled}' is built for x86_64, and checkout runs on arm64; build the package for Linux on arm64"
    )


def test_however_many_libraries_there_are_a_few_of_each_folder_are_read() -> None:
    many = {f"a/{number}.so": elf(ARM64) for number in range(500)}
    ranges = Ranges(zipped({APP: "", **many, "z/last.so": elf(X86_64)}))
    reads: list[int] = []

    def read(start: int, size_bytes: int) -> bytes:
        reads.append(start)
        return ranges.read(start, size_bytes)

    package = read_package("zip", read, len(ranges.data))
    assert len(reads) <= MAX_FILES_READ + 2
    with pytest.raises(RefusedError, match=r"'z/last\.so' is built for x86_64"):
        package.check("checkout", PYTHON)


# ---- Size ------------------------------------------------------------------------------------------------------


def test_a_zip_of_300_mb_is_refused_by_its_size_and_one_of_249_mb_is_not() -> None:
    large = judge(large_zip(300))
    assert large.verdict == (
        "package.zip: it unzips to 314,572,832 bytes, and Lambda takes less than 262,144,000; "
        "leave out what is not needed, or deploy an image"
    )
    fits = judge(large_zip(249, files=1_000, libraries=30))
    assert fits.verdict == "accepted"
    for cost in (large, fits):
        assert cost.bytes_read < MOST_BYTES_READ
        assert cost.peak_bytes < MOST_MEMORY_BYTES


def test_the_limit_is_exactly_lambdas() -> None:
    def sized(unzipped_bytes: int) -> bytes:
        return raw_zip(Raw(b"app.py", bytes(2**18), method=8, unzipped_bytes=unzipped_bytes))

    assert verdict(sized(262_143_999)) == ""
    assert verdict(sized(262_144_000)).startswith("it unzips to 262,144,000 bytes, and Lambda takes less than")
    assert verdict(sized(262_143_000), python(layer_bytes=(400, 599))) == ""
    assert verdict(sized(262_143_000), python(layer_bytes=(400, 600))) == (
        "it unzips to 262,143,000 bytes, and the function's layers have 1,000 even zipped; Lambda takes less than "
        "262,144,000 of both: leave out what is not needed, or deploy an image"
    )


# ---- Real packages ---------------------------------------------------------------------------------------------


def installed(folder: Path, distribution: str) -> None:
    """Copy what pip installed of a distribution, as `pip install --target` leaves it."""
    for file in files_of_distribution(distribution) or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), path)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return a function that zips an app with a native dependency, below a folder."""
    folder = tmp_path_factory.mktemp("wheels")
    for below in ("flat", "wrapped/app-1.0"):
        (folder / below).mkdir(parents=True)
        (folder / below / APP).write_text("def handler(event, context): ...")
        installed(folder / below, "pydantic_core")
    return lambda below: Path(shutil.make_archive(str(folder / "made"), "zip", folder / below)).read_bytes()


def test_a_package_with_a_native_wheel_is_right_for_this_machine_alone(wheels: Callable[[str], bytes]) -> None:
    data = wheels("flat")
    assert any(name.endswith(".so") for name in names(data))
    assert verdict(data, python(MACHINE)) == ""
    wrong = verdict(data, python(OTHER[MACHINE]))
    assert wrong.startswith("'pydantic_core/_pydantic_core.")
    assert f"is built for {MACHINE}, and checkout runs on {OTHER[MACHINE]}" in wrong


def test_a_package_in_a_folder_of_its_own_is_told_by_that_folder(wheels: Callable[[str], bytes]) -> None:
    line = verdict(wheels("wrapped"), python(MACHINE))
    assert line.startswith(
        "everything in it is inside the folder 'app-1.0', so that Lambda finds no app.py at its root"
    )
