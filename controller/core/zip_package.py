"""Zips judged before anything is published: what Lambda cannot run is refused, in one line that says what to do."""

import posixpath
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from controller.core.errors import ArtifactRefusedError, RefusedError
from controller.core.handler_file import HandlerFile, Runtime, handler_file
from controller.core.native_code import FIRST_BYTES, built_for
from controller.core.wording import shown
from controller.core.zip_directory import (
    DEFLATED,
    STORED,
    Directory,
    Entry,
    Read,
    TooManyFilesError,
    ZipError,
    first_bytes,
    read_directory,
)

MAX_UNZIPPED_BYTES = 262_144_000
"""Lambda developer guide, "Lambda quotas": 250 MB for the package with its layers; "must be smaller than"."""
MAX_FILES_READ = 64
"""How many native libraries, and how many links, are read at most: each costs a request."""

_MAX_RATIO = 1_032
"""Deflate makes nothing smaller than this (zlib technical details, "maximum compression factor")."""
_MAX_TARGET_BYTES = 4_096
_THERE = {"bin", "dev", "etc", "lib", "lib64", "mnt", "opt", "proc", "sbin", "sys", "tmp", "usr", "var"}
"""The directories of Lambda's file system to which a link may lead: layers are in /opt, file systems in /mnt."""
_NATIVE = re.compile(r"bootstrap|.+\.(?:so(?:\.\d+)*|node)", re.DOTALL)
_CHOSEN_BY_NAME = re.compile(r"node_modules/.*(?:linux|darwin|win32|x64|x86|arm64|aarch64)", re.DOTALL)
"""Modules of Node that tools bring for the machine that builds; no other is loaded, and a build tool's never is."""
_LITTER = ("__MACOSX", ".DS_Store")
"""What macOS adds beside what was zipped."""
_MACHINES = {"arm64": "aarch64"}
"""The names that wheels have for architectures, where they differ from Lambda's."""


@dataclass(frozen=True, slots=True)
class ZipPackage:
    """What is in a zip with which nothing is wrong by itself."""

    called: str
    files: dict[str, Entry]
    """All but directories, by their path below the root."""
    natives: dict[str, str]
    """What native libraries and programs are built for, of those that were read."""

    def check(self, function: str, runtime: Runtime) -> None:
        """Raise RefusedError, in one line, unless a function can run it."""
        fault = (
            self._size_with_layers(runtime)
            or self._missing_handler(function, runtime)
            or self._foreign_code(function, runtime)
        )
        if fault:
            raise RefusedError(f"{self.called}: {fault}")

    def _size_with_layers(self, runtime: Runtime) -> str | None:
        """Lambda tells the zipped size of a layer alone: unzipped it is hardly ever smaller."""
        unzipped, layers = _unzipped_bytes(self.files.values()), sum(runtime.layer_bytes)
        if unzipped + layers < MAX_UNZIPPED_BYTES:
            return None
        return (
            f"it unzips to {unzipped:,} bytes, and the function's layers have {layers:,} even zipped; Lambda takes "
            f"less than {MAX_UNZIPPED_BYTES:,} of both: leave out what is not needed, or deploy an image"
        )

    def _missing_handler(self, function: str, runtime: Runtime) -> str | None:
        wanted = handler_file(runtime)
        if wanted is None or runtime.searches_elsewhere:
            return None
        found = next((entry for name, entry in self.files.items() if re.fullmatch(wanted.pattern, name)), None)
        if found:
            return _not_executable(found) if wanted.is_executable else None
        folder = self._wrapping(wanted)
        if folder:
            return (
                f"everything in it is inside the folder {shown(folder)}, so that Lambda finds no {wanted.usual} at "
                f"its root; zip what is in the folder: cd {shown(folder)} && zip -r /tmp/package.zip ."
            )
        if runtime.layer_bytes:
            return None  # a layer may bring the handler, as those of monitoring tools do
        named = f"handler {shown(runtime.handler)} of function {function} is looked for"
        if wanted.is_executable:
            named = f"runtime {runtime.name} of function {function} starts"
        return f"it has no {wanted.usual} at its root, where {named}; put it there, or change the function"

    def _wrapping(self, wanted: HandlerFile) -> str | None:
        """Return the folder that should have been the root, if one folder has everything."""
        names = [name for name in self.files if posixpath.basename(name) not in _LITTER]
        tops = {name.partition("/")[0] for name in names} - {*_LITTER}
        if len(tops) != 1:
            return None
        inside = (re.fullmatch(rf"(.+)/(?:{wanted.pattern})", name, re.DOTALL) for name in names)
        return min((found[1] for found in inside if found), key=len, default=None)

    def _foreign_code(self, function: str, runtime: Runtime) -> str | None:
        """Of a folder that has native code for several architectures, the right one is loaded."""
        at_home = {_group(name) for name, home in self.natives.items() if home == runtime.architecture}
        for name, home in self.natives.items():
            if home != runtime.architecture and _group(name) not in at_home:
                how = f"build the package for Linux on {runtime.architecture}"
                if runtime.name.startswith("python"):
                    machine = _MACHINES.get(runtime.architecture, runtime.architecture)
                    how += f": pip install --platform manylinux2014_{machine} --only-binary=:all: --target"
                return f"{shown(name)} is built for {home}, and {function} runs on {runtime.architecture}; {how}"
        return None


