"""Manifests of images, as the usual builders write them and broken in every way: each gets its verdict."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.core.errors import RefusedError
from controller.core.image_manifest import (
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    Manifest,
    check_platform,
    child_of,
    config_of,
)
from tests.engine.images import an_index, attestation, built, digest_of, listed

FIXTURES = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "manifests").glob("*.json"))
}
PUSH = "docker buildx build --platform linux/{} --push"
FOLLOW = "let the target's tag name images alone"


def manifest_of(fixture: dict[str, Any]) -> Manifest:
    """Return what was pushed."""
    return Manifest("it", json.dumps(fixture["manifest"]), fixture["media_type"])


def digest(name: str) -> str:
    """Return the digest of an image of the fixtures."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def verdict(fixture: dict[str, Any], architecture: str) -> str | None:
    """Return what a function of an architecture runs of what was pushed: a child, or None for the image itself."""
    pushed = manifest_of(fixture)
    child = child_of(pushed, "checkout", architecture)
    if child is None:
        config_of(pushed)
        check_platform(pushed, json.dumps(fixture["config"]).encode(), "checkout", architecture)
    return child


def refusal(fixture: dict[str, Any], architecture: str = "arm64") -> str:
    """Return the one line with which what was pushed is refused."""
    with pytest.raises(RefusedError) as refused:
        verdict(fixture, architecture)
    assert "\n" not in str(refused.value)
    return str(refused.value)


ARM, AMD = digest("arm64 image"), digest("amd64 image")
RUNS: dict[str, tuple[str | None, str | None]] = {
    "bazel-rules-oci": (None, None),
    "buildah": (None, None),
    "buildx-arm-family": (ARM, AMD),
    "buildx-several-platforms": (ARM, AMD),
    "buildx-with-provenance": (ARM, None),
    "buildx-without-provenance": (None, None),
    "docker-build": (None, None),
    "docker-manifest-create": (ARM, AMD),
    "jib": (None, None),
    "jib-platforms": (ARM, AMD),
    "kaniko": (None, None),
    "ko": (ARM, AMD),
    "oras-index-without-platform": (ARM, ARM),
    "podman-manifest": (ARM, AMD),
    "podman-oci-1.0": (None, None),
    "soci-v2": (ARM, None),
}
"""What runs on arm64 and on x86_64: a child of an index, or None; what is for arm64 alone is refused on x86_64."""

REFUSED = {
    "refused-attestations-alone": "is an index of nothing that runs, without an image for function checkout, which "
    f"is arm64; push one with: {PUSH.format('arm64')}",
    "refused-cosign-signature": "has a layer that is application/vnd.dev.cosign.simplesigning.v1+json, and no tar "
    f"with or without gzip; {FOLLOW}",
    "refused-docker-schema-1": "has a manifest of Docker's schema 1; push it again with Docker 1.10 or newer",
    "refused-encrypted-layers": "has a layer that is application/vnd.oci.image.layer.v1.tar+gzip+encrypted, and no "
    f"tar with or without gzip; {FOLLOW}",
    "refused-helm-chart": f"is no image but application/vnd.cncf.helm.config.v1+json; {FOLLOW}",
    "refused-nested-index": "is an index of nothing that runs, without an image for function checkout, which is "
    f"arm64; push one with: {PUSH.format('arm64')}",
    "refused-oci-artifact": f"is no image but application/vnd.oci.artifact.manifest.v1+json; {FOLLOW}",
    "refused-sigstore-bundle": f"is no image but application/vnd.dev.sigstore.bundle.v0.3+json; {FOLLOW}",
    "refused-too-large": "has 10.1 GB of layers before they are unpacked, and Lambda takes 10 GB unpacked; leave "
    "out what the function does not need",
    "refused-windows": "has a layer that is application/vnd.docker.image.rootfs.foreign.diff.tar.gzip, and no tar "
    f"with or without gzip; {FOLLOW}",
    "refused-without-layers": "has no layers, hence no code; build it from a base image of Lambda's",
    "refused-zstd-layers": "has layers packed with zstd; pack them with gzip: docker buildx build --output "
    "type=image,push=true,compression=gzip,force-compression=true",
}


