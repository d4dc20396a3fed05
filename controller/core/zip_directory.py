"""The directory at the end of a zip, read by asking for a few ranges of its bytes.

Source: PKWARE's .ZIP File Format Specification (APPNOTE 6.3.10), sections 4.3 to 4.5, by whose numbers the parts
are named here. Nothing is unpacked but the first bytes of an entry that is asked for, and however large the zip is,
or says that it is, no more is read than the bounds below allow.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controller.core.wording import shown

Read = Callable[[int, int], bytes]
"""Returns so many bytes from a place on; raises what it likes when it cannot return all of them."""

MAX_ENTRIES = 100_000
"""A package of 250 MB has some ten thousand files; this many are listed in 64 MB of memory."""
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_NAME_BYTES = 4_096
"""Linux opens no longer path (PATH_MAX)."""

STORED, DEFLATED = 0, 8

_END = struct.Struct("<4sHHHHIIH")  # 4.3.16
_END64_LOCATOR = struct.Struct("<4sIQI")  # 4.3.15
_END64 = struct.Struct("<4sQHHIIQQQQ")  # 4.3.14
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")  # 4.3.12
_LOCAL = struct.Struct("<4sHHHHHIIIHH")  # 4.3.7
_TAIL_BYTES = 2**16 + _END.size + _END64_LOCATOR.size + _END64.size
"""The longest comment, and all that stands around it."""
_PIECE_BYTES = 2**18
_UNIX = (3, 19)  # 4.4.2: UNIX, OS X
_UNKNOWN = 0xFFFFFFFF
"""Stands for a value that is in a zip64 field."""
_HEAD_BYTES = 1_024
"""Enough for the tables before a deflated block's first bytes, and for what tools put into a local header."""


class ZipError(Exception):
    """The bytes are not those of a whole zip that can be read; says in a few words what is wrong with them."""


class TooManyFilesError(ZipError):
    """The zip has more files than are looked at."""

    def __init__(self) -> None:
        super().__init__(f"it has more than {MAX_ENTRIES:,} files, or very long names")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or link in a zip, as the directory describes it."""

    name: str
    flags: int
    method: int
    compressed_bytes: int
    unzipped_bytes: int
    offset: int
    """Where its local header begins."""
    end: int
    """It reaches at least up to here."""
    mode: int | None
    """Its type and permissions on Unix; None when it was zipped elsewhere."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, as its name says."""
        return self.name.endswith("/")

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, whose content is the path that it leads to."""
        return self.mode is not None and self.mode & 0o170000 == 0o120000

    @property
    def is_encrypted(self) -> bool:
        """Whether its content, or the directory's word on it, is encrypted (4.4.4: bits 0, 6 and 13)."""
        return bool(self.flags & (1 | 1 << 6 | 1 << 13))


@dataclass(frozen=True, slots=True)
class Directory:
    """All that a zip has in it, in the directory's order."""

    entries: tuple[Entry, ...]
    start: int
    """Where the entries end and the directory begins."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the directory is, and what was read of the zip on the way to it."""

    count: int
    start: int
    size: int
    base: int
    """What the zip's own offsets are short of: the bytes that were put before it."""
    tail: bytes
    tail_start: int


def read_directory(read: Read, size_bytes: int) -> Directory:
    """Return what is in a zip of so many bytes; raises ZipError."""
    place = _place(read, size_bytes)
    if place.count > MAX_ENTRIES or place.size > MAX_DIRECTORY_BYTES:
        raise TooManyFilesError
    entries = tuple(_entries(_pieces(read, place), place))
    # Some tools count no further than two bytes reach.
    if len(entries) != place.count and (place.count > 0xFFFF or len(entries) & 0xFFFF != place.count):
        raise ZipError(f"its directory has {len(entries):,} entries where it says {place.count:,}")
    return Directory(entries, place.start)


def first_bytes(read: Read, directory: Directory, entry: Entry, at_most: int) -> bytes:
    """Return the first unpacked bytes of a file, as far as a short read of its beginning tells; raises ZipError."""
    wanted = min(_LOCAL.size + len(entry.name.encode()) + _HEAD_BYTES + at_most, directory.start - entry.offset)
    head = read(entry.offset, wanted)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise ZipError("a file does not begin where its directory says")
    *_, name_bytes, extra_bytes = _LOCAL.unpack_from(head)
    content = head[_LOCAL.size + name_bytes + extra_bytes :][: entry.compressed_bytes]
    if entry.method == STORED:
        return content[:at_most]
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, at_most)
    except zlib.error as error:
        raise ZipError("the content of a file is damaged") from error


