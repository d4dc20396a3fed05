"""The tutorial, typed as it stands there, from an empty account on; only the package is deployed by other means."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rampart.embedded.aws import EmbeddedAws
from tests.e2e.command_line import Ran, Terminal
from tests.sam_template import ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


class Reader:
    """Somebody who types the blocks one after the other into one shell."""

    def __init__(self, aws: EmbeddedAws, home: Path) -> None:
        self._aws = aws
        self._terminal = Terminal(aws.url, home)
        self._blocks = iter(BLOCKS)
        self.shell = home / "shell"
        self.shell.write_text("")

    def type(self, begin: str) -> Ran:
        """Type the next block, which begins with these words, in the shell as the blocks before have left it."""
        block = next(self._blocks)
        assert block.startswith(begin), block
        remember = f"export -p >{self.shell}; echo cd $PWD >>{self.shell}"
        ran = self._terminal.run(f". {self.shell}\nsleep() {{ :; }}\n{block}\n{remember}")
        assert ran.code == 0, ran.err
        return ran

    def deploy(self, begin: str) -> None:
        """Do what the next block does, which builds the package and deploys it."""
        block = next(self._blocks)
        assert block.startswith(begin), block
        values = self._terminal.run(
            f". {self.shell}\necho {block.partition('--parameter-overrides')[2]}"
        ).out.split()
        (name,) = re.findall(r"--stack-name (\S+)", block)
        stack = self._aws.deploy(ROOT / "template.yaml", name, dict(value.split("=") for value in values))
        outputs = {"TABLE": stack.outputs["TableName"], "CONTROL_FUNCTION": stack.outputs["ControlFunctionName"]}
        named = "".join(f"export RAMPART_{output}={value}\n" for output, value in outputs.items())
        self.shell.write_text(self.shell.read_text() + named)


@contextmanager
def customers(aws: EmbeddedAws, order: Path) -> Iterator[None]:
    """Invoke the alias as the second terminal does, but twenty times a second."""
    client, closed = aws.client("lambda"), threading.Event()

    def buy() -> None:
        while not closed.wait(0.05):
            client.invoke(FunctionName="checkout", Qualifier="live", Payload=order.read_bytes())["Payload"].read()

    thread = threading.Thread(target=buy, daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join(10)


def test_the_tutorial_leads_from_an_empty_account_to_a_promotion_and_a_rollback(tmp_path: Path) -> None:
    with EmbeddedAws(1.0) as aws:
        reader = Reader(aws, tmp_path)
        reader.type("export AWS_DEFAULT_REGION")
        reader.type("aws s3api create-bucket")
        reader.deploy("make build")
        assert reader.type("rampart status").out == "No deployment is running or waiting.\n"
        reader.type("mkdir -p tutorial")
        assert '"total": 6' in reader.type("aws lambda publish-version").out
        reader.type("aws cloudwatch put-metric-alarm")
        assert "can be used" in reader.type("cat >checkout.json").out
        with customers(aws, tmp_path / "tutorial/order.json"):
            reader.type("sed -i")
            assert "PROMOTED" in reader.type("rampart deploy checkout").out
            reader.type("sed -i")
            shown = reader.type("echo").out
            assert "not promoted, says exit code 1" in shown
            assert "ROLLED_BACK" in shown
            assert "alarm checkout-errors" in shown or "fails more" in shown
        answer = aws.client("lambda").invoke(
            FunctionName="checkout", Qualifier="live", Payload=b'{"price":1,"count":7}'
        )
        assert json.loads(answer["Payload"].read())["release"] == 2
        reader.type("aws ssm delete-parameter")
        assert aws.authoriser.denials == []
