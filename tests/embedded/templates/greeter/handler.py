"""A function for the deployer's tests."""

from typing import Any


def greet(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Greet whoever the event names."""
    return {"greeting": f"hello {event['name']}"}
