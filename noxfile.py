"""One command for each thing that a change needs: ``nox --list`` shows them.

Each session makes an environment of its own below ``.nox``. Arguments after ``--`` go to the
command of the session: ``nox -s tests -- tests/test_origins.py``. ``.ci/run`` runs the same
sessions in environments that it has made itself, with ``--no-venv --no-install``.
"""

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True


def pytest(session: nox.Session, extras: str, *arguments: str, **variables: str) -> None:
    """Run tests with extras, with arguments of the session, and with variables that select them."""
    session.install("-e", f".[{extras}]")
    session.run("pytest", *arguments, *session.posargs, env=variables)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; name files after ``--`` to run some of them."""
    pytest(session, "test", "-n", "auto", "--dist=worksteal")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests, and fail if they reach too little of the package."""
    pytest(session, "test", "-n", "auto", "--dist=worksteal", "--cov", "--cov-report=term")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling, words, imports, security and the tables of figures."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("python", "-m", "tests.words")
    session.run("lint-imports")
    session.run("bandit", "--quiet", "--ini", "setup.cfg")
    session.run("python", "benchmarks/tables.py", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, and that every public name has them."""
    session.install("-e", ".[lint]")
    session.run("mypy")
    # It lists each name, so its output is shown if it fails.
    session.run("pyright", "--verifytypes", "flask_bucketcors", "--ignoreexternal", silent=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the pages that scripts write, and build the site into ``build/site``."""
    session.install("-e", ".[docs]")
    session.run("python", "docs/make_reference.py")
    session.run("python", "docs/make_commands.py")
    session.run("sphinx-build", "-W", "-n", "--quiet", "docs", "build/site")
    session.run("python", "docs/check_site.py", "build/site")


@nox.session
def clients(session: nox.Session) -> None:
    """Run SDKs, old releases of them, commands and packages of npm."""
    pytest(session, "test", "tests/sdks", BUCKETCORS_CLIENTS="1")


@nox.session
def browser(session: nox.Session) -> None:
    """Run pages in Chromium, which has to be installed, with packages of npm."""
    packages = session.create_tmp()
    session.run(
        *("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", packages),
        *("cos-js-sdk-v5", "axe-core"),
        external=True,
    )
    modules = f"{packages}/node_modules"
    pytest(
        session,
        "test,browser",
        *("-n", "2", "--dist=loadfile", "tests/chromium"),
        BUCKETCORS_BROWSER="1",
        BUCKETCORS_AXE=f"{modules}/axe-core/axe.min.js",
        EXAMPLE_COS_JS_SDK=f"{modules}/cos-js-sdk-v5/dist/cos-js-sdk-v5.min.js",
    )


@nox.session
def servers(session: nox.Session) -> None:
    """Run the middleware behind other servers; uwsgi and bjoern need a C compiler and libev."""
    pytest(session, "test,servers", "tests/hosting", "tests/test_uwsgi.py", BUCKETCORS_SERVERS="1")


@nox.session
def applications(session: nox.Session) -> None:
    """Run the middleware around applications of other frameworks."""
    pytest(session, "test,applications", "tests/applications", BUCKETCORS_APPLICATIONS="1")


@nox.session
def hosts(session: nox.Session) -> None:
    """Run several hosts on PostgreSQL and MariaDB; needs ``mariadb-server`` and ``pgbouncer``."""
    options = ("-n", "2", "--dist=worksteal")
    variables = {"BUCKETCORS_HOSTS": "1", "BUCKETCORS_HISTORY_SECONDS": "60"}
    pytest(session, "test,hosts", *options, "tests/several_hosts", **variables)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the code in one place at a time, and see whether the tests notice it."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Search for input that a parser cannot stand, for a minute or ``-- --minutes 10``."""
    session.install("-e", ".[test,fuzz]")
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ("--minutes", "1")))


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Check the speed roughly; name another script of ``benchmarks/`` after ``--``."""
    session.install("-e", ".[bench]")
    script, *options = session.posargs or ("quick.py",)
    session.run("python", f"benchmarks/{script}", *options)


@nox.session
def release(session: nox.Session) -> None:
    """Walk the checklist of a release."""
    session.install(".[release]")
    session.run("python", ".ci/release", *session.posargs)
