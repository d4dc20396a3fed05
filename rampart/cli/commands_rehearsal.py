"""The commands that need no AWS account: the demonstration, and rollouts in simulated traffic."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rampart.cli.application import Answer, Output, answer, app, fail, terminal
from rampart.cli.options import WRONG_USAGE
from rampart.cli.own_aws import prepare


@app.command(short_help="Promote good releases, roll back bad ones.")
def demo(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the summary to FILE as JSON too.")
    ] = None,
    bug_percent: Annotated[
        int,
        typer.Option(
            min=0,
            max=99,
            metavar="N",
            help="On how many orders in a hundred release 3 fails. With 0 nothing stops it, and the demo fails.",
        ),
    ] = 30,
) -> None:
    """Show good releases promoted and bad ones rolled back, on an AWS inside this process."""
    if json_file:
        try:
            json_file.open("a").close()
        except OSError as error:
            raise typer.BadParameter(f"cannot write {json_file}: {error.strerror}", param_hint="--json") from None
    prepare("demo")
    # Imported here, so that other commands do not pay for an AWS.
    from rampart.demo.screen import Screen
    from rampart.demo.story import DemoError, tell

    screen = Screen(terminal())
    try:
        report = tell(screen, bug_percent)
    except DemoError as error:
        fail(f"rampart demo: {error}")
    except KeyboardInterrupt:
        fail("rampart demo: interrupted; nothing is left behind", code=130)
    finally:
        screen.calm()
    screen.summary(report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")
    if not report.ended_well:
        fail("rampart demo: a release did not end as it must, see above")


@app.command(short_help="What a rollout would cost, and how long it takes.")
def simulate(
    document: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A target document, as it stands in SSM.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="A strategy instead of the document's, or of a document.")
    ] = None,
    rps: Annotated[float | None, typer.Option(metavar="N", help="Requests a second, in the mean of a day.")] = None,
    rpm: Annotated[float | None, typer.Option(metavar="N", help="Or requests a minute.")] = None,
    base_rate: Annotated[
        str, typer.Option(metavar="PERCENT", help="How many requests fail under either version.")
    ] = "0.1%",
    regression: Annotated[
        str, typer.Option(metavar="PERCENT", help="How many of the others fail under the bad release.")
    ] = "10%",
    onset: Annotated[
        float, typer.Option(min=0, max=180, metavar="MINUTES", help="When the regression begins to show.")
    ] = 0.0,
    runs: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="How many rollouts of each.")] = 200,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another number draws other traffic.")] = 1,
    output: Answer = Output.TEXT,
) -> None:
    """Play rollouts of a bad and of a good release in simulated traffic, beside CodeDeploy on the same requests.

    The decisions are the controller's own. CodeDeploy has an alarm on the alias: the failure rate above 5 %, or any
    failure at all. A bad release that is promoted goes on failing until an hour or more has passed.
    """
    from controller.core.errors import InputError

    lacking = [name for name in ("numpy", "uniplot") if not find_spec(name)]
    if lacking:
        fail(f"rampart simulate: it needs {' and '.join(lacking)}; pip install '.[simulate]' brings them")
    # Imported here, so that other commands do not need what it needs.
    from rampart.cli import simulate as simulation

    try:
        target = simulation.target_of(document, strategy)
        scenario = simulation.scenario_of(target, rps, rpm, base_rate, regression, onset)
        expected = simulation.simulate(Console(stderr=True), target, scenario, runs, seed)
    except InputError as error:
        fail(f"rampart simulate: {error}", WRONG_USAGE)
    except KeyboardInterrupt:
        fail("rampart simulate: interrupted", code=130)
    if output is Output.JSON:
        answer("simulate", **simulation.expectations_document(expected, scenario, runs, seed))
    else:
        simulation.print_expectations(terminal(), expected, scenario)
