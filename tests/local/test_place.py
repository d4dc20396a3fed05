"""Where a local Rampart is found: one at a time, from any terminal, and whatever became of the one before."""

import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from controller.core.errors import InputError
from rampart.local.place import Place, Running, exports

RUNNING = Running(4711, "http://127.0.0.1:40001", {"AWS_ENDPOINT_URL": "http://127.0.0.1:40001", "ODD": "it's odd"})
_NONE = "^no local Rampart runs; start one in another terminal with: rampart local$"


def test_what_runs_is_found_by_another_terminal_once_it_says_where(tmp_path: Path) -> None:
    ours, others = Place(tmp_path / "state"), Place(tmp_path / "state")
    with pytest.raises(InputError, match=_NONE):
        others.running()
    with ours.held():
        with pytest.raises(InputError, match=r"^the local Rampart is still starting; try again in a few seconds$"):
            others.running()
        ours.publish(RUNNING)
        assert others.running() == RUNNING
    with pytest.raises(InputError, match=_NONE):
        others.running()


def test_who_was_led_to_one_that_has_ended_is_told_so_and_how_to_find_the_next(tmp_path: Path) -> None:
    ours, others = Place(tmp_path), Place(tmp_path)
    said = "the AWS of this machine that this shell points at (http://127.0.0.1:40001) has ended; "
    find = 'point this shell at it with: eval "$(rampart local env)"'
    with ours.held():
        ours.publish(RUNNING)
        assert others.ended("http://127.0.0.1:40001") is None
        assert others.ended("http://127.0.0.1:40002") == (
            said.replace("40001", "40002") + f"another one runs at http://127.0.0.1:40001; {find}"
        )
    start = f"{said}start one in another terminal with: rampart local, and {find}"
    assert others.ended("http://127.0.0.1:40001") == start
    assert Place(tmp_path / "never").ended("http://127.0.0.1:40001") == start


def test_a_second_one_is_told_who_runs_and_how_to_end_it(tmp_path: Path) -> None:
    ours, others = Place(tmp_path), Place(tmp_path)
    with ours.held():
        with pytest.raises(InputError, match=r"^one runs already: it is still starting$"), others.held():
            pass
        ours.publish(RUNNING)
        said = "^one runs already: process 4711 at http://127.0.0.1:40001; end it with Ctrl-C .* kill 4711$"
        with pytest.raises(InputError, match=said), others.held():
            pass
        assert others.running() == RUNNING
    with others.held():
        pass


def test_what_a_killed_one_left_is_no_running_one_and_is_removed_by_the_next(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with place.held():
        place.publish(RUNNING)
        left = Path(tempfile.mkdtemp(prefix="rampart-code-"))
        said = (tmp_path / "running.json").read_text()
    (tmp_path / "running.json").write_text(said)
    left.mkdir(parents=True)
    with pytest.raises(InputError, match=_NONE):
        place.running()
    with place.held():
        assert not left.exists()
        with pytest.raises(InputError, match="is still starting"):
            place.running()


def test_temporary_files_lie_in_the_place_while_it_is_held_and_nothing_does_afterwards(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with Place(tmp_path).held():
        assert Path(tempfile.mkdtemp()).is_relative_to(tmp_path)
    assert tempfile.gettempdir() == before
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}', '{"pid": 1, "url": "u", "more": 2}'])
def test_a_file_that_cannot_be_read_is_one_that_is_not_there_yet(tmp_path: Path, text: str) -> None:
    with Place(tmp_path).held():
        (tmp_path / "running.json").write_text(text)
        with pytest.raises(InputError, match="is still starting"):
            Place(tmp_path).running()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(InputError, match=r"^cannot write to .*/state: "), Place(tmp_path / "state").held():
        pass


def test_a_shell_takes_the_exports_as_they_are_meant(tmp_path: Path) -> None:
    home = tmp_path / "bin of mine"
    text = exports(RUNNING, "/usr/bin:/bin", home)
    script = f"export AWS_PROFILE=other RAMPART_TABLE=t; {text}\nenv -0"
    told = subprocess.run(["bash", "-ec", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    names = dict(line.split("=", 1) for line in told.stdout.decode().split("\0") if line)
    assert (names["AWS_ENDPOINT_URL"], names["ODD"]) == (RUNNING.url, "it's odd")
    assert names["PATH"] == f"{home}:/usr/bin:/bin"
    assert {"AWS_PROFILE", "RAMPART_TABLE"}.isdisjoint(names)
    assert shlex.quote(str(home)) not in exports(RUNNING, f"/bin:{home}", home), "it is there already"
