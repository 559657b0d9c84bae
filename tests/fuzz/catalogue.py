"""All targets by name."""

from tests.fuzz import documents, evidence, grammars, requests
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (documents, evidence, grammars, requests)
    for target in module.TARGETS
}
