"""One maker per CloudFormation resource type that the embedded AWS can create."""

from rampart.embedded.cloudformation.resources import (
    functions,
    messaging,
    monitoring,
    roles,
    state_machine,
    storage,
)
from rampart.embedded.cloudformation.resources.maker import (
    MAKERS,
    Deployment,
    Resource,
    check_supported,
    physical_name,
)

__all__ = [
    "MAKERS",
    "Deployment",
    "Resource",
    "check_supported",
    "functions",
    "messaging",
    "monitoring",
    "physical_name",
    "roles",
    "state_machine",
    "storage",
]
