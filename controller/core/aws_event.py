"""Events of AWS: read as far as we need them; what AWS adds is none of our business."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from controller.core.errors import MalformedEventError
from controller.core.wording import shown


class Part(BaseModel):
    """A part of an event that is read."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


P = TypeVar("P", bound=Part)


def read_event(model: type[P], value: Any, where: str) -> P:
    """Return `value` as a `model`; raises MalformedEventError with `where` and the place of the first fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        message = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
        if fault["type"] in ("model_type", "dict_type"):  # pydantic would name our class
            message = f"write an object, not {shown(fault['input'])}"
        raise MalformedEventError(": ".join(filter(None, (where, place, message)))) from None