def test_every_fixture_has_its_verdict() -> None:
    assert FIXTURES.keys() == RUNS.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", RUNS)
def test_what_a_builder_writes_runs_on_the_architecture_that_it_was_built_for(name: str) -> None:
    arm, amd = RUNS[name]
    assert verdict(FIXTURES[name], "arm64") == arm
    if amd:
        assert verdict(FIXTURES[name], "x86_64") == amd
    elif arm:
        assert refusal(FIXTURES[name], "x86_64").endswith(PUSH.format("amd64"))
    else:
        assert refusal(FIXTURES[name], "x86_64").startswith("it is built for linux/arm64")
        assert refusal(FIXTURES[name], "x86_64").endswith(f"is x86_64; build it with: {PUSH.format('amd64')}")


@pytest.mark.parametrize("name", REFUSED)
def test_what_lambda_cannot_run_is_refused_with_one_line_that_says_how_to_mend_it(name: str) -> None:
    assert refusal(FIXTURES[name]) == f"it {REFUSED[name]}"


def test_of_several_variants_the_plainest_is_taken_and_never_one_that_lambda_does_not_run() -> None:
    variants = [listed(digest(v), f"linux/amd64/{v}") for v in ("v4", "v3", "v2")]
    index = an_index(*variants)
    assert child_of(Manifest("it", index.manifest), "f", "x86_64") == digest("v2")
    with pytest.raises(RefusedError, match="is an index of linux/amd64/v4, without"):
        child_of(Manifest("it", an_index(variants[0]).manifest), "f", "x86_64")


def test_a_variant_that_is_empty_is_none() -> None:
    empty = {"os": "linux", "architecture": "arm64", "variant": ""}
    index = an_index(listed(digest("1"), platform=None) | {"platform": empty})
    assert child_of(Manifest("it", index.manifest), "f", "arm64") == digest("1")


def test_of_two_equal_images_the_first_is_taken() -> None:
    index = an_index(listed(digest("1")), listed(digest("2")))
    assert child_of(Manifest("it", index.manifest), "f", "arm64") == digest("1")


def test_of_two_images_without_platform_none_is_taken() -> None:
    index = an_index(listed(digest("1"), None), listed(digest("2"), None))
    with pytest.raises(RefusedError, match="is an index of no platform, without"):
        child_of(Manifest("it", index.manifest), "f", "arm64")


def test_an_attestation_is_dropped_by_its_annotation_even_if_it_names_a_platform() -> None:
    entry = attestation(digest("1")) | {"platform": {"os": "linux", "architecture": "arm64"}}
    with pytest.raises(RefusedError, match="is an index of nothing that runs"):
        child_of(Manifest("it", an_index(entry).manifest), "f", "arm64")


def layers(number: int) -> list[dict[str, Any]]:
    """Return so many small layers."""
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    return [{"mediaType": kind, "digest": digest(str(n)), "size": 100} for n in range(number)]


def test_a_manifest_that_is_longer_than_lambda_reads_is_refused() -> None:
    assert len(built(layers=layers(140)).manifest) < MAX_MANIFEST_BYTES < len(built(layers=layers(170)).manifest)
    config_of(Manifest("it", built(layers=layers(140)).manifest))
    with pytest.raises(RefusedError, match=r"has a manifest of [0-9,]+ bytes with 170 layers, .* join layers"):
        config_of(Manifest("it", built(layers=layers(170)).manifest))


