"""Private names of moto: found once, at import, so that it fails loudly when moto has moved."""

import importlib
from typing import Any

import moto


class MotoMovedError(RuntimeError):
    """moto no longer has a private name that the embedded AWS leans on."""


def need(module: str, dotted: str) -> Any:
    """Return a private name of moto; raises MotoMovedError when it is gone."""
    try:
        found: Any = importlib.import_module(module)
        for name in dotted.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise MotoMovedError(
            f"moto {moto.__version__} has no {module}:{dotted}, which the embedded AWS leans on; "
            "install the version that pyproject.toml pins, or adapt rampart/embedded/moto_guard.py"
        ) from error
    return found


def replaceable(module: str, owner: str, name: str) -> tuple[Any, str]:
    """Return the owner of a private name that is replaced while an embedded AWS runs, and the name."""
    need(module, f"{owner}.{name}")
    return need(module, owner), name
