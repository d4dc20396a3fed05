"""Artifacts: what makes two of them the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import an_artifact, an_image


def test_an_identity_is_one_line_even_when_the_key_is_not() -> None:
    assert len(an_artifact(key="a\nb").identity.splitlines()) == 1


def test_equal_artifacts_have_equal_identities_and_fingerprints_and_others_have_not() -> None:
    assert an_artifact().identity == "s3://releases/orders/1.zip@v1"
    assert an_artifact().fingerprint == an_artifact().fingerprint == "65f833bc3bff"
    others = [an_artifact(bucket="releases-2"), an_artifact(key="orders/2.zip"), an_artifact(version_id="v2")]
    assert len({artifact.fingerprint for artifact in [an_artifact(), *others]}) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\nb", "a\tb"),
        ("a\nb", "a b"),
        ("a\x00b", "a\x01b"),
        ("a\u200bb", "ab"),
        ("a\u00a0b", "a b"),
        ("a\u2028b", "a\u2029b"),
        ("a\ufffdb", "a\x00b"),
        ("a\nb", "a\\nb"),
        ("a\nb", r"a\u000ab"),
        ("\U000e0001", "\ue0001"),
    ],
    ids=ascii,
)
def test_keys_that_differ_in_what_cannot_be_printed_have_different_identities(one: str, other: str) -> None:
    artifacts = an_artifact(key=one), an_artifact(key=other)
    assert len({artifact.identity for artifact in artifacts}) == 2
    assert len({artifact.fingerprint for artifact in artifacts}) == 2


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_identity_is_one_line_that_names_one_key(one: str, other: str) -> None:
    identities = [an_artifact(key=key).identity for key in (one, other)]
    assert all(identity.isprintable() for identity in identities)
    assert (identities[0] == identities[1]) is (one == other)


def test_a_fingerprint_fits_into_the_name_of_an_execution() -> None:
    assert len(an_artifact(key="k" * 1024).fingerprint) == 12


def test_an_image_is_its_digest_in_its_repository() -> None:
    image = an_image("7f", "team/orders")
    assert image.identity == f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/orders@sha256:7f{'0' * 62}"
    assert (image.registry, image.repository) == ("123456789012", "team/orders")
    assert image.digest == f"sha256:7f{'0' * 62}"
    assert len({each.fingerprint for each in (image, an_image("70"), an_image("7f", "orders"))}) == 3


def test_another_image_of_a_repository_is_told_apart_by_its_digest() -> None:
    assert an_image("7f").at(an_image("70").digest) == an_image("70").identity
