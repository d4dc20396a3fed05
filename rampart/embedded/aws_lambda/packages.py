"""Code as the Lambda API takes it in: a zip from S3 or from the request, checked as Lambda checks it."""

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, Protocol

from rampart.embedded.aws_lambda.runner import Package
from rampart.embedded.wire import ApiError

# Lambda developer guide: Lambda quotas, "Deployment package (.zip file archive) size".
MAXIMUM_UNZIPPED_BYTES = 262_144_000
MAXIMUM_ZIPPED_BYTES = 52_428_800

_SUPPORTED = frozenset({"S3Bucket", "S3Key", "S3ObjectVersion", "ZipFile"})


class CodeSource(Protocol):
    """Where zips come from."""

    def __call__(self, bucket: str, key: str, version_id: str | None, /) -> bytes:
        """Return the object's bytes; raises ApiError as S3 does."""
        ...


def read_package(code: CodeSource, source: Mapping[str, Any]) -> Package:
    """Return the package that the members S3Bucket, S3Key, S3ObjectVersion or ZipFile name."""
    unsupported = sorted(set(source) - _SUPPORTED)
    if unsupported:
        raise ApiError(
            "NotImplementedException", f"The embedded AWS does not support {', '.join(unsupported)}.", 501
        )
    from_s3 = "S3Bucket" in source and "S3Key" in source
    if "ZipFile" in source and len(source) > 1:
        message = "Please do not provide other FunctionCode parameters when providing a ZipFile."
        raise ApiError("InvalidParameterValueException", message)
    if "ZipFile" in source:
        data = bytes(source["ZipFile"])
        if len(data) > MAXIMUM_ZIPPED_BYTES:
            message = f"Request must be smaller than {MAXIMUM_ZIPPED_BYTES} bytes"
            raise ApiError("RequestEntityTooLargeException", message, 413)
    elif from_s3:
        data = _from_s3(code, source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion"))
    else:
        raise ApiError("InvalidParameterValueException", "Please provide a source for function code.")
    _check_zip(data)
    return Package(base64.b64encode(hashlib.sha256(data).digest()).decode(), data)


def check_unzipped_size(packages: Iterable[Package]) -> None:
    """Raise ApiError if a function's code and layers together are too large once unzipped."""
    if sum(_unzipped_bytes(package.data) for package in packages) >= MAXIMUM_UNZIPPED_BYTES:
        message = f"Unzipped size must be smaller than {MAXIMUM_UNZIPPED_BYTES} bytes"
        raise ApiError("InvalidParameterValueException", message)


def _from_s3(code: CodeSource, bucket: str, key: str, version_id: str | None) -> bytes:
    try:
        return code(bucket, key, version_id)
    except ApiError as error:
        detail = f"S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        if error.status == 403:
            message = (
                "Your access has been denied by S3, please make sure your request credentials have "
                f"permission to GetObject for {bucket}/{key}. {detail}"
            )
            raise ApiError("AccessDeniedException", message, 403) from error
        message = f"Error occurred while GetObject. {detail}"
        raise ApiError("InvalidParameterValueException", message) from error


def _check_zip(data: bytes) -> None:
    try:
        if _unzipped_bytes(data) < MAXIMUM_UNZIPPED_BYTES:  # larger ones are refused by their size
            with zipfile.ZipFile(BytesIO(data)) as archive:
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile("a member is damaged")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, EOFError, NotImplementedError) as error:
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise ApiError("InvalidParameterValueException", message) from error


def _unzipped_bytes(data: bytes) -> int:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return sum(entry.file_size for entry in archive.infolist())
