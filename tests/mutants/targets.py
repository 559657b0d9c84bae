"""Which modules are changed, and which tests should notice."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

PACKAGE: Final = "flask_bucketcors"


@dataclass(frozen=True)
class Target:
    """Modules that the same tests are about.

    :param pattern: which modules, below the package.
    :param tests: test files in stages, without ``test_``; the first to notice ends the run.
    :param is_security: whether a fault here could open what is closed.
    """

    pattern: str
    tests: tuple[str, ...]
    is_security: bool = False

    def stages(self) -> list[list[str]]:
        """The files of each stage."""
        return [_files(stage.split()) for stage in self.tests]

    def last_stage(self) -> list[str]:
        """The files that look at what the stages let pass."""
        known = " ".join(self.tests).split()
        return _files([name for name in WIDER.split() if name not in known])


def _files(names: list[str]) -> list[str]:
    return [f"tests/test_{name}.py" for name in names]


# Fast, and about all that decides requests. They run for what the stages let pass.
WIDER: Final = """
    warm_and_cold resolvers hot_path rules_cache wildcards origins rules bodies documents
    middleware hostile_requests past_attacks compiled dialects api api_vendor_signatures
    signatures corpus_cos corpus_s3 corpus_others explain lint diff evidence error_responses
"""

#: The first that fits a module counts.
TARGETS: Final = (
    Target("core/reserved.py", ("reserved resolvers", "misleading_urls warm_and_cold"), True),
    Target("core/request.py", ("request", "resolvers dot_segments middleware"), True),
    Target("core/outcomes.py", ("outcomes", "middleware reserved dot_segments"), True),
    Target(
        "core/resolvers.py",
        ("resolvers warm_and_cold", "routes hot_path middleware past_attacks"),
        True,
    ),
    Target("core/bucket_paths.py", ("routes resolvers", "reserved warm_and_cold"), True),
    Target("routes.py", ("routes reserved", "cli_routes misleading_urls"), True),
    Target(
        "wsgi/hot_path.py",
        ("hot_path warm_and_cold", "middleware past_attacks hostile_requests"),
        True,
    ),
    Target("wsgi/rules_cache.py", ("rules_cache", "middleware hot_path warm_and_cold"), True),
    Target("wsgi/kept_rules.py", ("kept_rules rules_cache", "default_rules hot_path"), True),
    Target(
        "signatures/cos.py",
        ("signatures_cos past_attacks", "api_vendor_signatures signatures"),
        True,
    ),
    Target("signatures/oss.py", ("signatures_oss", "signatures", "api_vendor_signatures"), True),
    Target("signatures/s3.py", ("signatures_s3", "signatures", "api_vendor_signatures"), True),
    Target("signatures/obs.py", ("signatures_obs", "signatures"), True),
    Target(
        "signatures/*.py",
        (
            "signatures_cos",
            "signatures_obs signatures_oss signatures_s3",
            "signatures past_attacks",
        ),
        True,
    ),
    Target("core/hosts.py", ("resolvers hot_path", "origins past_attacks"), True),
    Target("core/bucket_names.py", ("stores rules_cache", "api middleware"), True),
    Target("core/origins.py", ("origins", "compiled rules"), True),
    Target("core/wildcards.py", ("wildcards origins", "compiled"), True),
    Target("core/headers.py", ("rules", "compiled dialects"), True),
    Target("core/compiled.py", ("compiled", "dialects middleware hot_path"), True),
    Target("core/grants.py", ("compiled", "dialects middleware"), True),
    Target("core/fields.py", ("rules", "origins compiled extra_methods"), True),
    Target("core/rules.py", ("rules", "compiled documents")),
    Target("core/dialects/*.py", ("dialects", "dialect_documents", "corpus_s3 corpus_others")),
    Target("core/errors.py", ("dialects dialect_documents", "rules documents")),
    Target("core/browser.py", ("browser_checks page_outcomes", "evidence")),
    Target("core/rule_edits.py", ("rule_edits", "explain_fixes")),
    Target("core/*.py", ("rules compiled", "explain lint")),
    Target(
        "api/rules_writer.py",
        ("rules_writer write_preview put_review", "extra_methods api bucket_lifetime cli"),
        True,
    ),
    Target("api/write_preview.py", ("write_preview",)),
    Target("api/put_review.py", ("put_review rules_writer write_preview", "api cli")),
    Target("api/observed_writes.py", ("change_log", "rules_writer cli_changes"), True),
    Target("api/change_summary.py", ("change_log", "cli_changes")),
    Target("wsgi/environ.py", ("request", "middleware"), True),
    Target("wsgi/rules_calls.py", ("middleware reserved", "dot_segments flask"), True),
    Target("wsgi/merged_headers.py", ("hot_path warm_and_cold", "middleware"), True),
    Target("analysis/evidence/*.py", ("evidence", "explain")),
    Target("analysis/explainer/*.py", ("explain", "explain_fixes")),
    Target("analysis/linter/*.py", ("lint", "put_review")),
    Target("analysis/algebra/*.py", ("algebra diff", "lint")),
    Target("analysis/*.py", ("explain lint", "diff explain_fixes evidence")),
)


def modules(root: Path) -> Iterator[tuple[str, Target]]:
    """Give the modules to change, with what they belong to."""
    for path in sorted((root / PACKAGE).rglob("*.py")):
        name = path.relative_to(root / PACKAGE).as_posix()
        target = next((each for each in TARGETS if fnmatch(name, each.pattern)), None)
        if target is not None:
            yield f"{PACKAGE}/{name}", target
