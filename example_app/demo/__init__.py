"""The vendors' demo page: a web page on another port that uses the store from a browser.

Because it is on another port, each request of the page to the store is cross-origin. Like a real
page, it has a small server, which signs requests, so that the secret stays out of the browser, and
edits the rules of the bucket by the store's ``?cors`` API. When a request fails, the server calls
:func:`flask_bucketcors.explain` to say why, and can apply the fix.

The server has no login: any program on this machine may use it. Pages of other sites may not,
although they can send requests to 127.0.0.1 from the same browser; see :func:`_refuse_other_sites`.
"""

import os
import socket
import time
from http.client import HTTPException as ConnectionFailed
from pathlib import Path
from threading import Thread

from flask import Flask, Response, abort, jsonify, render_template, request, send_file
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.serving import make_server

from example_app.demo.bucket_rules import BucketRules, StoreRefused
from example_app.demo.client import StoreClient
from example_app.demo.page_request import PageRequest, read_json, read_page_request
from example_app.demo.rule_sets import rule_sets
from flask_bucketcors import Explanation, InvalidRules, RuleSet, TooIntricate, explain, lint
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.any_form import parse_rules

# A page under another name could reach the server by DNS rebinding, and would be same-origin.
TRUSTED_HOSTS = ["127.0.0.1", "localhost"]

# Where npm installs the SDK of the vendor; the page works without it.
SDK_FILE = Path("node_modules", "cos-js-sdk-v5", "dist", "cos-js-sdk-v5.min.js")


def create_demo(client: StoreClient, bucket: str, key: str, initial: RuleSet) -> Flask:
    """Create the server of the page.

    :param client: signs requests and sends them to the store.
    :param bucket: the bucket whose rules the page shows and edits.
    :param key: an object in the bucket that everybody may read.
    :param initial: the rules that the bucket had first.
    """
    demo = Flask(__name__)
    sdk = Path(os.environ.get("EXAMPLE_COS_JS_SDK", SDK_FILE)).absolute()
    stored = BucketRules(client, bucket)

    demo.before_request(_refuse_other_sites)
    demo.after_request(_forbid_frames)
    for failure in (OSError, ConnectionFailed):
        demo.register_error_handler(failure, _store_is_away)
    demo.register_error_handler(StoreRefused, _store_refuses)
    demo.register_error_handler(InvalidRules, _rules_are_invalid)

    @demo.get("/")
    def page() -> str:
        settings = {"store": client.url, "bucket": bucket, "key": key, "sdk": sdk.is_file()}
        return render_template("demo.html", settings=settings)

    @demo.get("/cos-js-sdk-v5.js")
    def vendor_sdk() -> Response:
        return send_file(sdk) if sdk.is_file() else abort(404)

    @demo.post("/sign")
    def sign() -> Response:
        wanted = read_page_request()
        signature = client.sign(wanted.method, wanted.path, wanted.query, time.time())
        return jsonify(authorization=signature)

    _add_rules(demo, stored, initial)
    _add_explanations(demo, client, stored, initial)
    return demo


def _add_rules(demo: Flask, stored: BucketRules, initial: RuleSet) -> None:
    @demo.get("/rules")
    def show_rules() -> Response:
        return _rules_shown(stored, initial)

    @demo.put("/rules")
    def save_rules() -> Response:
        document = read_json().get("document")
        stored.put(parse_rules(document if isinstance(document, str) else "", COS))
        return _rules_shown(stored, initial)

    @demo.put("/rules/<name>")
    def switch_rules(name: str) -> Response:
        known = rule_sets(_origin(), initial)
        stored.put(known[name] if name in known else abort(404))
        return _rules_shown(stored, initial)


def _rules_shown(stored: BucketRules, initial: RuleSet) -> Response:
    """The stored rules, their name if they have one, and what lint finds in them."""
    document = stored.read()
    rules = parse_rules(document) if document else None
    known = rule_sets(_origin(), initial)
    name = next((name for name in known if known[name] == rules), None)
    return jsonify(document=document, name=name, findings=_findings(rules))


def _add_explanations(
    demo: Flask, client: StoreClient, stored: BucketRules, initial: RuleSet
) -> None:
    @demo.post("/explanation")
    def explain_failure() -> Response:
        failed = read_page_request()
        explanation = _explain(stored.parse(), failed)
        return jsonify(
            text=explanation.text,
            fix=_first_fix(explanation),
            responses=list(failed.tries(client, _origin())),
        )

    @demo.post("/fix")
    def apply_fix() -> tuple[Response, int] | Response:
        # Explained again, because a fix is an edit of the rules that it was found for.
        explanation = _explain(stored.parse(), read_page_request())
        if not explanation.fixes or _first_fix(explanation) != read_json().get("fix"):
            return jsonify(error="The rules have changed since: send the request again."), 409
        stored.put(explanation.fixes[0].rules)
        return _rules_shown(stored, initial)


def start_demo(demo: Flask, host: str, port: int) -> bool:
    """Serve the page from a thread of this process; False if the port is in use."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            # Another worker serves the page, or another program uses the port.
            return False
        listener.listen()
        server = make_server(host, port, demo, threaded=True, fd=listener.fileno())
    Thread(target=server.serve_forever, daemon=True).start()
    return True


def _refuse_other_sites() -> None:
    """Let only the page itself edit rules and get signatures.

    Browsers send Origin with each request but GET and HEAD, and a script cannot change it. There
    is no cookie that a page of another site could use, so a token in a form would prove no more.
    GET and HEAD change nothing, and other origins cannot read the responses.
    """
    if not host_is_trusted(request.environ.get("HTTP_HOST"), TRUSTED_HOSTS):
        abort(400)
    if request.method not in ("GET", "HEAD") and request.headers.get("Origin") != _origin():
        abort(403)


def _forbid_frames(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    return response


def _store_is_away(error: Exception) -> tuple[Response, int]:
    return jsonify(error=f"The store does not respond: {error}"), 502


def _store_refuses(error: StoreRefused) -> tuple[Response, int]:
    return jsonify(error=str(error)), 502


def _rules_are_invalid(error: InvalidRules) -> tuple[Response, int]:
    detail = f"The rules are {error.detail or 'refused:'}"
    return jsonify(error="\n".join([detail, *map(str, error.problems)])), 400


def _origin() -> str:
    return request.host_url.rstrip("/")


def _findings(rules: RuleSet | None) -> list[dict[str, str]]:
    try:
        found = lint(rules)
    except TooIntricate as error:
        return [{"title": "lint", "text": f"cannot judge these rules: {error}"}]
    return [
        {
            "title": f"{each.severity}[{each.id}]",
            "text": f"{each.place}: {each.text}\nhelp: {each.help}",
        }
        for each in found
    ]


def _explain(rules: RuleSet | None, failed: PageRequest) -> Explanation:
    return explain(
        rules,
        origin=_origin(),
        method=failed.method,
        headers=failed.headers,
        kind=None,
        response={"console": failed.message},
    )


def _first_fix(explanation: Explanation) -> str | None:
    """What the fix does, and what else it newly allows."""
    return next((f"{each.text} {each.effect}" for each in explanation.fixes), None)
