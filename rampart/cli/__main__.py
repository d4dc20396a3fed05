"""`rampart`: the operator's command. Exit codes: 0 fine, 1 ended otherwise than it must, 2 usage, 3 timeout."""

import io
import signal
import sys

# Each adds its commands, in the order in which the help lists them.
from rampart.cli import commands_rehearsal as commands_rehearsal  # isort: skip
from rampart.cli import commands_local as commands_local  # isort: skip
from rampart.cli import commands_planning as commands_planning  # isort: skip
from rampart.cli import commands_deploy as commands_deploy  # isort: skip
from rampart.cli import commands_watching as commands_watching  # isort: skip
from rampart.cli import commands_control as commands_control  # isort: skip
from rampart.cli import commands_upkeep as commands_upkeep  # isort: skip
from rampart.cli.application import app as app


def main() -> None:
    """Run the command line; being told to end is an ordinary exit, so that nothing is left behind."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's encoding lacks is escaped, and no error
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    app()


if __name__ == "__main__":
    main()
