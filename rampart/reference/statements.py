"""The policy statements of a template, each with the comment in which it says why it is there.

The comment stands after the statement's Sid, and a plain reading of YAML loses it; so the template is read as a
tree of nodes that know their lines. Where an alias repeats an anchor's statement, it repeats its comment too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from rampart.reference.page import DocumentError

_SID = re.compile(r"\bSid: *(?P<sid>\w+) *(?:# *(?P<why>.*?) *)?$")
_ARN = re.compile(
    r"arn:(?:aws|\$\{AWS::Partition\}):(?P<service>[a-z0-9-]+):(?:\$\{AWS::Region\})?:(?:\$\{AWS::AccountId\})?:(?P<name>.+)"
)
_ARN_OF = re.compile(r"\$\{(?P<name>\w+)\.Arn\}")
_NEEDED = {"Action", "Resource"}
_KNOWN = {"Sid", "Effect", "Principal", "Condition", *_NEEDED}
_OPERATORS = {"StringEquals": "is", "StringLike": "is like", "ArnEquals": "is", "ArnLike": "is like"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that one resource of a template may do, in words."""

    owner: str
    """The logical id of the function, state machine or policy that has the statement."""
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[str, ...]
    principals: tuple[str, ...]
    """Who may, in the policy of a resource; nobody is named in the policy of a role."""
    why: str


def statements(template: str) -> list[Statement]:
    """Return every statement of a template in its order; raises DocumentError for one that does not say why."""
    resources = _resources(template)
    reader = _Reader(template.splitlines(), set(resources))
    return [reader.read(owner, node) for owner, each in resources.items() for node in _statement_nodes(each)]


def descriptions(template: str) -> dict[str, str]:
    """Return what each resource of a template says of itself, by its logical id; "" when it says nothing."""
    found = {}
    for owner, resource in _resources(template).items():
        properties = _entries(resource).get("Properties")
        said = _entries(properties).get("Description") if properties else None
        found[owner] = str(said.value) if said else ""
    return found


def shortened(arn: str) -> str:
    """Return an ARN of the stack's own account and region as service and name; anything else as it is."""
    found = _ARN.fullmatch(arn)
    return f"{found['service']} `{found['name']}`" if found else f"`{arn}`"


def _resources(template: str) -> dict[str, yaml.Node]:
    try:
        root = yaml.compose(template, yaml.SafeLoader)
        return _entries(_entries(root)["Resources"]) if root else {}
    except (yaml.YAMLError, KeyError) as error:
        raise DocumentError(f"template.yaml cannot be read: {' '.join(str(error).split())}") from error


def _entries(node: yaml.Node) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _statement_nodes(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Yield every node that is a statement, however deep in a resource."""
    if isinstance(node, yaml.MappingNode):
        entries = _entries(node)
        if "Effect" in entries:
            yield node
            return
        for value in entries.values():
            yield from _statement_nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for found in (found for value in node.value for found in _statement_nodes(value)):
            if node.tag == "!If":
                raise DocumentError(f"template.yaml: line {found.start_mark.line + 1}: the table cannot tell !If")
            yield found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads statements out of the nodes of one template."""

    lines: list[str]
    resources: set[str]

    def read(self, owner: str, node: yaml.MappingNode) -> Statement:
        entries = _entries(node)
        sid, why = self._sid_and_why(owner, node)
        where = f"template.yaml: {owner}: {sid}"
        odd = [*sorted(entries.keys() - _KNOWN), *(f"no {name}" for name in sorted(_NEEDED - entries.keys()))]
        if odd or entries["Effect"].value != "Allow":
            fault = odd[0] if odd else f"Effect {entries['Effect'].value}"
            raise DocumentError(f"{where} has {fault}, which the table cannot tell")
        principals = _entries(entries["Principal"]).values() if "Principal" in entries else ()
        return Statement(
            owner=owner,
            sid=sid,
            actions=tuple(each.value for each in _listed(entries["Action"])),
            resources=tuple(self._spelt(each, where) for each in _listed(entries["Resource"])),
            conditions=tuple(self._conditions(entries.get("Condition"), where)),
            principals=tuple(self._spelt(each, where) for named in principals for each in _listed(named)),
            why=why,
        )

    def _sid_and_why(self, owner: str, node: yaml.MappingNode) -> tuple[str, str]:
        at = next((key.start_mark.line for key, _ in node.value if key.value == "Sid"), None)
        if at is None:
            line = node.start_mark.line + 1
            raise DocumentError(f"template.yaml: {owner}: the statement at line {line} has no Sid; name it")
        found = _SID.search(self.lines[at])
        if not found or not found["why"]:
            sid = found["sid"] if found else f"the statement at line {at + 1}"
            raise DocumentError(
                f"template.yaml: {owner}: {sid} does not say why it is there: write Sid: {sid} # why"
            )
        return found["sid"], found["why"]

    def _conditions(self, node: yaml.Node | None, where: str) -> Iterator[str]:
        for operator, keys in _entries(node).items() if node else ():
            for key, value in _entries(keys).items():
                wanted = " or ".join(self._spelt(each, where) for each in _listed(value))
                yield f"`{key}` {_OPERATORS.get(operator, operator)} {wanted}"

    def _spelt(self, node: yaml.Node, where: str) -> str:
        """Return a value in words: what the template names by its name there, an ARN by service and name."""
        match node.tag, node.value:
            case "!GetAtt", str(named):
                return f"`{named.removesuffix('.Arn')}`"
            case "!Ref", str(named):
                return f"`{named}`" if named in self.resources else f"`${{{named}}}`"
            case "!Sub" | "tag:yaml.org,2002:str", "*":
                return "any"
            case "!Sub" | "tag:yaml.org,2002:str", str(text):
                return shortened(_ARN_OF.sub(r"\g<name>", text))
            case _:
                line = node.start_mark.line + 1
                raise DocumentError(f"{where}: line {line} is neither !Ref nor !GetAtt nor !Sub nor text")


def _listed(node: yaml.Node) -> list[yaml.Node]:
    listed = isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq"
    return list(node.value) if listed else [node]
