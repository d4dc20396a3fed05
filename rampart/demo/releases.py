"""The releases of the demonstration: code that really runs, two of them with a bug."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.core.deployment import Status

BUCKET = "shop-artifacts"
"""Where the shop's zips are uploaded to."""

_CODE = '''"""The shop's {function}, release {number}."""

BUG_PERCENT = {bug_percent}


def handler(event, context):
    """Answer an order; a release with a bug fails on some of them."""
    order = event["order"]
    if order * 61 % 100 < BUG_PERCENT:
        raise RuntimeError(f"order {{order}} has no price")
    return {{"order": order, "release": {number}}}
'''


def packed(files: Mapping[str, str]) -> bytes:
    """Return a zip with these files, the same bytes for the same texts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16  # else nobody but their owner may read them
            archive.writestr(entry, text)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a function, and how its deployment must end."""

    number: int
    bug_percent: int
    """How many orders in a hundred it fails on."""
    must_end: Status
    function: str = "checkout"

    @property
    def key(self) -> str:
        """The S3 key to which it is uploaded."""
        return f"{self.function}/release-{self.number}.zip"

    @property
    def zip(self) -> bytes:
        """The zip: the same bytes for the same release."""
        code = _CODE.format(function=self.function, number=self.number, bug_percent=self.bug_percent)
        return packed({"app.py": code})


FIRST = Release(1, 0, Status.PROMOTED)
"""What is live before the story begins."""


@dataclass(frozen=True, slots=True)
class Push:
    """A release on its way."""

    release: Release
    artifact: str
    """Its identity as an artifact."""
    how: str
    """What was done with it, such as "its zip was uploaded"."""
    at: datetime
    """When."""
