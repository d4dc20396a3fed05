"""EventBridge's schema registry, as much of it as there is."""

from typing import Any

import pytest

from rampart.embedded.schemas import SchemasModel
from rampart.embedded.wire import ApiError, Call

SCHEMA = {"RegistryName": "lambda-testevent-schemas", "SchemaName": "_checkout-schema"}


def call(model: SchemasModel, operation: str, **params: Any) -> dict[str, Any]:
    """Make one call."""
    return model.handle(Call("schemas", operation, "AKIAPERSON", params))


def refused(model: SchemasModel, operation: str, **params: Any) -> tuple[str, int]:
    """Return the code and the status with which a call is refused."""
    with pytest.raises(ApiError) as error:
        call(model, operation, **params)
    return error.value.code, error.value.status


@pytest.fixture
def model() -> SchemasModel:
    """Return a registry with one schema."""
    model = SchemasModel()
    call(model, "CreateRegistry", RegistryName="lambda-testevent-schemas")
    call(model, "CreateSchema", **SCHEMA, Type="OpenApi3", Content="{}")
    return model


def test_a_schema_is_described_in_its_latest_version(model: SchemasModel) -> None:
    call(model, "UpdateSchema", **SCHEMA, Content='{"openapi": "3.0.0"}')
    assert call(model, "DescribeSchema", **SCHEMA) == {
        "SchemaName": "_checkout-schema",
        "SchemaArn": "arn:aws:schemas:eu-west-1:123456789012:schema/lambda-testevent-schemas/_checkout-schema",
        "SchemaVersion": "2",
        "Type": "OpenApi3",
        "Content": '{"openapi": "3.0.0"}',
    }


def test_what_is_not_there_is_not_found(model: SchemasModel) -> None:
    other = SCHEMA | {"SchemaName": "_basket-schema"}
    assert refused(model, "DescribeSchema", **other) == ("NotFoundException", 404)
    assert refused(model, "UpdateSchema", **other, Content="{}") == ("NotFoundException", 404)
    nowhere = SCHEMA | {"RegistryName": "others"}
    assert refused(model, "DescribeSchema", **nowhere) == ("NotFoundException", 404)


def test_what_is_there_is_not_made_again(model: SchemasModel) -> None:
    again = SCHEMA | {"Type": "OpenApi3", "Content": "{}"}
    assert refused(model, "CreateSchema", **again) == ("ConflictException", 409)
    assert refused(model, "CreateRegistry", RegistryName=SCHEMA["RegistryName"]) == ("ConflictException", 409)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"SchemaName": "a b"}, "BadRequestException"),
        ({"SchemaName": "s" * 386}, "BadRequestException"),
        ({"SchemaVersion": "1"}, "NotImplementedException"),
    ],
    ids=["letters", "length", "version"],
)
def test_what_the_api_does_not_take_is_refused(model: SchemasModel, params: dict[str, Any], code: str) -> None:
    assert refused(model, "DescribeSchema", **(SCHEMA | params))[0] == code
    assert refused(model, "DeleteSchema", **SCHEMA) == ("NotImplementedException", 501)
