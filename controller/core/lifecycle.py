"""Lifecycle: which rule of a repository's clean-up would take an image away.

Source: ECR user guide, "Lifecycle policy properties in Amazon ECR" and "Automate the cleanup of images by using
lifecycle policies": rules go by their priority, an image belongs to the first one whose tags it has, and no later
one touches it; a rule that names several tags is about images that have all of them; an image that an index lists
stays as long as the index does.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any


def clean_up_warning(
    what: str, repository: str, policy: str, tags: Sequence[str], pushed_at: datetime
) -> str | None:
    """Return a warning that names the rule by which ECR will take an image away, or None.

    Raises ValueError for a policy that is none.
    """
    rule = _rule_for(policy, tags)
    if rule is None:
        return None
    selection = rule["selection"]
    number, unit = int(selection["countNumber"]), str(selection.get("countUnit", "days"))
    match selection["countType"]:
        case "imageCountMoreThan":
            when = (
                f"once {number} newer image{'s' * (number != 1)} of its kind {'are' if number != 1 else 'is'} there"
            )
        case "sinceImagePushed" if unit in ("day", "days"):
            when = f"on {pushed_at + timedelta(days=number):%Y-%m-%d}"
        case "sinceImagePulled":
            when = f"{number} {unit} after it was pulled last"
        case _:  # of archived images, which no function runs
            return None
    does = "archives" if rule["action"]["type"] == "transition" else "deletes"
    name = f" ({rule['description']!r})" if rule.get("description") else ""
    return (
        f"{what} is an image that rule {rule['rulePriority']}{name} of the lifecycle policy of repository "
        f"{repository} {does} {when}, and with it the way back; let the rule spare what functions run"
    )


def _rule_for(policy: str, tags: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the first rule that is about an image with these tags; raises ValueError."""
    try:
        rules = sorted(json.loads(policy)["rules"], key=lambda rule: int(rule["rulePriority"]))
        return next((rule for rule in rules if _selects(rule["selection"], tags)), None)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no lifecycle policy: {error!r}") from error


def _selects(selection: Mapping[str, Any], tags: Sequence[str]) -> bool:
    if selection.get("storageClass", "standard") != "standard":
        return False
    match selection["tagStatus"]:
        case "any":
            return True
        case "untagged":
            return not tags
        case "tagged":
            patterns = [f"{prefix}*" for prefix in selection.get("tagPrefixList", ())]
            patterns += selection.get("tagPatternList", ())
            return bool(tags) and all(any(_matches(p, tag) for tag in tags) for p in patterns)
        case other:
            raise KeyError(other)


def _matches(pattern: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None
