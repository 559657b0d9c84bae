"""The vendors' demo page: a web page on another port that uses the store from a browser.

Because it is on another port, each request of the page to the store is cross-origin. Like a real
page, it has a small server, which signs requests, so that the secret stays out of the browser, and
switches the rules of the bucket by the store's ``?cors`` API. When a request fails, the server
calls :func:`flask_bucketcors.explain` to say why.
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

from example_app.demo.client import StoreClient, StoreResponse
from example_app.demo.page_request import read_page_request
from example_app.demo.rule_sets import rule_sets
from flask_bucketcors import explain

# The server signs for its own page only. A page under another name could reach it by DNS rebinding.
TRUSTED_HOSTS = ["127.0.0.1", "localhost"]

# Where npm installs the SDK of the vendor; the page works without it.
SDK_FILE = Path("node_modules", "cos-js-sdk-v5", "dist", "cos-js-sdk-v5.min.js")


def create_demo(client: StoreClient, bucket: str, key: str) -> Flask:
    """Create the server of the page.

    :param client: signs requests and sends them to the store.
    :param bucket: the bucket whose rules the page switches.
    :param key: an object in the bucket that everybody may read.
    """
    demo = Flask(__name__)
    sdk = Path(os.environ.get("EXAMPLE_COS_JS_SDK", SDK_FILE)).absolute()

    demo.before_request(_check_host)
    demo.after_request(_forbid_frames)
    for failure in (OSError, ConnectionFailed):
        demo.register_error_handler(failure, _store_is_away)

    @demo.get("/")
    def page() -> str:
        settings = {"store": client.url, "bucket": bucket, "key": key, "sdk": sdk.is_file()}
        return render_template("demo.html", settings=settings)

    @demo.get("/cos-js-sdk-v5.js")
    def vendor_sdk() -> Response:
        return send_file(sdk) if sdk.is_file() else abort(404)

    @demo.get("/rules")
    def show_rules() -> Response:
        return _shown(client.call("GET", f"/{bucket}/?cors"))

    @demo.put("/rules/<name>")
    def switch_rules(name: str) -> Response:
        rules = rule_sets(_origin())
        if name not in rules:
            abort(404)
        wanted = rules[name]
        if wanted is None:
            return _shown(client.call("DELETE", f"/{bucket}/?cors"))
        return _shown(client.call("PUT", f"/{bucket}/?cors", wanted.encode()))

    @demo.post("/sign")
    def sign() -> Response:
        wanted = read_page_request()
        signature = client.sign(wanted.method, wanted.path, wanted.query, time.time())
        return jsonify(authorization=signature)

    @demo.post("/explanation")
    def explain_failure() -> Response:
        failed = read_page_request()
        rules = client.call("GET", f"/{bucket}/?cors")
        explanation = explain(
            rules.body if rules.status == 200 else None,
            origin=_origin(),
            method=failed.method,
            headers=failed.headers,
            kind=None,
        )
        return jsonify(text=explanation.text, responses=list(failed.tries(client, _origin())))

    return demo


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


def _check_host() -> None:
    if not host_is_trusted(request.environ.get("HTTP_HOST"), TRUSTED_HOSTS):
        abort(400)


def _forbid_frames(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    return response


def _store_is_away(error: Exception) -> tuple[Response, int]:
    return jsonify(error=f"The store does not respond: {error}"), 502


def _origin() -> str:
    return request.host_url.rstrip("/")


def _shown(response: StoreResponse) -> Response:
    return jsonify(status=response.status, body=response.body.decode("utf-8", "replace"))
