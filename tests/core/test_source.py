"""Sources: which of the artifacts that appear are a target's own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.errors import InputError
from controller.core.source import ImageSource, ZipSource
from controller.core.target import parse_target
from tests.builders import a_target_document, an_artifact, an_image, announced

ZIPS = ZipSource(bucket="releases", key="orders/*.zip")
IMAGES = ImageSource(repository="team/orders", tag="v*")


@pytest.mark.parametrize(
    ("pattern", "key", "wanted"),
    [
        ("orders/*.zip", "orders/1.zip", True),
        ("orders/*.zip", "orders/2026/1.zip", True),
        ("orders/*.zip", "Orders/1.zip", False),
        ("orders/*.zip", "orders/1.ZIP", False),
        ("orders/*.zip", "payments/orders/1.zip", False),
        ("orders.zip", "orders.zip", True),
        ("orders.zip", "orders_zip", False),
        ("*", "anything", True),
        ("orders/*/1.zip", "orders/a\nb/1.zip", True),
    ],
)
def test_a_star_in_a_key_stands_for_any_text(pattern: str, key: str, wanted: bool) -> None:
    assert ZipSource(bucket="releases", key=pattern).wants(announced(an_artifact(key=key))) is wanted


@pytest.mark.parametrize(
    ("pattern", "key", "wanted"),
    [
        ("orders?.zip", "orders1.zip", False),
        ("orders?.zip", "order.zip", False),
        ("orders?.zip", "orders?.zip", True),
        ("[dev].zip", "d.zip", False),
        ("[dev].zip", "[dev].zip", True),
        ("[!d].zip", "e.zip", False),
        ("orders[*].zip", "orders[1].zip", True),
        ("orders[*].zip", "orders1.zip", False),
        ("(a|b)+.zip", "a.zip", False),
        ("(a|b)+.zip", "(a|b)+.zip", True),
        ("a\\d.zip", "a1.zip", False),
    ],
)
def test_nothing_but_the_star_is_special_in_a_key(pattern: str, key: str, wanted: bool) -> None:
    assert ZipSource(bucket="releases", key=pattern).wants(announced(an_artifact(key=key))) is wanted


@given(st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_a_key_without_a_star_stands_for_itself_alone(key: str) -> None:
    source = ZipSource(bucket="releases", key=key)
    assert source.wants(announced(an_artifact(key=key)))
    assert not source.wants(announced(an_artifact(key=key + "x")))
    assert not source.wants(announced(an_artifact(key="x" + key)))


def test_a_zip_of_another_bucket_is_not_wanted() -> None:
    assert not ZIPS.wants(announced(an_artifact(bucket="releases-2")))


@pytest.mark.parametrize(
    ("followed", "tag", "wanted"),
    [
        ("prod", "prod", True),
        ("prod", "prod-2", False),
        ("prod", "Prod", False),
        ("v*", "v1.2", True),
        ("v*", "1.2", False),
        ("*", "anything", True),
        ("v1.*", "v1x2", False),
        ("*-arm64", "v7-arm64", True),
    ],
)
def test_a_star_in_a_tag_stands_for_any_text(followed: str, tag: str, wanted: bool) -> None:
    source = ImageSource(repository="team/orders", tag=followed)
    assert source.wants(announced(an_image(), tag)) is wanted


def test_an_image_pushed_by_its_digest_alone_is_nobodys() -> None:
    assert not ImageSource(repository="team/orders", tag="*").wants(announced(an_image(), None))


@pytest.mark.parametrize("ending", ["", ".sig", ".att", ".sbom"])
def test_what_lies_beside_an_image_is_no_release(ending: str) -> None:
    tag = f"sha256-{'7f' * 32}{ending}"
    assert not ImageSource(repository="team/orders", tag="*").wants(announced(an_image(), tag))


def test_an_image_of_another_repository_is_not_wanted() -> None:
    assert not IMAGES.wants(announced(an_image(repository="team/orders-2"), "v1"))


def test_a_source_of_zips_wants_no_image_and_one_of_images_no_zip() -> None:
    assert not ZIPS.wants(announced(an_image(), "v1"))
    assert not IMAGES.wants(announced(an_artifact(), "v1"))


def test_only_a_tag_without_a_star_is_followed() -> None:
    assert ImageSource(repository="team/orders", tag="prod").is_fixed
    assert not IMAGES.is_fixed


REPOSITORY = 'write the name of a repository of this account\'s ECR, such as "team/checkout", not'
TAG = 'write a tag that moves, such as "prod", or a pattern of tags, such as "v*", not'


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ({"repository": "Team/orders", "tag": "v*"}, f"source.repository: {REPOSITORY} 'Team/orders'"),
        (
            {"repository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v1", "tag": "v*"},
            f"source.repository: {REPOSITORY} '123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v1'",
        ),
        ({"repository": "team/orders", "tag": ""}, f"source.tag: {TAG} ''"),
        ({"repository": "team/orders", "tag": "v1 "}, f"source.tag: {TAG} 'v1 '"),
        ({"repository": "team/orders", "tag": 1}, 'source.tag: write "1", in quotes, not 1'),
        ({"repository": "team/orders"}, "source.tag: this field is required"),
        ({"tag": "v1"}, "source.repository: this field is required"),
        ({"repositry": "team/orders", "tag": "v1"}, "source.repositry: unknown field; did you mean 'repository'?"),
        (
            {"repository": "team/orders", "tag": "v1", "region": "eu-west-1"},
            "source.region: unknown field; known fields: repository, tag, scan",
        ),
        (
            {"bucket": "releases", "key": "*", "prefix": "x"},
            "source.prefix: unknown field; known fields: bucket, key",
        ),
        ({}, "source.bucket: this field is required (and 1 more)"),
    ],
)
def test_a_fault_in_a_source_is_told_with_its_place(source: dict[str, object], line: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_target("orders", json.dumps(a_target_document(source=source)), "target orders")
    assert str(refused.value) == f"target orders: {line}"
