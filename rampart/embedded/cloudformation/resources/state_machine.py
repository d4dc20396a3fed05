"""Step Functions state machines."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rampart.embedded.cloudformation.resources.maker import Resource, made, makes
from rampart.embedded.moto_guard import STATES_KEY

_SUBSTITUTION = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


@makes(
    "AWS::StepFunctions::StateMachine",
    used="Definition DefinitionS3Location DefinitionString DefinitionSubstitutions LoggingConfiguration RoleArn "
    "StateMachineName StateMachineType Tags TracingConfiguration",
)
def _state_machine(resource: Resource) -> dict[str, Any]:
    properties = resource.properties
    name = resource.name("StateMachineName", 80)
    resource.deployment.roles.assume(resource.required("RoleArn"), "states.amazonaws.com", STATES_KEY)
    answer = resource.call(
        "stepfunctions",
        "CreateStateMachine",
        name=name,
        definition=_definition(resource),
        roleArn=resource.required("RoleArn"),
        type=properties.get("StateMachineType", "STANDARD"),
        # moto keeps both of these without writing logs or traces.
        loggingConfiguration=_lower_camel(properties.get("LoggingConfiguration")),
        tracingConfiguration=_lower_camel(properties.get("TracingConfiguration")),
        tags=_lower_camel(properties.get("Tags")),
    )
    arn = answer["stateMachineArn"]
    resource.on_remove("stepfunctions", "DeleteStateMachine", stateMachineArn=arn)
    return made(arn, Arn=arn, Name=name)


def _definition(resource: Resource) -> str:
    """Return the definition, from whichever property holds it, with its substitutions made."""
    properties = resource.properties
    if "DefinitionS3Location" in properties:
        place = properties["DefinitionS3Location"]
        stored = resource.call(
            "s3", "GetObject", Bucket=place["Bucket"], Key=place["Key"], VersionId=place.get("Version")
        )
        text = stored["Body"].read().decode()
    elif "DefinitionString" in properties:
        text = properties["DefinitionString"]
    elif "Definition" in properties:
        text = json.dumps(properties["Definition"])
    else:
        raise resource.error("there is no definition")
    return _substitute(resource, text, properties.get("DefinitionSubstitutions", {}))


def _substitute(resource: Resource, text: str, substitutions: Mapping[str, Any]) -> str:
    named = set(_SUBSTITUTION.findall(text))
    if missing := sorted(named - substitutions.keys()):
        raise resource.error(f"the definition needs a substitution for {', '.join(missing)}")
    if unused := sorted(substitutions.keys() - named):
        raise resource.error(f"the definition does not use the substitution {', '.join(unused)}")
    text = _SUBSTITUTION.sub(lambda match: _written(substitutions[match[1]]), text)
    try:
        json.loads(text)
    except ValueError as error:
        raise resource.error(f"the definition is not valid JSON: {error}") from error
    return text


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _lower_camel(value: Any) -> Any:
    """Return `value` with its keys in lower camel case, as the Step Functions API has them."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lower_camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_lower_camel(item) for item in value]
    return value