def test_a_configuration_that_is_too_long_to_be_read_is_refused() -> None:
    large = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest("c"),
        "size": MAX_CONFIG_BYTES,
    }
    assert config_of(Manifest("it", built(config=large).manifest)).size == MAX_CONFIG_BYTES
    with pytest.raises(RefusedError, match="has a configuration of 1,048,577 bytes"):
        config_of(Manifest("it", built(config=large | {"size": MAX_CONFIG_BYTES + 1}).manifest))


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (b"{}", "is built for nothing, and function f is arm64"),
        (b'{"architecture": "arm64"}', "is built for arm64, and function f is arm64"),
        (b'{"os": "windows", "architecture": "arm64"}', "is built for windows/arm64, and"),
        (b'{"os": "linux", "architecture": 7}', "has a configuration that cannot be read"),
        (b"", "has a configuration that cannot be read"),
        (b"\xff\xfe", "has a configuration that cannot be read"),
    ],
)
def test_a_configuration_that_does_not_say_what_it_is_built_for_is_no_pass(config: bytes, line: str) -> None:
    with pytest.raises(RefusedError, match=line):
        check_platform(Manifest("it", ""), config, "f", "arm64")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "it has a manifest that is none (not JSON: "),
        ("[]", "it has a manifest that is none (not JSON: "),
        ("[" * 100_000, "it has a manifest that is none (not JSON: "),
        (
            '{"schemaVersion": 2}',
            "it has a manifest that is none (config: Field required); build and push it again",
        ),
        ('{"schemaVersion": 2, "manifests": [{}]}', "it has a manifest that is none (manifests.0.digest: "),
        (
            '{"schemaVersion": 2, "manifests": [{"digest": "sha256:1", "size": 1}]}',
            "it has a manifest that is none (",
        ),
        ('{"schemaVersion": 3}', "it is no image but of no known type; "),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_what_is_wrong_with_it(text: str, line: str) -> None:
    with pytest.raises(RefusedError) as refused:
        judged(Manifest("it", text))
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


# ---- Mutated manifests ------------------------------------------------------------------------------------------


def judged(pushed: Manifest, config: bytes = b"") -> None:
    """Judge what was pushed whole; raises RefusedError or passes."""
    if child_of(pushed, "checkout", "arm64") is None:
        config_of(pushed)
        check_platform(pushed, config, "checkout", "arm64")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a JSON value but itself."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [p for key, inner in items for p in ((*path, key), *places(inner, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Manifest, bytes]:
    """Return what a builder writes, with some values replaced, taken away or doubled, or its text broken."""
    fixture = draw(st.sampled_from(list(FIXTURES.values())))
    document = json.loads(json.dumps({"manifest": fixture["manifest"], "config": fixture.get("config", {})}))
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from(places(document)))
        if not above:
            continue
        holder: Any = document
        for key in above:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "drop", "double"])):
            case "drop":
                del holder[last]
            case "double" if isinstance(holder, list):
                holder.insert(last, holder[last])
            case _:
                holder[last] = draw(JSON)
    text = json.dumps(document["manifest"])
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(st.characters(), max_size=5)) + text[at + draw(st.integers(0, 5)) :]
    media_type = draw(st.sampled_from([fixture["media_type"], OCI_INDEX, None]) | st.text(max_size=20))
    return Manifest("it", text, media_type), json.dumps(document["config"]).encode()


def never_crashes(case: tuple[Manifest, bytes]) -> None:
    """See that a mutated manifest passes, or is refused with one short line."""
    try:
        judged(*case)
    except RefusedError as refused:
        line = str(refused)
        assert line.startswith("it ")
        assert "\n" not in line
        assert len(line) < 600


@given(mutated())
@settings(max_examples=300)
def test_a_mutated_manifest_passes_or_is_refused_and_nothing_else_happens(case: tuple[Manifest, bytes]) -> None:
    never_crashes(case)


@pytest.mark.nightly
@given(mutated())
@settings(max_examples=180_000)
def test_very_many_mutated_manifests_pass_or_are_refused(case: tuple[Manifest, bytes]) -> None:
    never_crashes(case)


@given(
    st.lists(st.sampled_from(["linux/arm64", "linux/arm64/v8", "linux/amd64", "linux/amd64/v2", "windows/amd64"]))
)
def test_an_index_gives_each_architecture_an_image_that_it_runs_or_none(platforms: list[str]) -> None:
    entries = [listed(digest_of(f"{n} {p}".encode()), p) for n, p in enumerate(platforms)]
    by_digest = {entry["digest"]: platform for entry, platform in zip(entries, platforms, strict=True)}
    for architecture, wanted in (("arm64", "linux/arm64"), ("x86_64", "linux/amd64")):
        fitting = [platform for platform in platforms if platform.startswith(wanted)]
        try:
            child = child_of(Manifest("it", an_index(*entries).manifest), "f", architecture)
        except RefusedError:
            assert not fitting
        else:
            assert child is not None
            assert by_digest[child] == min(fitting)
