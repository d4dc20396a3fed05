"""Lifecycle: which rule of a repository takes an image away, by ECR's rules of precedence."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.lifecycle import clean_up_warning

PUSHED = datetime(2026, 11, 20, 12, tzinfo=UTC)


def rule(
    priority: int, tags: str, count: str, number: int, action: str = "expire", **selection: Any
) -> dict[str, Any]:
    """Return a rule as people write it."""
    unit = {} if count == "imageCountMoreThan" else {"countUnit": "days"}
    selected = {"tagStatus": tags, "countType": count, "countNumber": number, **unit, **selection}
    return {"rulePriority": priority, "selection": selected, "action": {"type": action}}


def warned(*rules: dict[str, Any], tags: tuple[str, ...] = ()) -> str | None:
    """Return what is warned of an image with these tags."""
    return clean_up_warning("version 41 of checkout:live", "shop", json.dumps({"rules": rules}), tags, PUSHED)


UNTAGGED = rule(1, "untagged", "sinceImagePushed", 14)
NEWEST = rule(9, "any", "imageCountMoreThan", 10)
RELEASES = rule(2, "tagged", "imageCountMoreThan", 100, tagPatternList=["v*"])


@pytest.mark.parametrize(
    ("rules", "tags", "told"),
    [
        ([UNTAGGED, NEWEST], (), "rule 1 of the lifecycle policy of repository shop deletes on 2026-12-04"),
        ([UNTAGGED, NEWEST], ("prod",), "rule 9 of the lifecycle policy of repository shop deletes once 10 newer"),
        ([NEWEST, RELEASES], ("v1",), "rule 2 of the lifecycle policy of repository shop deletes once 100 newer"),
        (
            [rule(1, "tagged", "sinceImagePulled", 90, "transition", tagPrefixList=["p"])],
            ("prod",),
            "rule 1 of the lifecycle policy of repository shop archives 90 days after it was pulled last",
        ),
        (
            [rule(1, "any", "imageCountMoreThan", 1) | {"description": "keep one"}],
            (),
            "rule 1 ('keep one') of the lifecycle policy of repository shop deletes once 1 newer image of its kind",
        ),
        ([rule(1, "tagged", "sinceImagePushed", 1, tagPatternList=["p*", "*d"])], ("prod",), "on 2026-11-21"),
    ],
)
def test_the_first_rule_that_an_image_has_the_tags_of_is_named(
    rules: list[dict[str, Any]], tags: tuple[str, ...], told: str
) -> None:
    warning = warned(*rules, tags=tags)
    assert warning is not None
    assert told in warning
    assert warning.startswith("version 41 of checkout:live is an image that rule ")
    assert warning.endswith(", and with it the way back; let the rule spare what functions run")


@pytest.mark.parametrize(
    ("rules", "tags"),
    [
        ([], ()),
        ([UNTAGGED], ("prod",)),
        ([RELEASES], ("prod",)),
        ([rule(1, "tagged", "sinceImagePushed", 1, tagPatternList=["p*", "q*"])], ("prod",)),
        ([rule(1, "tagged", "sinceImagePushed", 1, tagPatternList=["p"])], ("prod",)),
        ([rule(1, "any", "sinceImageTransitioned", 90, storageClass="archive")], ()),
    ],
)
def test_an_image_that_no_rule_is_about_stays(rules: list[dict[str, Any]], tags: tuple[str, ...]) -> None:
    assert warned(*rules, tags=tags) is None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_is_no_policy_is_said_to_be_none(value: Any) -> None:
    text = json.dumps({"rules": value}) if isinstance(value, list) and value else json.dumps(value)
    with pytest.raises(ValueError, match=r"it is no lifecycle policy|Expecting"):
        clean_up_warning("it", "shop", text, (), PUSHED)