def read_package(called: str, read: Read, size_bytes: int) -> ZipPackage:
    """Return what is in a zip; raises ArtifactRefusedError, in one line, when no function could run it."""
    try:
        directory = read_directory(read, size_bytes)
        fault = next(filter(None, (check(directory.entries) for check in _CHECKS)), None)
        fault = fault or _astray(read, directory)
        files = {_path(entry): entry for entry in directory.entries if not entry.is_directory}
        natives = {} if fault else _natives(read, directory, files)
    except TooManyFilesError as error:
        fault = f"{error}, which is more than Rampart looks at; bundle them, or deploy an image"
    except ZipError as error:
        fault = f"it is no zip that can be read ({error}); build it and upload it again"
    if fault:
        raise ArtifactRefusedError(f"{called}: {fault}")
    return ZipPackage(called, files, natives)


# ---- What is wrong with a zip, whatever the function ----------------------------------------------------------


def _empty(entries: tuple[Entry, ...]) -> str | None:
    has_files = any(not entry.is_directory for entry in entries)
    return None if has_files else "there is no file in it; build it and upload it again"


def _encrypted(entries: tuple[Entry, ...]) -> str | None:
    return _first(
        (entry for entry in entries if entry.is_encrypted),
        "{} is encrypted, and Lambda has no password; zip without one, and encrypt the bucket instead",
    )


def _escaping(entries: tuple[Entry, ...]) -> str | None:
    """Names are relative and have forward slashes (APPNOTE 4.4.17)."""
    backslash = _first(
        (entry for entry in entries if "\\" in entry.name),
        "the name {} has backslashes, which are no folders on Linux; zip with a tool that writes slashes",
    )
    return backslash or _first(
        (entry for entry in entries if _leaves(entry.name)),
        "the name {} leads out of the package; zip from inside the folder, with relative names",
    )


def _leaves(name: str) -> bool:
    return not name or name.startswith("/") or name[1:2] == ":" or "\0" in name or ".." in name.split("/")


def _unsupported(entries: tuple[Entry, ...]) -> str | None:
    return _first(
        (entry for entry in entries if entry.method not in (STORED, DEFLATED)),
        "{} is compressed in a way that few can read; use deflate, as zip does by itself",
    )


def _doubled(entries: tuple[Entry, ...]) -> str | None:
    counts = Counter(_path(entry) for entry in entries if not entry.is_directory)
    return _first(
        (entry for entry in entries if counts[_path(entry)] > 1),
        "{} is in it more than once, so that nobody can say which one would run; build it from an empty file",
    )


def _overlapping(entries: tuple[Entry, ...]) -> str | None:
    ordered = sorted(entries, key=lambda entry: (entry.offset, entry.end))
    return _first(
        (second for first, second in pairwise(ordered) if first.end > second.offset),
        "{} overlaps the file before it, as in a zip bomb; build it again",
    )


def _lying(entries: tuple[Entry, ...]) -> str | None:
    return _first(
        (entry for entry in entries if _is_impossible(entry)),
        "{} cannot be as large as it says, as in a zip bomb; build it again",
    )


