"""The table of deployments, made from what the template says of it."""

from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
# What CreateTable takes by the same name; time to live, backups and encryption are set apart from it.
_CREATED = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


@cache
def declared_table() -> dict[str, Any]:
    """Return the properties of the template's table."""
    properties: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]["Deployments"]["Properties"]
    return properties


def make_table(client: Any, name: str) -> str:
    """Create the template's table under another name and return that."""
    declared = declared_table()
    created = {property_: declared[property_] for property_ in _CREATED}
    stream = {"StreamEnabled": True, **declared["StreamSpecification"]}
    client.create_table(TableName=name, StreamSpecification=stream, **created)
    return name
