"""Settings that every test shares."""

import platform
from importlib.util import find_spec

from hypothesis import settings

# A time limit for an example would be an assertion on a clock.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# Packages that have no wheel for PyPy, and what cannot be imported without them. On CPython
# nothing is left out.
_WITHOUT_WHEEL_FOR_PYPY = {
    "cryptography": ["test_cli_check.py"],
    "oss2": [
        "sdks",
        "test_api_signatures.py",
        "test_dialect_documents.py",
        "test_dialects.py",
        "test_example_signatures.py",
        "test_signatures.py",
        "test_signatures_obs.py",
        "test_signatures_oss.py",
        "test_signatures_s3.py",
    ],
}
_LEFT_OUT = {
    name: package
    for package, names in _WITHOUT_WHEEL_FOR_PYPY.items()
    for name in names
    if platform.python_implementation() == "PyPy" and find_spec(package) is None
}
collect_ignore = list(_LEFT_OUT)


def pytest_report_header() -> list[str]:
    """Say what is left out, and why."""
    return [
        f"left out: tests/{name}; {package}, which it needs, has no wheel for PyPy"
        for name, package in _LEFT_OUT.items()
    ]
