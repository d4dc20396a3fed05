"""Which documents are written from the code, and what each of them says now."""

from pathlib import Path

from rampart.reference import cli_page, notifications, target_page, target_schema
from rampart.reference.page import DocumentError, with_parts
from rampart.reference.permissions import permissions


def documents(checkout: Path) -> dict[str, str]:
    """Return what every document must be, by its path in the checkout.

    Raises DocumentError, or DeployError for a template that SAM refuses.
    """
    pages = {
        "SECURITY.md": {"permissions": permissions(checkout / "template.yaml")},
        "docs/cli.md": {"options": cli_page.place_options(), "commands": cli_page.commands()},
        "docs/notifications.md": {"fields": notifications.fields(), "statuses": notifications.statuses()},
        "docs/target.md": {"fields": target_page.fields(checkout), "values": target_page.values()},
    }
    written = {name: with_parts(name, _read(checkout / name, name), parts) for name, parts in pages.items()}
    schemas = {
        "docs/notification.schema.json": notifications.schema_text(),
        "docs/target.schema.json": target_schema.schema_text(),
    }
    return written | schemas


def stale(checkout: Path) -> dict[str, str]:
    """Return what must be written, by path; raises as `documents` does."""
    return {name: text for name, text in documents(checkout).items() if _is(checkout / name) != text}


def _is(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _read(path: Path, name: str) -> str:
    text = _is(path)
    if text is None:
        raise DocumentError(f"{name} is not there; its prose is written by hand")
    return text
