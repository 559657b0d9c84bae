"""The console of the rules, for one administrator with a password.

A real application asks its own login who somebody is. Here, Flask-HTTPAuth asks the browser.
"""

import os
import secrets
from hmac import compare_digest
from pathlib import Path

from flask import Flask, Response
from flask_httpauth import HTTPBasicAuth

from flask_bucketcors import ConsoleCall, ConsoleOptions

ADMINISTRATOR = "admin"


def console_options(app: Flask, folder: Path) -> ConsoleOptions:
    """Let the administrator use the console, and sign its forms.

    :param folder: keeps the password, and the key that signs forms, for all workers.
    """
    app.secret_key = app.secret_key or _kept_secret(folder / "secret-key")
    auth = HTTPBasicAuth(realm="console")

    def verify(user: str, given: str) -> str | None:
        is_right = compare_digest(given.encode(), console_password(folder).encode())
        return user if is_right and user == ADMINISTRATOR else None

    auth.verify_password(verify)
    # Gives the name, or the response that makes the browser ask for a password.
    current_user = auth.login_required(lambda: auth.current_user())

    def authorize(call: ConsoleCall) -> str | Response:
        who: str | Response = current_user()
        return who

    return ConsoleOptions(authorize)


def console_password(folder: Path) -> str:
    """Give the password of the administrator, which is made up at the first start."""
    return os.environ.get("EXAMPLE_CONSOLE_PASSWORD") or _kept_secret(folder / "console-password")


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    candidate.touch(0o600)
    candidate.write_text(secrets.token_urlsafe(12))
    try:
        # Another worker may have been first; then its secret counts.
        os.link(candidate, path)
    except FileExistsError:
        pass
    finally:
        candidate.unlink()
    secret = path.read_text().strip()
    if not secret:
        # Anyone could guess it.
        raise ValueError(f"{str(path)!r} is empty: write a secret there, or delete the file")
    return secret
