"""Function URLs: their records, of $LATEST and of aliases, never of versions."""

from tests.embedded.lambda_account import ARN, Account, refused


def account_with_alias() -> Account:
    """Return an account whose function shop has version 1 and alias live."""
    account = Account()
    account.create()
    account.clock.advance(1)
    account.call("PublishVersion", FunctionName="shop")
    account.clock.advance(1)
    account.call("CreateAlias", FunctionName="shop", Name="live", FunctionVersion="1")
    return account


def test_a_function_and_its_aliases_have_a_url_each() -> None:
    account = account_with_alias()
    own = account.call("CreateFunctionUrlConfig", FunctionName="shop", AuthType="NONE")
    live = account.call("CreateFunctionUrlConfig", FunctionName="shop", Qualifier="live", AuthType="AWS_IAM")
    assert (own["FunctionArn"], live["FunctionArn"]) == (ARN, f"{ARN}:live")
    assert own["FunctionUrl"] != live["FunctionUrl"]
    listed = account.call("ListFunctionUrlConfigs", FunctionName="shop")["FunctionUrlConfigs"]
    assert [each["AuthType"] for each in listed] == ["NONE", "AWS_IAM"]
    again = refused(account.call, "CreateFunctionUrlConfig", FunctionName="shop", AuthType="NONE")
    assert again.code == "ResourceConflictException"


def test_a_version_has_none_and_an_alias_must_be_there() -> None:
    call = account_with_alias().call
    for qualifier, code in (("1", "ValidationException"), ("beta", "ResourceNotFoundException")):
        error = refused(call, "CreateFunctionUrlConfig", FunctionName="shop", Qualifier=qualifier, AuthType="NONE")
        assert error.code == code
