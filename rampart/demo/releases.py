"""The releases of the demonstration: zips with code that really runs, one of them with a bug."""

import io
import zipfile
from dataclasses import dataclass

from controller.core.deployment import Status

_CODE = '''"""Checkout, release {number}."""

BUG_PERCENT = {bug_percent}


def handler(event, context):
    """Price an order; a release with a bug fails on some of them."""
    order = event["order"]
    if order * 61 % 100 < BUG_PERCENT:
        raise RuntimeError(f"order {{order}} has no price")
    return {{"order": order, "release": {number}}}
'''


@dataclass(frozen=True, slots=True)
class Release:
    """One release of the shop, and how its deployment must end."""

    number: int
    bug_percent: int
    """How many orders in a hundred it fails on."""
    must_end: Status

    @property
    def key(self) -> str:
        """The S3 key to which it is uploaded."""
        return f"checkout/release-{self.number}.zip"

    @property
    def zip(self) -> bytes:
        """The zip: the same bytes for the same release."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            code = _CODE.format(number=self.number, bug_percent=self.bug_percent)
            archive.writestr(zipfile.ZipInfo("app.py"), code)
        return buffer.getvalue()


FIRST = Release(1, 0, Status.PROMOTED)
"""What is live before the story begins."""


def releases(bug_percent: int) -> tuple[Release, ...]:
    """Return what is released after release 1: a good one, and one that fails on `bug_percent` of its orders."""
    return (Release(2, 0, Status.PROMOTED), Release(3, bug_percent, Status.ROLLED_BACK))
