"""The catalogue of targets in SSM parameters: one JSON document each, below /rampart/<stage>/targets/."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from controller.adapters.aws_errors import aws_errors
from controller.core.errors import InputError, MissingError
from controller.core.target import Target, parse_target

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmTargets:
    """Targets through a boto3 SSM client; the whole catalogue is kept for `keep_seconds`."""

    def __init__(
        self, client: "SSMClient", path: str, now: Callable[[], float], keep_seconds: float = 60.0
    ) -> None:
        """`path` ends with a slash; `now` returns seconds."""
        self._ssm = client
        self._path = path
        self._now = now
        self._keep_seconds = keep_seconds
        self._kept: tuple[float, tuple[list[Target], list[str]]] | None = None

    def read(self, name: str) -> Target:
        """Return one target; raises MissingError or InputError."""
        where = self._path + name
        try:
            with aws_errors(f"target {name}"):
                value = self._ssm.get_parameter(Name=where)["Parameter"]["Value"]
        except MissingError:
            raise MissingError(f"there is no target {name!r}; declare it in the SSM parameter {where}") from None
        return parse_target(name, value, f"target {where}")

    def all(self, *, fresh: bool = False) -> tuple[list[Target], list[str]]:
        """Return every target that can be read, and one line for each that cannot; `fresh` asks again."""
        if fresh or self._kept is None or self._now() - self._kept[0] > self._keep_seconds:
            self._kept = (self._now(), self._read_all())
        return self._kept[1]

    def _read_all(self) -> tuple[list[Target], list[str]]:
        targets, faults = [], []
        with aws_errors(f"targets below {self._path}"):
            pages = self._ssm.get_paginator("get_parameters_by_path").paginate(Path=self._path)
            parameters = [parameter for page in pages for parameter in page["Parameters"]]
        for parameter in parameters:
            where = parameter["Name"]
            try:
                targets.append(parse_target(where.removeprefix(self._path), parameter["Value"], f"target {where}"))
            except InputError as fault:
                faults.append(str(fault))
        return targets, faults
