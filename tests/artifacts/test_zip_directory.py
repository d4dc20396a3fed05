"""The reader of a zip's directory finds what the usual tools put there, and says of anything else what is wrong."""

import io
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from controller.core.zip_directory import (
    MAX_DIRECTORY_BYTES,
    MAX_ENTRIES,
    Directory,
    Entry,
    TooManyFilesError,
    ZipError,
    first_bytes,
    read_directory,
)
from tests.artifacts.zips import Ranges, Raw, entry, raw_zip, zipped

FILES = {"app.py": b"release = 1\n" * 50, "lib/deep/er/x.bin": bytes(range(256)) * 40, "lib/empty": b""}


def made_by_zipfile(folder: Path, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
        archive.comment = comment
    return buffer.getvalue()


def made_by_shutil(folder: Path) -> bytes:
    return Path(shutil.make_archive(str(folder.parent / "made"), "zip", folder)).read_bytes()


def made_by_zip(folder: Path, *options: str) -> bytes:
    subprocess.run(["zip", "-q", "-r", *options, "../made.zip", "."], cwd=folder, check=True)
    return (folder.parent / "made.zip").read_bytes()


def made_as_a_stream(folder: Path) -> bytes:
    """Return what a tool writes that cannot go back: sizes follow the content."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return stream.getvalue()


@cache
def made_in_zip64() -> bytes:
    """Return a zip of more entries than two bytes can count."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in FILES.items():
            with archive.open(entry(name), "w", force_zip64=True) as file:
                file.write(content)
        for number in range(0x10000):
            archive.writestr(entry(f"n/{number}"), b"")
    return buffer.getvalue()


TOOLS: dict[str, Callable[[Path], bytes]] = {
    "deflated": made_by_zipfile,
    "stored": lambda folder: made_by_zipfile(folder, zipfile.ZIP_STORED),
    "with a comment": lambda folder: made_by_zipfile(folder, comment=b"release 1" * 7_000),
    "after a stub": lambda folder: b"#!/usr/bin/env python3\n" + made_by_zipfile(folder),
    "before a line feed": lambda folder: made_by_zipfile(folder) + b"\n",
    "shutil": made_by_shutil,
    "a stream": made_as_a_stream,
    "zip64": lambda folder: made_in_zip64(),
    "zip64 after a stub": lambda folder: b"a stub before it" + made_in_zip64(),
    **({"zip": made_by_zip, "zip -fz": lambda folder: made_by_zip(folder, "-fz")} if shutil.which("zip") else {}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files in it."""
    for name, content in FILES.items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "made"


def directory_of(data: bytes) -> Directory:
    return read_directory(Ranges(data).read, len(data))


def files_of(data: bytes) -> dict[str, Entry]:
    return {each.name: each for each in directory_of(data).entries if not each.is_directory}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_usual_tools_zip_is_found_as_they_find_it(folder: Path, tool: str) -> None:
    data = TOOLS[tool](folder)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        theirs = [(i.filename, i.file_size, i.compress_size, i.header_offset) for i in archive.infolist()]
    ours = directory_of(data).entries
    assert [(e.name, e.unzipped_bytes, e.compressed_bytes, e.offset) for e in ours] == theirs


@pytest.mark.parametrize("tool", TOOLS)
def test_the_first_bytes_of_a_file_are_those_that_were_zipped(folder: Path, tool: str) -> None:
    data = TOOLS[tool](folder)
    directory = directory_of(data)
    for each in directory.entries[:10]:
        found = first_bytes(Ranges(data).read, directory, each, 20)
        assert found == FILES.get(each.name.removeprefix("./"), b"")[:20]


def test_a_zip_that_was_cut_off_anywhere_is_not_read(folder: Path) -> None:
    data = made_by_zipfile(folder, comment=b"release 1")
    for length in range(len(data)):
        with pytest.raises(ZipError):
            directory_of(data[:length])


def test_a_zip_that_lacks_its_beginning_is_not_read(folder: Path) -> None:
    data = made_by_zipfile(folder)
    for start in (1, 30, len(data) // 2):
        with pytest.raises(ZipError, match="its beginning is missing"):
            directory_of(data[start:])


def test_a_small_zip_is_read_at_one_go_and_a_large_one_by_its_end() -> None:
    small = Ranges(zipped({"app.py": "release = 1"}))
    read_directory(small.read, len(small.data))
    assert small.bytes_read == len(small.data)
    large = Ranges(zipped({"app.py": bytes(2**22)}, method=zipfile.ZIP_STORED))
    read_directory(large.read, len(large.data))
    assert large.bytes_read < 2**17 < len(large.data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "it is empty"),
        (b"no zip", "its end is missing"),
        (b"\x1f\x8b a tarball" * 9_000, "its end is missing"),
        (raw_zip(Raw(b"app.py"), count=2), "its directory has 1 entries where it says 2"),
        (raw_zip(Raw(b"app.py", offset=40)), "the content of 'app.py' is not all there"),
        (raw_zip(Raw(b"app.py", b"x", compressed_bytes=999)), "the content of 'app.py' is not all there"),
        (raw_zip(Raw(b"app.py", compressed_bytes=0xFFFFFFFF)), "the content of 'app.py' is not all there"),
        (raw_zip(Raw(b"a" * 5_000)), "the name of a file is longer than Linux takes"),
        (raw_zip(Raw(b"app.py")).replace(b"PK\x01\x02", b"PK\x01\x03"), "its directory is damaged"),
        (raw_zip(Raw(b"app.py"))[:-18] + b"\x01" + raw_zip(Raw(b"app.py"))[-17:], "it is one of several parts"),
    ],
)
def test_what_is_no_whole_zip_is_told_by_what_is_wrong_with_it(data: bytes, fault: str) -> None:
    with pytest.raises(ZipError) as error:
        directory_of(data)
    assert str(error.value) == fault


def test_sizes_and_places_beyond_four_bytes_are_read_from_where_they_are_told() -> None:
    wide, told = 0xFFFFFFFF, struct.pack("<HHHHHQQQ", 0xCAFE, 2, 7, 1, 24, 11, 11, 0)
    entry_ = Raw(b"app.py", b"release = 1", compressed_bytes=wide, unzipped_bytes=wide, offset=wide, extra=told)
    data = raw_zip(entry_)
    found = files_of(data)["app.py"]
    assert (found.unzipped_bytes, found.compressed_bytes, found.offset) == (11, 11, 0)
    assert first_bytes(Ranges(data).read, directory_of(data), found, 20) == b"release = 1"
    only_unzipped = Raw(b"app.py", b"12", unzipped_bytes=wide, extra=struct.pack("<HHQ", 1, 8, 2**33))
    found = files_of(raw_zip(only_unzipped))["app.py"]
    assert (found.unzipped_bytes, found.compressed_bytes, found.offset) == (2**33, 2, 0)


def test_a_directory_that_lies_about_zip64_is_not_read() -> None:
    data = raw_zip(Raw(b"app.py"))
    end = data[-22:].replace(struct.pack("<HH", 1, 1), b"\xff\xff\xff\xff")
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 2**60, 1)
    with pytest.raises(ZipError, match="the record of its zip64 directory is missing"):
        directory_of(data[:-22] + locator + end)


def in_zip64(directory: bytes, count: int, *, files: bytes = b"", disks: int = 1, more: bytes = b"") -> bytes:
    """Return a zip of files, a directory, and its end in zip64, whose record has `more` data of its own."""
    record = struct.pack("<4sQHHII", b"PK\x06\x06", 44 + len(more), 45, 45, 0, 0)
    record += struct.pack("<QQQQ", count, count, len(directory), len(files)) + more
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(files + directory), disks)
    return files + directory + record + locator + b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)


def test_the_end_of_a_zip_in_zip64_is_found_past_data_of_its_own_and_is_not_that_of_a_part() -> None:
    assert directory_of(in_zip64(b"", 0)).entries == ()
    assert directory_of(in_zip64(b"", 0, more=b"data of a later version of the format")).entries == ()
    with pytest.raises(ZipError, match="it is one of several parts"):
        directory_of(in_zip64(b"", 0, disks=2))
    with pytest.raises(ZipError, match="its directory has 0 entries where it says 65,536"):
        directory_of(in_zip64(b"", 2**16))


def test_more_files_than_the_end_says_are_not_read_without_end() -> None:
    data = in_zip64(b"PK\x01\x02".ljust(46, b"\0") * (MAX_ENTRIES + 1), 1, files=bytes(30))
    with pytest.raises(TooManyFilesError):
        directory_of(data)


def test_a_directory_of_more_files_than_are_looked_at_is_not_read_at_all() -> None:
    record = struct.pack(
        "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, MAX_ENTRIES + 1, MAX_ENTRIES + 1, 46, 2**22
    )
    end = struct.pack("<4sIQI", b"PK\x06\x07", 0, 2**22 + 46, 1) + b"PK\x05\x06" + b"\xff" * 16 + bytes(2)
    data = Ranges(bytes(2**22 + 46) + record + end)
    with pytest.raises(TooManyFilesError):
        read_directory(data.read, len(data.data))
    assert data.bytes_read < 2**17


def test_a_directory_that_is_longer_than_is_looked_at_is_not_read_at_all() -> None:
    size = MAX_DIRECTORY_BYTES + 1
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, size, 0, 0)
    data = Ranges(bytes(size) + end)
    with pytest.raises(TooManyFilesError):
        read_directory(data.read, len(data.data))
    assert data.bytes_read < 2**17


def test_a_file_that_does_not_begin_where_the_directory_says_is_not_read() -> None:
    data = b"PK\x03\x05" + raw_zip(Raw(b"app.py", b"release = 1"))[4:]
    with pytest.raises(ZipError, match="a file does not begin where its directory says"):
        first_bytes(Ranges(data).read, directory_of(data), files_of(data)["app.py"], 20)


def test_content_that_is_not_deflated_as_it_says_is_told_as_damaged() -> None:
    data = raw_zip(Raw(b"app.py", b"\xff" * 40, method=8))
    with pytest.raises(ZipError, match="the content of a file is damaged"):
        first_bytes(Ranges(data).read, directory_of(data), files_of(data)["app.py"], 20)


def test_modes_are_known_of_what_was_zipped_on_unix_alone() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry("here", 0o640), "")
        archive.writestr(entry("there", 0o640, system=0), "")
    files = files_of(buffer.getvalue())
    assert (files["here"].mode, files["there"].mode) == (0o640, None)
