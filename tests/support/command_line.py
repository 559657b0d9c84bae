"""Runs ``flask bucketcors`` in the process of the tests, and checks its exit code."""

from click.testing import CliRunner, Result
from flask import Flask

from flask_bucketcors.cli import bucketcors


def invoke(
    *arguments: object,
    app: Flask | None = None,
    code: int = 0,
    input: str | bytes | None = None,
) -> Result:
    """Run a command.

    :param app: the application that it runs on; None for a command that needs none.
    :param code: the exit code that it has to end with.
    """
    runner = CliRunner() if app is None else app.test_cli_runner()
    result = runner.invoke(bucketcors, list(map(str, arguments)), input=input)
    assert result.exit_code == code, (result.output, result.exception)
    return result
