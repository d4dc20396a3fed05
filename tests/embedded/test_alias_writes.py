"""What the embedded AWS tells of the writes to aliases."""

import pytest

from rampart.embedded.alias_writes import AliasWrite, watching
from rampart.embedded.wire import ApiError, Call


def _update(**params: object) -> Call:
    return Call("lambda", "UpdateAlias", "ASIA-shift", {"FunctionName": "checkout", "Name": "live", **params})


def _split(version: str | None = None) -> dict[str, object]:
    weights = {version: 0.25} if version else {}
    return {"RoutingConfig": {"AdditionalVersionWeights": weights}}


@pytest.mark.parametrize(
    ("call", "version", "splits"),
    [
        (_update(FunctionVersion="1", **_split("2")), "1", True),
        (_update(FunctionVersion="2", **_split()), "2", False),
        (_update(Description="what customers use"), None, False),
    ],
)
def test_a_write_is_told_of_once_it_has_taken_effect(call: Call, version: str | None, splits: bool) -> None:
    told: list[AliasWrite] = []
    times = iter([7.5])
    with watching(told.append, lambda: next(times))(call):
        assert told == []
    assert told == [AliasWrite("checkout", "live", version, splits, by="ASIA-shift", at=7.5)]


def test_a_write_that_is_refused_and_every_other_call_are_no_writes() -> None:
    told: list[AliasWrite] = []
    around = watching(told.append, lambda: 7.5)
    with pytest.raises(ApiError), around(_update(FunctionVersion="2")):
        raise ApiError("PreconditionFailedException", "The RevisionId is stale.", 412)
    with around(Call("lambda", "GetAlias", "ASIA-shift", {})):
        pass
    assert told == []
