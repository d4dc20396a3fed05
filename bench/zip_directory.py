"""What it takes to judge a zip of 250 MB: bytes read, requests, and memory; goals: under 2 MB, and under 64 MB."""

import io
import sys
import time
import tracemalloc
import zipfile
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from controller.core.errors import RefusedError
from controller.core.handler_file import Runtime
from controller.core.zip_directory import MAX_ENTRIES
from controller.core.zip_package import read_package

MOST_BYTES_READ = 2_000_000
MOST_MEMORY_BYTES = 64_000_000

_ZEROS = bytes(2**20)
_PYTHON = Runtime("python3.13", "app.handler", "arm64")
_LIBRARY = b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00"


class SparseFile(io.RawIOBase):
    """A file in memory that keeps no zeros, and counts what is read of it."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}
        """What was written, by its place; zipfile writes again what has the same length."""
        self._places: list[int] = []
        self._at = 0
        self.size_bytes = 0
        self.bytes_read = 0
        self.reads = 0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def seekable(self) -> bool:
        """Say that it has places."""
        return True

    def tell(self) -> int:
        """Return the place of the next write."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        return self._at

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write at the place; zeros only make the file longer."""
        if data.strip(b"\0"):
            self._parts[self._at] = bytes(data)
            self._places.clear()
        self._at += len(data)
        self.size_bytes = max(self.size_bytes, self._at)
        return len(data)

    def range(self, start: int, size_bytes: int) -> bytes:
        """Return so many bytes from a place on."""
        if not 0 <= start < start + size_bytes <= self.size_bytes:
            raise IndexError(f"{start}, {size_bytes}: no such range")
        self.bytes_read += size_bytes
        self.reads += 1
        found = bytearray(size_bytes)
        self._places = self._places or sorted(self._parts)
        begin = max(0, bisect_right(self._places, start) - 1)
        for at in self._places[begin : bisect_left(self._places, start + size_bytes)]:
            data = self._parts[at]
            first, last = max(at, start), min(at + len(data), start + size_bytes)
            if first < last:
                found[first - start : last - start] = data[first - at : last - at]
        return bytes(found)


def large_zip(megabytes: int, files: int = 1, libraries: int = 0) -> SparseFile:
    """Return a zip that unzips to so many MB (of 2**20 bytes), in so many files, beside its handler."""
    file = SparseFile()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_entry("app.py"), "def handler(event, context): ...")
        for number in range(libraries):
            archive.writestr(_entry(f"library_{number}/core.cpython-313-aarch64-linux-gnu.so"), _LIBRARY)
        for number in range(files):
            with archive.open(_entry(f"vendor/package_{number % 100}/data_of_the_file_{number}.bin"), "w") as entry:
                for _ in range(megabytes // files):
                    entry.write(_ZEROS)
                entry.write(bytes((megabytes % files * 2**20) // files))
    return file


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took to judge a zip."""

    bytes_read: int
    reads: int
    peak_bytes: int
    seconds: float
    verdict: str


def judge(file: SparseFile) -> Cost:
    """Judge a zip for a function of Python; memory is measured in a run of its own, which is slower."""
    tracemalloc.start()
    _verdict(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    file.bytes_read = file.reads = 0
    begun = time.process_time()
    verdict = _verdict(file)
    return Cost(file.bytes_read, file.reads, peak, time.process_time() - begun, verdict)


def _verdict(file: SparseFile) -> str:
    try:
        read_package("package.zip", file.range, file.size_bytes).check("checkout", _PYTHON)
    except RefusedError as refusal:
        return str(refusal)
    return "accepted"


def main() -> int:
    """Print a table; return 1 when a goal is missed."""
    table = Table("zip", "bytes read", "requests", "peak memory", "CPU", "verdict")
    missed = False
    for name, file in (
        ("249 MB in 1 file", large_zip(249)),
        ("249 MB in 10,000 files, with 100 libraries", large_zip(249, 10_000, 100)),
        ("300 MB in 10,000 files", large_zip(300, 10_000)),
        (f"249 MB in {MAX_ENTRIES - 1:,} files, the most", large_zip(249, MAX_ENTRIES - 1)),
    ):
        cost = judge(file)
        memory, seconds = f"{cost.peak_bytes / 1e6:.1f} MB", f"{cost.seconds:.2f} s"
        table.add_row(name, f"{cost.bytes_read:,}", str(cost.reads), memory, seconds, cost.verdict)
        reads_too_much = cost.bytes_read > MOST_BYTES_READ and "the most" not in name
        missed = missed or reads_too_much or cost.peak_bytes > MOST_MEMORY_BYTES
    console = Console()
    console.print(table)
    console.print(
        f"goals: under {MOST_BYTES_READ / 1e6:g} MB read, but for the most files that are looked at, "
        f"and under {MOST_MEMORY_BYTES / 1e6:g} MB of memory: {'missed' if missed else 'met'}"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
