"""What can go wrong, by what should happen next.

ControllerError
├── InputError            a person, a target or an event said something we cannot use: one line, nothing changed
│   └── MalformedEventError   an event that is not of the shape AWS documents: to the dead-letter queue
├── RefusedError          AWS refused what we asked for, and will again
│   ├── ArtifactRefusedError  because of the artifact itself: an event does not try it again
│   └── MissingError      what we asked for does not exist
├── DeniedError           the role lacks a permission
├── ConflictError         somebody else wrote first: read again, then decide
│   └── ClaimHeldError    another deployment holds the function
├── StoppedError          the deployment was stopped, has ended or lost its claim: nothing may move forward
├── NotReadyError         Lambda is still working on an update or a version: the state machine waits and retries
└── UnavailableError      throttled, timed out or broken on AWS's side: the state machine retries

The class names are the `ErrorEquals` strings of the state machine.
"""


class ControllerError(Exception):
    """Any error that the controller raises on purpose."""


class InputError(ControllerError):
    """What somebody wrote cannot be used; the text says what, where and what to do."""


class MalformedEventError(InputError):
    """An event lacks what AWS documents for its kind."""


class RefusedError(ControllerError):
    """AWS refused the request for good; asking again would not help."""


class ArtifactRefusedError(RefusedError):
    """Lambda cannot run the artifact."""


class MissingError(RefusedError):
    """A function, alias, version or document does not exist."""


class DeniedError(ControllerError):
    """The controller's role may not do this."""


class ConflictError(ControllerError):
    """The thing has changed since we read it."""


class ClaimHeldError(ConflictError):
    """Another deployment holds the claim on a function."""

    def __init__(self, function: str, owner: str) -> None:
        super().__init__(f"function {function} is being deployed by {owner}")
        self.function = function
        self.owner = owner


class StoppedError(ControllerError):
    """This deployment may not move forward any more."""


class NotReadyError(ControllerError):
    """Lambda has not finished an update or a new version yet."""


class UnavailableError(ControllerError):
    """AWS could not answer now; a later try may succeed."""
