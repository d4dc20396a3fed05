"""Watch: deployments as they go on, as a picture on a terminal and as one line per transition elsewhere.

All of it is read from DynamoDB, but for the weights that aliases really have. Those come from Lambda, whose control
plane answers 15 calls a second for everybody in the account, the controller included (Lambda developer guide,
quotas): one alias is asked for at each look and no more.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from controller.core.alias import Routing
from controller.core.deployment import Deployment, Event, Status, Transition
from controller.core.errors import ControllerError, UnavailableError
from controller.ports import Deployments, Functions
from rampart.cli.choice import checked_name
from rampart.cli.tree import Sight, Tree
from rampart.cli.wording import STATUS_STYLES, line, spell_moment

LOOK_SECONDS = 2.0
"""How long from one look at the table to the next."""
_KEPT = 3
"""How many deployments stay to be seen after their end."""


class Scene(Protocol):
    """What is watched."""

    def look(self) -> list[Deployment]:
        """Return the deployments to be seen now, each as its record is."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        ...

    @property
    def nothing(self) -> str:
        """What is to be said while there is none."""
        ...

    @property
    def tells_all(self) -> bool:
        """Whether what happened before the first look is told too."""
        ...


@dataclass
class Everything:
    """All that runs or waits, on some targets or on all, and what ended while it was watched."""

    deployments: Deployments
    targets: Sequence[str] = ()
    _seen: OrderedDict[str, Deployment] = field(default_factory=OrderedDict)

    def look(self) -> list[Deployment]:
        """Return what is live, the oldest first, after the last ones that have ended; raises InputError."""
        wanted = {checked_name(target) for target in self.targets}
        live = [d for d in self.deployments.unfinished() if not wanted or d.target in wanted]
        if not self._seen and not live:
            latest = [found for target in self.targets for found in self.deployments.history(target, 1)]
            live += latest[-_KEPT:]
        for name in [d.deployment_id for d in live] + [n for n, d in self._seen.items() if not d.status.is_over]:
            found = self.deployments.find(name)  # the index may lag, and knows nothing of those that have ended
            if found:
                self._seen[name] = found
        over = [name for name, deployment in self._seen.items() if deployment.status.is_over]
        for name in over[:-_KEPT]:
            del self._seen[name]
        return sorted(self._seen.values(), key=lambda d: (not d.status.is_over, d.started_at))

    @property
    def is_over(self) -> bool:
        """Something may start at any time."""
        return False

    @property
    def nothing(self) -> str:
        """Say that nothing runs."""
        of = f" of {', '.join(self.targets)}" if self.targets else ""
        return f"No deployment{of} is running or waiting."

    @property
    def tells_all(self) -> bool:
        """Of what ran before, where it has got to is enough."""
        return False


