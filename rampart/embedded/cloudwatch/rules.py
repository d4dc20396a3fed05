"""The rule of a composite alarm: parsed once, evaluated against the states of its children."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from rampart.embedded.cloudwatch.checks import invalid

ALARM, OK, INSUFFICIENT_DATA = "ALARM", "OK", "INSUFFICIENT_DATA"
StateOf = Callable[[str], str]

_TOKEN = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[^\s()\"]+))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE|true|false)\b|(?P<mark>[()]))"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed AlarmRule: the names of its children, and whether it holds given their states."""

    children: tuple[str, ...]
    holds: Callable[[StateOf], bool]


def parse_rule(text: str) -> Rule:
    """Parse an AlarmRule (CloudWatch API: PutCompositeAlarm, AlarmRule); NOT binds before AND before OR."""
    if len(text) > 10_240:
        raise invalid("AlarmRule has at most 10240 characters.")
    parser = _Parser(text)
    rule = parser.whole()
    if len(parser.children) > 100:
        raise invalid("AlarmRule refers to at most 100 alarms.")
    return Rule(tuple(parser.children), rule)


def _always(value: bool) -> Callable[[StateOf], bool]:
    return lambda _state: value


class _Parser:
    """Reads one rule by recursive descent."""

    def __init__(self, text: str) -> None:
        self.children: dict[str, None] = {}
        self._text = text
        self._tokens: list[re.Match[str]] = []
        place, text_end = 0, len(text.rstrip())
        while place < text_end:
            token = _TOKEN.match(text, place)
            if token is None:
                raise self._unclear(f"what begins at {text[place:].strip()[:20]!r}")
            self._tokens.append(token)
            place = token.end()

    def whole(self) -> Callable[[StateOf], bool]:
        """Read the whole rule."""
        rule = self._either()
        if self._tokens:
            raise self._unclear(f"{self._tokens[0].group().strip()!r}")
        return rule

    def _either(self) -> Callable[[StateOf], bool]:
        parts = [self._both()]
        while self._take("OR"):
            parts.append(self._both())
        return lambda state: any(part(state) for part in parts)

    def _both(self) -> Callable[[StateOf], bool]:
        parts = [self._one()]
        while self._take("AND"):
            parts.append(self._one())
        return lambda state: all(part(state) for part in parts)

    def _one(self) -> Callable[[StateOf], bool]:
        if self._take("NOT"):
            negated = self._one()
            return lambda state: not negated(state)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._unclear("a missing closing parenthesis")
            return inner
        for word, value in (("TRUE", True), ("FALSE", False)):
            if self._take(word):
                return _always(value)
        if self._tokens and (wanted := self._tokens[0]["state"]):
            token = self._tokens.pop(0)
            name = (token["quoted"] or token["bare"]).rpartition(":alarm:")[2]  # a name, or the alarm's ARN
            self.children[name] = None
            return lambda state: state(name) == wanted
        raise self._unclear("an operand that is missing")

    def _take(self, text: str) -> bool:
        if self._tokens and text in ((self._tokens[0]["word"] or "").upper(), self._tokens[0]["mark"]):
            self._tokens.pop(0)
            return True
        return False

    def _unclear(self, what: str) -> Exception:
        return invalid(f"AlarmRule is not understood because of {what}: {self._text}")
