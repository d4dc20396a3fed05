"""What a new deployment does while another one of its target runs."""

from enum import StrEnum


class WhenBusy(StrEnum):
    """What a new deployment of a target does while another one of the target runs."""

    SUPERSEDE = "supersede"
    """The running one is rolled back, and then the new one starts."""
    QUEUE = "queue"
    """The new one waits until the running one has ended."""
    REJECT = "reject"
    """The new one is refused."""
