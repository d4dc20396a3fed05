"""Whatever happens to a zip on its way, its reader does not crash, does not go on for ever, and reads no more."""

import io
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.zip_package import MAX_FILES_READ
from tests.artifacts.zips import APP, Ranges, elf, entry, linked, verdict, verdict_on, zipped

FILES: dict[str, bytes | str] = {
    APP: "release = 1\n" * 99,
    "a/x.so": elf(183, bytes(500)),
    "b/y.so": elf(183),
    "c": "",
}
FIXED_BYTES = 2**17 + MAX_FILES_READ * 2 * 8_192
"""What is read of any zip beside its directory: its end, and the beginnings of a few files."""


def _in_zip64() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in FILES.items():
            with archive.open(entry(name), "w", force_zip64=True) as file:
                file.write(content.encode() if isinstance(content, str) else content)
    data = bytearray(buffer.getvalue())
    end = data.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HII", data, end + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    small = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return bytes(data[:end]) + record + locator + small


def _by_shutil() -> bytes:
    with TemporaryDirectory() as folder:
        for name in (APP, "vendor/x.py"):
            path = Path(folder, "in", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("release = 1")
        return Path(shutil.make_archive(f"{folder}/out", "zip", f"{folder}/in")).read_bytes()


REAL = [zipped(FILES), zipped(FILES, method=zipfile.ZIP_STORED), _in_zip64(), _by_shutil(), linked("l", "a/x.so")]


def overwritten(data: bytes, at: int, piece: bytes) -> bytes:
    return data[: at % len(data)] + piece + data[at % len(data) + len(piece) :] if data else piece


def cut(data: bytes, at: int, piece: bytes) -> bytes:
    return data[: at % (len(data) + 1)] + data[at % (len(data) + 1) + len(piece) :]


def inserted(data: bytes, at: int, piece: bytes) -> bytes:
    return data[: at % (len(data) + 1)] + piece + data[at % (len(data) + 1) :]


def in_the_end(data: bytes, at: int, piece: bytes) -> bytes:
    """Return a zip whose directory or end is overwritten: there a change means most."""
    start = max(0, data.rfind(b"PK\x01\x02") - 200)
    return data[:start] + overwritten(data[start:], at, piece)


Change = tuple[Callable[[bytes, int, bytes], bytes], int, bytes]

_WORTH_TRYING = [
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xff" * 8,
    b"\0\0\0\0",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x01\x02",
]
PIECES = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(_WORTH_TRYING))
CHANGES: st.SearchStrategy[list[Change]] = st.lists(
    st.tuples(st.sampled_from([overwritten, in_the_end, cut, inserted]), st.integers(0, 100_000), PIECES),
    min_size=1,
    max_size=6,
)


def judged(data: bytes) -> None:
    """Judge a zip; nothing but a refusal in one line may be raised."""
    ranges = Ranges(data)
    verdict_on(ranges)
    assert ranges.bytes_read <= len(data) + FIXED_BYTES


def mutated(which: int, changes: list[Change]) -> bytes:
    data = REAL[which]
    for change, at, piece in changes:
        data = change(data, at, piece)
    return data


@given(st.integers(0, len(REAL) - 1), CHANGES)
@settings(max_examples=300)
def test_a_real_zip_that_was_changed_anywhere_is_judged_or_refused(which: int, changes: list[Change]) -> None:
    judged(mutated(which, changes))


@given(st.binary(max_size=400))
def test_any_bytes_are_judged_or_refused(data: bytes) -> None:
    judged(data)


@pytest.mark.parametrize("which", range(len(REAL)))
def test_every_single_byte_may_be_anything(which: int) -> None:
    data = REAL[which]
    judged(data)
    for at in range(len(data)):
        judged(overwritten(data, at, bytes([data[at] ^ 0xFF])))


@pytest.mark.nightly
@given(st.integers(0, len(REAL) - 1), CHANGES)
@settings(max_examples=250_000)
def test_a_night_of_changed_zips_are_judged_or_refused(which: int, changes: list[Change]) -> None:
    judged(mutated(which, changes))


def test_the_unchanged_zips_are_read_whole_and_let_through() -> None:
    for data in REAL:
        assert verdict(data) == ""
