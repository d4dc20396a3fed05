"""ECR as strict as AWS, as far as images are described by their manifests.

Layers are taken for uploaded: there are no layer uploads and no replication here. Lifecycle policies are kept, and
nothing is deleted by them. What a
scan finds is what somebody says that it does. Error texts are those that users of ECR report.
"""

import base64
import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rampart.embedded.clock import Clock
from rampart.embedded.ecr.blobs import Blobs
from rampart.embedded.ecr.lifecycle import check_lifecycle
from rampart.embedded.ecr.manifest import Manifest, read_manifest
from rampart.embedded.ecr.policy import check_policy
from rampart.embedded.ecr.repository import REGISTRY, Image, ImageError, Repository
from rampart.embedded.shapes import check
from rampart.embedded.wire import ACCOUNT, ApiError, Call

_PAGE = 100  # ECR API: DescribeRepositories, DescribeImages, ListImages, maxResults
_ONE = frozenset({"registryId", "repositoryName"})
_PAGES = frozenset({"maxResults", "nextToken"})
_MUTABILITIES = ("MUTABLE", "IMMUTABLE")

_Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class EcrModel:
    """The ECR service of the embedded AWS."""

    def __init__(self, clock: Clock, url: str = "") -> None:
        """Create an empty registry; `url` is where the account answers."""
        self._clock = clock
        self.blobs = Blobs(clock, url)
        """What the manifests refer to."""
        self._scans: dict[tuple[str, str], tuple[str, dict[str, int]]] = {}
        self._lock = threading.RLock()
        self._repositories: dict[str, Repository] = {}
        self._operations: dict[str, tuple[_Operation, frozenset[str]]] = {
            "CreateRepository": (self._create, _ONE | {"imageTagMutability", "tags"}),
            "DescribeRepositories": (self._describe, frozenset({"registryId", "repositoryNames"}) | _PAGES),
            "DeleteRepository": (self._delete, _ONE | {"force"}),
            "PutImageTagMutability": (self._put_mutability, _ONE | {"imageTagMutability"}),
            "SetRepositoryPolicy": (self._set_policy, _ONE | {"policyText"}),
            "GetRepositoryPolicy": (self._get_policy, _ONE),
            "DeleteRepositoryPolicy": (self._delete_policy, _ONE),
            "PutLifecyclePolicy": (self._put_lifecycle, _ONE | {"lifecyclePolicyText"}),
            "GetLifecyclePolicy": (self._get_lifecycle, _ONE),
            "PutImage": (
                self._put_image,
                _ONE | {"imageManifest", "imageManifestMediaType", "imageTag", "imageDigest"},
            ),
            "BatchGetImage": (self._batch_get, _ONE | {"imageIds", "acceptedMediaTypes"}),
            "GetDownloadUrlForLayer": (self._download_url, _ONE | {"layerDigest"}),
            "DescribeImageScanFindings": (self._scan_findings, _ONE | {"imageId", "maxResults"}),
            "BatchDeleteImage": (self._batch_delete, _ONE | {"imageIds"}),
            "DescribeImages": (self._describe_images, _ONE | _PAGES | {"imageIds", "filter"}),
            "ListImages": (self._list_images, _ONE | _PAGES | {"filter"}),
        }

    def handle(self, call: Call) -> dict[str, Any]:
        """Carry out one call; what is not supported is an error."""
        if call.operation not in self._operations:
            raise _unsupported(f"ecr:{call.operation}")
        operation, supported = self._operations[call.operation]
        try:
            check(call, supported)
        except ApiError as error:  # what other services call ValidationException
            code = {"ValidationException": "InvalidParameterException"}.get(error.code, error.code)
            raise ApiError(code, error.message, error.status) from error
        if call.params.get("registryId", ACCOUNT) != ACCOUNT:
            raise _unsupported(f"the registry {call.params['registryId']}, only {ACCOUNT}")
        with self._lock:
            return copy.deepcopy(operation(copy.deepcopy(dict(call.params))))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest under a tag or a digest, None if there is none."""
        kind = "imageDigest" if reference.startswith("sha256:") else "imageTag"
        with self._lock:
            try:
                return self._repositories[repository].find({kind: reference}).manifest
            except (KeyError, ImageError):
                return None

    def scanned(self, repository: str, digest: str, status: str, **counts: int) -> None:
        """Let the scan of an image have a status, and so many findings of each severity."""
        with self._lock:
            self._scans[repository, digest] = (status, counts)

    def policy(self, repository: str) -> str | None:
        """Return the policy of a repository; raises ApiError if there is no such repository."""
        with self._lock:
            return self._repository({"repositoryName": repository}).policy

    def labels(self, arn: str) -> dict[str, str]:
        """Return the tags of the repository that an ARN names, empty if there is none."""
        with self._lock:
            return next((dict(each.labels) for each in self._repositories.values() if each.arn == arn), {})

    def _repository(self, params: Mapping[str, Any]) -> Repository:
        name = params["repositoryName"]
        found = self._repositories.get(name)
        if found is None:
            message = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
            raise ApiError("RepositoryNotFoundException", message)
        return found

    def _create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["repositoryName"]
        if name in self._repositories:
            message = f"The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'"
            raise ApiError("RepositoryAlreadyExistsException", message)
        mutability = _mutability(params.get("imageTagMutability", "MUTABLE"))
        labels = {tag["Key"]: tag["Value"] for tag in params.get("tags", ())}
        made = self._repositories[name] = Repository(name, self._clock.now(), mutability, labels)
        return {"repository": _shown(made)}

    def _describe(self, params: Mapping[str, Any]) -> dict[str, Any]:
        wanted = params.get("repositoryNames")
        if wanted is not None:
            _refuse_pages(params, "repositoryNames")
            return {"repositories": [_shown(self._repository({"repositoryName": name})) for name in wanted]}
        rows = [(name, _shown(each)) for name, each in self._repositories.items()]
        return _page(rows, params, "repositories")

    def _delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        if repository.images and not params.get("force"):
            message = f"The {repository.place} cannot be deleted because it still contains images"
            raise ApiError("RepositoryNotEmptyException", message)
        del self._repositories[repository.name]
        return {"repository": _shown(repository)}

    def _put_mutability(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        repository.mutability = _mutability(params["imageTagMutability"])
        return {**_id(repository), "imageTagMutability": repository.mutability}

    def _set_policy(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        check_policy(params["policyText"])
        repository.policy = params["policyText"]
        return {**_id(repository), "policyText": repository.policy}

    def _get_policy(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        if repository.policy is None:
            message = f"Repository policy does not exist for the {repository.place}"
            raise ApiError("RepositoryPolicyNotFoundException", message)
        return {**_id(repository), "policyText": repository.policy}

    def _delete_policy(self, params: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._get_policy(params)
        self._repository(params).policy = None
        return answer

    def _put_lifecycle(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        check_lifecycle(params["lifecyclePolicyText"])
        repository.lifecycle = params["lifecyclePolicyText"]
        return {**_id(repository), "lifecyclePolicyText": repository.lifecycle}

    def _get_lifecycle(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        if repository.lifecycle is None:
            message = f"Lifecycle policy does not exist for the {repository.place}"
            raise ApiError("LifecyclePolicyNotFoundException", message)
        return {**_id(repository), "lifecyclePolicyText": repository.lifecycle}

    def _put_image(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        manifest = read_manifest(params["imageManifest"], params.get("imageManifestMediaType"))
        if params.get("imageDigest", manifest.digest) != manifest.digest:
            message = f"The digest {params['imageDigest']} is not the image's, which is {manifest.digest}"
            raise ApiError("ImageDigestDoesNotMatchException", message)
        tag = params.get("imageTag")
        repository.put(manifest, tag, self._clock.now())
        return {"image": _manifest_shown(repository, manifest, tag)}

    def _batch_get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        accepted = params.get("acceptedMediaTypes")
        images, failures = [], []
        for image_id in params["imageIds"]:
            try:
                manifest = repository.find(image_id).manifest
            except ImageError as failure:
                failures.append(_failed(image_id, failure))
                continue
            if accepted and manifest.media_type not in accepted:
                # ECR user guide: Container image manifest format support.
                raise _unsupported(f"the conversion of {manifest.media_type} to {', '.join(accepted)}")
            images.append(_manifest_shown(repository, manifest, image_id.get("imageTag")))
        return {"images": images, "failures": failures}

    def _download_url(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository, digest = self._repository(params), params["layerDigest"]
        manifests = [image.manifest for image in repository.images.values()]
        return {"downloadUrl": self.blobs.link(digest, manifests), "layerDigest": digest}

    def _scan_findings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository, image_id = self._repository(params), params["imageId"]
        try:
            digest = repository.find(image_id).manifest.digest
        except ImageError as failure:
            raise _not_there(repository, image_id, failure) from failure
        if (repository.name, digest) not in self._scans:
            message = f"Image scan does not exist for the image with '{_named(image_id)}' in the {repository.place}"
            raise ApiError("ScanNotFoundException", message)
        status, counts = self._scans[repository.name, digest]
        # ECR API: DescribeImageScanFindings; a scan that has no result yet has no findings.
        found = {"imageScanFindings": {"findingSeverityCounts": counts}} if status in ("COMPLETE", "ACTIVE") else {}
        return {
            **_id(repository),
            "imageId": {**image_id, "imageDigest": digest},
            "imageScanStatus": {"status": status},
            **found,
        }

    def _batch_delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        gone: list[dict[str, str]] = []
        failures = []
        for image_id in params["imageIds"]:
            try:
                gone += repository.delete(image_id)
            except ImageError as failure:
                failures.append(_failed(image_id, failure))
        return {"imageIds": gone, "failures": failures}

    def _describe_images(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        if "imageIds" not in params:
            status = _tag_status(params)
            rows = [
                (digest, _image_shown(repository, image))
                for digest, image in repository.images.items()
                if status in ("ANY", "TAGGED" if repository.tags_of(digest) else "UNTAGGED")
            ]
            return _page(rows, params, "imageDetails")
        _refuse_pages(params, "imageIds")
        found: dict[str, Image] = {}
        for image_id in params["imageIds"]:
            try:
                image = repository.find(image_id)
            except ImageError as failure:
                raise _not_there(repository, image_id, failure) from failure
            found[image.manifest.digest] = image
        return {"imageDetails": [_image_shown(repository, image) for image in found.values()]}

    def _list_images(self, params: Mapping[str, Any]) -> dict[str, Any]:
        repository = self._repository(params)
        status = _tag_status(params)
        rows = []
        for digest in repository.images:
            tags = repository.tags_of(digest)
            if tags and status != "UNTAGGED":
                rows += [(f"{digest} {tag}", {"imageDigest": digest, "imageTag": tag}) for tag in tags]
            elif not tags and status != "TAGGED":
                rows.append((digest, {"imageDigest": digest}))
        return _page(rows, params, "imageIds")


def _id(repository: Repository) -> dict[str, Any]:
    return {"registryId": ACCOUNT, "repositoryName": repository.name}


def _shown(repository: Repository) -> dict[str, Any]:
    return {
        **_id(repository),
        "repositoryArn": repository.arn,
        "repositoryUri": f"{REGISTRY}/{repository.name}",
        "createdAt": repository.created_at,
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def _manifest_shown(repository: Repository, manifest: Manifest, tag: str | None) -> dict[str, Any]:
    return {
        **_id(repository),
        "imageId": {"imageDigest": manifest.digest} | ({} if tag is None else {"imageTag": tag}),
        "imageManifest": manifest.text,
        "imageManifestMediaType": manifest.media_type,
    }


def _image_shown(repository: Repository, image: Image) -> dict[str, Any]:
    manifest = image.manifest
    return {
        **_id(repository),
        "imageDigest": manifest.digest,
        "imageTags": repository.tags_of(manifest.digest) or None,
        "imageSizeInBytes": repository.size_bytes(manifest),
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": manifest.artifact_media_type,
        "imageStatus": "ACTIVE",
    }


def _failed(image_id: Mapping[str, str], failure: ImageError) -> dict[str, Any]:
    return {"imageId": dict(image_id), "failureCode": failure.code, "failureReason": failure.reason}


def _not_there(repository: Repository, image_id: Mapping[str, str], failure: ImageError) -> ApiError:
    if failure.code not in ("ImageNotFound", "ImageTagDoesNotMatchDigest"):
        return ApiError("InvalidParameterException", failure.reason)
    message = f"The image with imageId {_named(image_id)} does not exist within the {repository.place}"
    return ApiError("ImageNotFoundException", message)


def _named(image_id: Mapping[str, str]) -> str:
    named = ", ".join(f"{name}:'{image_id.get(name, 'null')}'" for name in ("imageDigest", "imageTag"))
    return f"{{{named}}}"


def _mutability(given: str) -> str:
    if given not in _MUTABILITIES:
        raise _unsupported(f"the tag mutability {given}, only {' and '.join(_MUTABILITIES)}")
    return given


def _tag_status(params: Mapping[str, Any]) -> str:
    given = params.get("filter", {})
    if given.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        raise _unsupported(f"images that are {given['imageStatus']}")
    status: str = given.get("tagStatus", "ANY")
    return status


def _refuse_pages(params: Mapping[str, Any], member: str) -> None:
    # ECR API: "This option cannot be used when you specify images with imageIds" (and the like).
    if _PAGES & set(params):
        raise ApiError("InvalidParameterException", f"nextToken and maxResults cannot be used with {member}.")


def _page(rows: Iterable[tuple[str, dict[str, Any]]], params: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Return one page of the rows, in the order of their keys, and the token of the next."""
    try:
        after = base64.urlsafe_b64decode(params.get("nextToken", "")).decode()
    except ValueError as error:
        raise ApiError("InvalidParameterException", "Invalid parameter at 'nextToken'") from error
    left = sorted((row for row in rows if row[0] > after), key=lambda row: row[0])
    size = params.get("maxResults", _PAGE)
    answer: dict[str, Any] = {member: [item for _, item in left[:size]]}
    if len(left) > size:
        answer["nextToken"] = base64.urlsafe_b64encode(left[size - 1][0].encode()).decode()
    return answer


def _unsupported(what: str) -> ApiError:
    return ApiError("NotImplementedException", f"The embedded AWS does not support {what}.", 501)
