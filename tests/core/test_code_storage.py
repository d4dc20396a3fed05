"""Code storage: what does not fit is refused, and what is almost full is warned of."""

import pytest

from controller.core.code_storage import refuse_for_storage, storage_warning

GB = 1024**3
LIMIT = 300 * GB


@pytest.mark.parametrize(
    ("used", "needed", "is_refused", "is_warned"),
    [
        (0, 1, False, False),
        (LIMIT - 5, 5, False, True),
        (LIMIT - 5, 6, True, True),
        (269 * GB, GB, False, False),
        (269 * GB, GB + 1, False, True),
    ],
)
def test_the_last_byte_may_be_used_and_the_last_tenth_is_warned_of(
    used: int, needed: int, is_refused: bool, is_warned: bool
) -> None:
    assert bool(refuse_for_storage(used, LIMIT, needed)) is is_refused
    assert bool(storage_warning(used, LIMIT, needed)) is is_warned


def test_a_full_storage_is_told_with_its_numbers() -> None:
    assert refuse_for_storage(LIMIT, LIMIT, 3 * 1024**2) == (
        "the code storage of this region is full: 300.0 GB of 300.0 GB are used, and 3.0 MB are needed; "
        "delete versions that nothing needs any more"
    )
    assert str(storage_warning(LIMIT, LIMIT, 0)).startswith(
        "the code storage of this region is almost full: 300.0 GB"
    )
