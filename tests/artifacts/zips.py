"""Zips for the tests: made by the usual tools, or spoilt byte by byte; and a reader that allows no false range."""

import io
import struct
import zipfile
from dataclasses import dataclass

from controller.core.errors import RefusedError
from controller.core.handler_file import Runtime
from controller.core.zip_package import read_package

PYTHON = Runtime("python3.13", "app.handler", "arm64")
APP = "app.py"


@dataclass
class Ranges:
    """The bytes of a zip, and how many of them were read."""

    data: bytes
    bytes_read: int = 0

    def read(self, start: int, size_bytes: int) -> bytes:
        """Return so many bytes, as S3 does: no empty range, and none that is not there."""
        assert 0 <= start < start + size_bytes <= len(self.data), f"{start}, {size_bytes}: no such range"
        self.bytes_read += size_bytes
        return self.data[start : start + size_bytes]


def verdict(data: bytes, runtime: Runtime = PYTHON, function: str = "checkout") -> str:
    """Return the line with which a zip is refused, without its name; empty when it is not."""
    return verdict_on(Ranges(data), runtime, function)


def verdict_on(ranges: Ranges, runtime: Runtime = PYTHON, function: str = "checkout") -> str:
    """Return the same, and leave in `ranges` how many bytes were read for it."""
    try:
        read_package("zip", ranges.read, len(ranges.data)).check(function, runtime)
    except RefusedError as refusal:
        line = str(refusal)
        assert line.startswith("zip: ")
        assert line.isprintable()
        return line.removeprefix("zip: ")
    return ""


def zipped(files: dict[str, bytes | str], mode: int = 0o644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of files, all of one mode, as Python's zipfile writes it on Linux."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(entry(name, mode), content, method)
    return buffer.getvalue()


def entry(name: str, mode: int = 0o644, system: int = 3) -> zipfile.ZipInfo:
    """Return an entry for zipfile, by default of Unix."""
    info = zipfile.ZipInfo(name)
    info.create_system = system
    info.external_attr = mode << 16
    return info


def names(data: bytes) -> list[str]:
    """Return what zipfile finds in a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def linked(link: str, target: str, mode: int = 0o777) -> bytes:
    """Return a zip of a module and a symbolic link; the link's own permissions mean nothing on Linux."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry(APP), "")
        archive.writestr(entry(link, 0o120000 | mode), target)
    return buffer.getvalue()


def elf(machine: int, more: bytes = b"") -> bytes:
    """Return the beginning of a native library for a machine, as ELF numbers them."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + more


@dataclass(frozen=True, slots=True)
class Raw:
    """An entry as a tool with other ideas writes it: what the directory says need not be so."""

    name: bytes
    content: bytes = b""
    flags: int = 0
    method: int = 0
    compressed_bytes: int | None = None
    unzipped_bytes: int | None = None
    offset: int | None = None
    extra: bytes = b""


def raw_zip(*entries: Raw, count: int | None = None) -> bytes:
    """Return a zip of raw entries, one after the other, and its directory."""
    body, directory = b"", b""
    for each in entries:
        offset = len(body) if each.offset is None else each.offset
        length = len(each.content)
        compressed = length if each.compressed_bytes is None else each.compressed_bytes
        unzipped = length if each.unzipped_bytes is None else each.unzipped_bytes
        told = (each.flags, each.method, 0, 0, 0, compressed, unzipped, len(each.name))
        body += struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *told, 0) + each.name + each.content
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, *told, len(each.extra), 0, 0, 0, 0, offset
        )
        directory += each.name + each.extra
    number = len(entries) if count is None else count
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, number, number, len(directory), len(body), 0)
    return body + directory + end