def _place(read: Read, size_bytes: int) -> _Place:
    tail_start = max(0, size_bytes - _TAIL_BYTES)
    tail = read(tail_start, size_bytes - tail_start) if size_bytes else b""
    at = _end_at(tail)
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    if (disk, first_disk) not in ((0, 0), (0xFFFF, 0xFFFF)):
        raise ZipError("it is one of several parts")
    if 0xFFFF in (disk, first_disk, here, count) or _UNKNOWN in (size, offset):
        located = _end64(read, tail, at, tail_start)
        if located:
            count, size, offset, end = located
    start = end - size
    base = start - offset
    if start < 0 or base < 0:
        raise ZipError("its beginning is missing")
    return _Place(count, start, size, base, tail, tail_start)


def _end_at(tail: bytes) -> int:
    """Return where the end record begins: the last one whose comment is all there."""
    at = len(tail)
    while (at := tail.rfind(b"PK\x05\x06", 0, at)) >= 0:
        fits = at + _END.size <= len(tail)
        if fits and at + _END.size + _END.unpack_from(tail, at)[-1] <= len(tail):
            return at
    raise ZipError("its end is missing" if tail else "it is empty")


def _end64(read: Read, tail: bytes, at: int, tail_start: int) -> tuple[int, int, int, int] | None:
    """Return count, size, offset and end of a directory in zip64; None when the small record says all."""
    at -= _END64_LOCATOR.size
    if at < 0 or not tail.startswith(b"PK\x06\x07", at):
        return None
    _, disk, offset, disks = _END64_LOCATOR.unpack_from(tail, at)
    if disk or disks > 1:
        raise ZipError("it is one of several parts")
    # It stands right before its locator, but for bytes that were put before the zip, and for data of its own.
    nearest = tail_start + at - _END64.size
    for place in (nearest, offset):
        if not 0 <= place <= nearest:
            continue
        inside = place - tail_start
        record = tail[inside : inside + _END64.size] if inside >= 0 else read(place, _END64.size)
        if record.startswith(b"PK\x06\x06"):
            *_, count, size, start = _END64.unpack(record)
            return count, size, start, place
    raise ZipError("the record of its zip64 directory is missing")


def _pieces(read: Read, place: _Place) -> Iterator[bytes]:
    """Yield the directory's bytes, of which the tail may have all."""
    start, end = place.start, place.start + place.size
    if start >= place.tail_start:
        yield place.tail[start - place.tail_start : end - place.tail_start]
        return
    for begin in range(start, end, _PIECE_BYTES):
        yield read(begin, min(_PIECE_BYTES, end - begin))


def _entries(pieces: Iterator[bytes], place: _Place) -> Iterator[Entry]:
    rest, found = b"", 0
    for piece in pieces:
        rest += piece
        at = 0
        while len(rest) - at >= _ENTRY.size:
            record = _ENTRY.unpack_from(rest, at)
            if record[0] != b"PK\x01\x02":
                raise ZipError("its directory is damaged")
            length = _ENTRY.size + sum(record[10:13])
            if len(rest) - at < length:
                break
            found += 1
            if found > MAX_ENTRIES:
                raise TooManyFilesError
            yield _entry(record, rest[at + _ENTRY.size : at + length], place)
            at += length
        rest = rest[at:]
    if rest:
        raise ZipError("its directory is cut off")


def _entry(record: tuple[int, ...], names: bytes, place: _Place) -> Entry:
    """Return an entry from its fixed part, and its name and extra fields."""
    _, made_by, _, flags, method, _, _, _, compressed, unzipped, name_bytes, extra_bytes, *_ = record
    name = names[:name_bytes]
    if name_bytes > MAX_NAME_BYTES:
        raise ZipError("the name of a file is longer than Linux takes")
    extra = names[name_bytes : name_bytes + extra_bytes]
    unzipped, compressed, offset = _wide([unzipped, compressed, record[-1]], extra)
    offset += place.base
    end = offset + _LOCAL.size + name_bytes + compressed
    if end > place.start:
        raise ZipError(f"the content of {shown(_text(name, flags))} is not all there")
    mode = record[-2] >> 16 if made_by >> 8 in _UNIX else None
    return Entry(_text(name, flags), flags, method, compressed, unzipped, offset, end, mode)


def _text(name: bytes, flags: int) -> str:
    """Return a name as text (appendix D: UTF-8 when bit 11 says so, else code page 437)."""
    return name.decode(errors="replace") if flags & 1 << 11 else name.decode("cp437")


def _wide(values: list[int], extra: bytes) -> list[int]:
    """Return sizes and offset, those that do not fit into four bytes from the zip64 field (4.5.3)."""
    if _UNKNOWN not in values:
        return values
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return [next(wide, value) if value == _UNKNOWN else value for value in values]
        at += 4 + length
    return values