@dataclass
class One:
    """One deployment, until nothing more happens to it by itself."""

    deployments: Deployments
    deployment_id: str
    is_patient: Callable[[], bool] = lambda: True
    """Whether a record that is not there yet may still come."""
    last: Deployment | None = None
    """Its record, as it was seen last."""

    def look(self) -> list[Deployment]:
        """Return its record, if there is one yet; raises ControllerError when none has come for too long."""
        self.last = self.deployments.find(self.deployment_id) or self.last
        if self.last is None and not self.is_patient():
            raise ControllerError(f"{self.deployment_id} has no record; its execution in Step Functions tells why")
        return [self.last] if self.last else []

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or cannot end without a person."""
        status = self.last.status if self.last else Status.PENDING
        return status.is_over or status is Status.ROLLBACK_FAILED

    @property
    def nothing(self) -> str:
        """Say that it has no record yet."""
        return f"{self.deployment_id} has been started, and is not planned yet."

    @property
    def tells_all(self) -> bool:
        """All that happens to it is told."""
        return True


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches: where it is shown, and how time passes there."""

    console: Console
    deployments: Deployments
    now: Callable[[], datetime]
    pause: Callable[[float], object]
    functions: Functions | None = None
    """Who knows where aliases really are; None: nobody is asked."""
    tell: Callable[[Event], None] | None = None
    """Where transitions go instead of the console's lines."""
    ended: Callable[[], str | None] = lambda: None
    """What there is to say when whoever is asked will not answer any more."""

    def watch(self, scene: Scene, deadline: datetime | None = None) -> bool:
        """Show a scene until it is over; False when that has not come by the deadline.

        A look that fails is tried again, but for the first one, and where all has ended; then ControllerError is
        raised.
        """
        if self._is_drawn:
            return self._show(scene, deadline)
        return self._report(scene, deadline)

    def _show(self, scene: Scene, deadline: datetime | None) -> bool:
        aliases = _Aliases(self.functions)
        with Live(console=self.console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            for found, trouble in self._looks(scene, deadline):
                aliases.look(found)
                live.update(self._picture(scene, found, aliases, trouble), refresh=True)
                if scene.is_over:
                    return True
                self.pause(LOOK_SECONDS / 2)
                # Once more between two looks, so that seconds are seen to go by.
                live.update(self._picture(scene, found, aliases, trouble), refresh=True)
        return False

    def _picture(
        self, scene: Scene, found: Sequence[Deployment], aliases: "_Aliases", trouble: str | None
    ) -> Group:
        tree, now = Tree(self.console), self.now()
        sights = [Sight(each, {} if each.status.is_over else aliases.known) for each in found]
        parts = [part for sight in sights for part in (tree.picture(sight, now), Text())]
        parts += [] if found else [line(scene.nothing)]
        return Group(*parts, *([line((trouble, "yellow"))] if trouble else []))

    def _report(self, scene: Scene, deadline: datetime | None) -> bool:
        told: dict[str, int] = {}
        is_first, trouble_told = True, None
        for found, trouble in self._looks(scene, deadline):
            if is_first and not found and self.tell is None:
                self.console.print(line(scene.nothing), soft_wrap=True)
            for deployment in found:
                self._report_one(scene, deployment, told, is_first=is_first)
            if trouble and trouble != trouble_told and self.tell is None:
                self.console.print(line((trouble, "yellow")), soft_wrap=True)
            is_first, trouble_told = False, trouble
            if scene.is_over:
                return True
        return False

    def _report_one(self, scene: Scene, deployment: Deployment, told: dict[str, int], *, is_first: bool) -> None:
        """Tell what is new of a deployment; of one that ran before anybody watched, where it has got to."""
        name = deployment.deployment_id
        if told.get(name) == deployment.sequence:
            return
        events = self.deployments.events(name)
        news = [event for event in events if event.sequence > told.get(name, 0)]
        if is_first and not scene.tells_all:
            news = news[-1:]
        for event in news:
            if self.tell:
                self.tell(event)
            else:
                self.console.print(transition(event), soft_wrap=True)
        told[name] = max([deployment.sequence, *(event.sequence for event in events)])

    def _looks(self, scene: Scene, deadline: datetime | None) -> Iterator[tuple[list[Deployment], str | None]]:
        """Yield what is seen at each look, and what kept it from being seen anew; ends at the deadline."""
        found = scene.look()
        trouble: str | None = None
        while True:
            yield found, trouble
            if deadline is not None and self.now() >= deadline:
                return
            self.pause(LOOK_SECONDS / 2 if self._is_drawn else LOOK_SECONDS)
            try:
                found, trouble = scene.look(), None
            except UnavailableError as error:
                ended = self.ended()
                if ended:
                    raise ControllerError(ended) from error
                trouble = f"{error}; trying again"

    @property
    def _is_drawn(self) -> bool:
        return self.tell is None and self.console.is_terminal


class _Aliases:
    """Where aliases are, each asked for in turn."""

    def __init__(self, functions: Functions | None) -> None:
        self._functions = functions
        self._turn: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.known: dict[str, Routing] = {}

    def look(self, found: Sequence[Deployment]) -> None:
        """Ask for the alias whose turn it is among those of deployments that have not ended."""
        if self._functions is None:
            return
        live = {(m.function, m.alias) for d in found if not d.status.is_over for m in d.members}
        for key in [*self._turn]:
            if key not in live:
                del self._turn[key]
        self._turn.update(dict.fromkeys(sorted(live - self._turn.keys())))
        if not self._turn:
            return
        (function, name), _ = self._turn.popitem(last=False)
        self._turn[function, name] = None
        self.known.pop(f"{function}:{name}", None)
        with suppress(ControllerError):  # who may not ask sees what is on record
            self.known[f"{function}:{name}"] = self._functions.alias(function, name).routing


def transition(event: Event) -> Text:
    """Return one transition as a line."""
    ended = event.transition is Transition.ENDED
    what = (event.status if ended else event.transition).value
    style = STATUS_STYLES[event.status] if ended else ""
    told = line((spell_moment(event.at), "dim"), "  ", (event.target, "bold"), "  ", (f"{what:<11}", style))
    return told.append(line(f"  {event.reason}"))
