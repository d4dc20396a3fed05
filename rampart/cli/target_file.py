"""Target documents in files, as they will stand in SSM."""

from pathlib import Path
from typing import Any

from controller.core.document import parse_json
from controller.core.errors import InputError


def document_in(path: Path) -> Any:
    """Return the value of a file's JSON; raises InputError that names the file and the place of the fault."""
    try:
        return parse_json(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8") from None
