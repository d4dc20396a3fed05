"""How records, events, claims and memory look in the table: keys, attributes, and the way there and back.

pk                   sk                    what
deployment#<id>      record                the record, marks and token included
deployment#<id>      event#<sequence>      one event; `unsent` until notify has told of it
function#<name>      claim                 the claim; `owner` only while somebody holds it; `waiters`; the `targets`
                                           that ever held it; never expires
alarm#<name>         deployment#<id>       that a live deployment watches the alarm
target#<name>        live                  what the last completed deployment left; never expires
target#<name>        newest                the youngest artifact that was deployed; never expires
stage                line                  who stopped all that goes forward, and why, and who has released it since
target#<name>        artifact#<hash>       how often an artifact was tried, and whether it was refused

Indexes: by_target (of_target, started_at), live (live, started_at), unsent (unsent, at); the last two are sparse.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from controller.core.deployment import Deployment, Event
from controller.ports import Claim, Live, Newest, Tried

HISTORY_DAYS = 400
"""How long ended deployments and their events are kept, by the table's time to live."""

LIVE_INDEX_KEY = "live"
UNSENT_INDEX_KEY = "unsent"

Item = dict[str, Any]
Key = dict[str, str]

LINE_KEY: Key = {"pk": "stage", "sk": "line"}


def record_key(deployment_id: str) -> Key:
    """Return the key of a deployment's record."""
    return {"pk": f"deployment#{deployment_id}", "sk": "record"}


def event_key(event: Event) -> Key:
    """Return the key of an event."""
    return {"pk": f"deployment#{event.deployment_id}", "sk": f"event#{event.sequence:06d}"}


def claim_key(function: str) -> Key:
    """Return the key of the claim on a function."""
    return {"pk": f"function#{function}", "sk": "claim"}


def watch_key(alarm: str, deployment_id: str) -> Key:
    """Return the key of a live deployment's watch on an alarm."""
    return {"pk": f"alarm#{alarm}", "sk": f"deployment#{deployment_id}"}


def live_key(target: str) -> Key:
    """Return the key of what is live on a target."""
    return {"pk": f"target#{target}", "sk": "live"}


def newest_key(target: str) -> Key:
    """Return the key of the youngest artifact that a target has deployed."""
    return {"pk": f"target#{target}", "sk": "newest"}


def tried_key(target: str, artifact: str) -> Key:
    """Return the key of what a target remembers of an artifact; an S3 key is too long to be part of it."""
    return {"pk": f"target#{target}", "sk": f"artifact#{hashlib.sha256(artifact.encode()).hexdigest()}"}


def record_fields(deployment: Deployment) -> Item:
    """Return the attributes of a record but for those that are written apart: marks, token and sequence."""
    return deployment.model_dump(mode="json", exclude={"marks", "token", "sequence"})


def record_item(deployment: Deployment) -> Item:
    """Return a new record as an item."""
    item = {
        **record_key(deployment.deployment_id),
        **record_fields(deployment),
        "of_target": deployment.target,
        "sequence": deployment.sequence + 1,
        "marks": {},
    }
    if deployment.status.is_over:
        return item | {"expires_at": expires_at(deployment.started_at)}
    return item | {"live": LIVE_INDEX_KEY}


def event_item(event: Event) -> Item:
    """Return an event as an item that is still to be sent."""
    return {
        **event_key(event),
        **event.model_dump(mode="json"),
        "event_id": event.event_id,
        "unsent": UNSENT_INDEX_KEY,
        "expires_at": expires_at(event.at),
    }


def expires_at(moment: datetime) -> int:
    """Return when an item of that moment expires, in seconds since the epoch as DynamoDB wants it."""
    return int((moment + timedelta(days=HISTORY_DAYS)).timestamp())


def deployment_of(item: Item) -> Deployment:
    """Return the record that an item holds."""
    return Deployment.read(item)


def event_of_item(item: Item) -> Event:
    """Return the event that an item holds."""
    return Event.read(item)


def claim_of(function: str, item: Item) -> Claim:
    """Return the claim that an item holds; an absent item is a claim that nobody ever held."""
    waiters, targets = (tuple(sorted(item.get(name, ()))) for name in ("waiters", "targets"))
    return Claim(function, item.get("owner"), item.get("fencing", 0), waiters, targets)


def live_of(item: Item) -> Live | None:
    """Return what is live, or None for an absent item."""
    return Live(item["deployment_id"], item["artifact"], item["versions"]) if item else None


def newest_of(item: Item) -> Newest | None:
    """Return the youngest artifact, or None for an absent item."""
    return Newest(item["artifact"], datetime.fromisoformat(item["appeared_at"])) if item else None


def sortable(moment: datetime) -> str:
    """Return a moment as a text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def tried_of(item: Item) -> Tried:
    """Return what is remembered; nothing for an absent item."""
    return Tried(item.get("ended", 0), item.get("refused_by"))


def to_dynamodb(item: Item) -> dict[str, Any]:
    """Return an item of plain values, sets of texts among them, in DynamoDB's typed form."""
    return {name: _typed(value) for name, value in item.items()}


def from_dynamodb(item: dict[str, Any] | None) -> Item:
    """Return the plain values of an item in DynamoDB's typed form; an absent item is empty."""
    return {name: _plain(typed) for name, typed in (item or {}).items()}


def _typed(value: Any) -> dict[str, Any]:
    """Source: DynamoDB API reference, AttributeValue."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case frozenset():
            return {"SS": sorted(value)}
        case dict():
            return {"M": to_dynamodb(value)}
        case list() | tuple():
            return {"L": [_typed(inner) for inner in value]}
    raise TypeError(f"a {type(value).__name__} is not for the table")


def _plain(typed: dict[str, Any]) -> Any:
    [(kind, value)] = typed.items()
    match kind:
        case "NULL":
            return None
        case "N":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() else float(number)
        case "SS":
            return frozenset(value)
        case "M":
            return from_dynamodb(value)
        case "L":
            return [_plain(inner) for inner in value]
        case _:
            return value
