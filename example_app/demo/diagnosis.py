"""In words, what is missing when a request of the page has failed.

A page learns nothing from its browser but that it failed. Its server can ask the store the same
question and read the answer, and it may read the rules.
"""

from typing import Any
from urllib.parse import quote

from example_app.demo.asked import Asked
from example_app.demo.client import Answer, StoreClient
from flask_bucketcors import CompiledRules, Reason, RuleSet


def diagnose(
    client: StoreClient,
    rules: RuleSet | None,
    origin: str,
    request: Asked,
) -> dict[str, Any]:
    """Say why a request fails, and show what the store answers to its preflight and to a GET.

    :param rules: the rules of the bucket; None if it has none.
    """
    path = quote(request.path)
    names = ",".join(sorted(name.lower() for name in request.headers))
    asked = {"Origin": origin, "Access-Control-Request-Method": request.method}
    if names:
        asked["Access-Control-Request-Headers"] = names
    preflight = client.send("OPTIONS", path, asked)
    plain = client.send("HEAD", path, {"Origin": origin})
    return {
        "words": _words(rules, origin, request.method, names),
        "answers": [
            _shown(f"OPTIONS {path} (the preflight)", preflight),
            _shown(f"HEAD {path} (any other request)", plain),
        ],
    }


def _words(rules: RuleSet | None, origin: str, method: str, names: str) -> str:
    if rules is None:
        return "The bucket has no rules, so every cross-origin request is refused."
    decision = CompiledRules(rules).preflight(origin, method, names)
    return {
        None: "The rules allow this request, so the reason is another one: see the answers.",
        Reason.ORIGIN: f"No rule has the AllowedOrigin {origin}.",
        Reason.METHOD: f"No rule for this origin has the AllowedMethod {method}.",
        Reason.HEADERS: f"No rule for this origin and method has every AllowedHeader of: {names}.",
    }[decision.reason]


def _shown(request: str, answer: Answer) -> dict[str, Any]:
    return {"request": request, "status": answer.status, "headers": answer.headers}
