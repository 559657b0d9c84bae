"""What the pages say to do with SDKs, done."""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from table import KEYS

from tests.support import ROOT

PAGES = [(ROOT / "docs" / name).read_text() for name in ("api.md", "signatures.md", "from-s3.md")]
BLOCKS = re.findall(r"```python\n(# sdk: .*?)```", "".join(PAGES), re.S)


@pytest.fixture
def bucket(example_port: int) -> str:
    """The bucket that the example begins with, where one is not asked to begin without."""
    name = "examplebucket-1250000000"
    address = f"http://127.0.0.1:{example_port}"
    keys = dict(zip(("aws_access_key_id", "aws_secret_access_key"), KEYS, strict=True))
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket=name)
    client.close()
    return name


# The page leaves to the end of the program what is to be closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_blocks_for_a_running_example_run(
    example_port: int,
    bucket: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) == 4
    for block in BLOCKS:
        here, port = re.subn(r"(127\.0\.0\.1:|Port=)5000\b", rf"\g<1>{example_port}", block)
        assert port
        names: dict[str, Any] = {}
        exec(here, names)
        assert "https://www.example.com" in capsys.readouterr().out