def _is_impossible(entry: Entry) -> bool:
    if entry.method == STORED:
        return entry.compressed_bytes != entry.unzipped_bytes
    return entry.unzipped_bytes > entry.compressed_bytes * _MAX_RATIO


def _too_large(entries: tuple[Entry, ...]) -> str | None:
    unzipped = _unzipped_bytes(entries)
    if unzipped < MAX_UNZIPPED_BYTES:
        return None
    return (
        f"it unzips to {unzipped:,} bytes, and Lambda takes less than {MAX_UNZIPPED_BYTES:,}; leave out what is "
        "not needed, or deploy an image"
    )


def _unreadable(entries: tuple[Entry, ...]) -> str | None:
    """Lambda needs files that everybody may read, and directories that everybody may enter.

    Source: AWS re:Post, "How do I resolve permission denied errors when I upload a Lambda deployment package".
    """
    closed = [entry for entry in entries if _is_closed(entry)]
    others = f" and {len(closed) - 1:,} more" if len(closed) > 1 else ""
    return _first(
        closed,
        f"{{}}{others} may be read by its owner alone, who is not the user that Lambda runs code as; "
        "before you zip: chmod -R a+rX .",
    )


def _is_closed(entry: Entry) -> bool:
    if entry.mode is None or entry.is_link:
        return False
    needed = stat.S_IROTH | stat.S_IXOTH if entry.is_directory else stat.S_IROTH
    return entry.mode & needed != needed


_CHECKS: tuple[Callable[[tuple[Entry, ...]], str | None], ...] = (
    _empty,
    _encrypted,
    _escaping,
    _unsupported,
    _doubled,
    _overlapping,
    _lying,
    _too_large,
    _unreadable,
)


def _astray(read: Read, directory: Directory) -> str | None:
    """Lambda keeps links; one must lead to a place that is there (the first few are read)."""
    for entry in [entry for entry in directory.entries if entry.is_link][:MAX_FILES_READ]:
        if entry.unzipped_bytes > _MAX_TARGET_BYTES:
            return f"the link {shown(entry.name)} is longer than Linux takes; zip the file that it leads to instead"
        target = first_bytes(read, directory, entry, _MAX_TARGET_BYTES).decode(errors="replace")
        if _is_astray(entry.name, target):
            return (
                f"the link {shown(entry.name)} leads to {shown(target)}, which is not in the package; "
                "zip the file that it leads to instead (zip without --symlinks)"
            )
    return None


def _is_astray(name: str, target: str) -> bool:
    if target.startswith("/"):
        return posixpath.normpath(target).lstrip("/").partition("/")[0] not in _THERE
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target)).split("/")[0] == ".."


def _natives(read: Read, directory: Directory, files: dict[str, Entry]) -> dict[str, str]:
    """Return what native code is built for, of a few files from each folder."""
    groups: dict[str, list[str]] = {}
    for name, entry in files.items():
        is_native = _NATIVE.fullmatch(name) and not _CHOSEN_BY_NAME.search(name)
        if is_native and entry.unzipped_bytes >= FIRST_BYTES:
            groups.setdefault(_group(name), []).append(name)
    in_turn = [name for turn in zip_longest(*groups.values()) for name in turn if name][:MAX_FILES_READ]
    homes = {name: built_for(first_bytes(read, directory, files[name], FIRST_BYTES)) for name in in_turn}
    return {name: home for name, home in homes.items() if home}


def _group(name: str) -> str:
    """Return the folder at the root, or the module, to which a native library belongs."""
    top, slash, _ = name.partition("/")
    return top if slash else top.partition(".")[0]


def _not_executable(entry: Entry) -> str | None:
    if entry.is_link or (entry.mode or 0) & stat.S_IXOTH:
        return None
    return f"{shown(entry.name)} may not be executed by everybody; before you zip, on Linux or macOS: chmod a+rx it"


def _path(entry: Entry) -> str:
    return entry.name.removeprefix("./")


def _unzipped_bytes(entries: Iterable[Entry]) -> int:
    return sum(entry.unzipped_bytes for entry in entries)


def _first(entries: Iterable[Entry], line: str) -> str | None:
    return next((line.format(shown(entry.name)) for entry in entries), None)
