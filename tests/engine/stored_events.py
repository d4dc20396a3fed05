"""Test events that targets refer to, in memory."""

from controller.core.errors import MissingError


class MemoryStoredEvents:
    """Test events that targets refer to, in dictionaries of texts."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.schemas: dict[str, str] = {}
        """By function."""

    def parameter(self, name: str) -> str:
        """Return the text of a parameter of test events; raises MissingError."""
        if name not in self.parameters:
            raise MissingError(f"there is no SSM parameter {name}, which is to hold the test events")
        return self.parameters[name]

    def shareable(self, function: str) -> str | None:
        """Return the document that holds the shareable test events of a function; None when it has none."""
        return self.schemas.get(function)
