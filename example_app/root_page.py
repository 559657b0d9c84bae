"""A page for a person who opens the address that Flask prints.

An SDK lists the buckets at this address. Its requests are signed, and do not ask for HTML.
"""

from flask import Blueprint, Response, make_response, render_template, request

from example_app.addressing import Level, find_target
from example_app.example_bucket import SEEDED_BUCKET, SEEDED_OBJECT, find_trial
from example_app.storage import Storage
from flask_bucketcors import Store


def create_root_page(
    storage: Storage, store: Store, host_suffix: str, demo_url: str | None
) -> Blueprint:
    """Create the blueprint of the page.

    :param store: has the rules of the example bucket.
    :param host_suffix: see :func:`~example_app.addressing.find_target`.
    :param demo_url: the address of the demo page; None if there is none.
    """
    blueprint = Blueprint("root_page", __name__)

    # Not a route: the URL belongs to the store, which is to see all other requests.
    @blueprint.before_app_request
    def show() -> Response | None:
        is_root = find_target(request.environ, host_suffix).level is Level.SERVICE
        return _page() if is_root and _is_for_a_person() else None

    def _page() -> Response:
        store_url = request.host_url.rstrip("/")
        exists = storage.bucket_exists(SEEDED_BUCKET)
        trial = find_trial(store.get(SEEDED_BUCKET)) if exists else None
        response = make_response(
            render_template(
                "root.html",
                bucket=SEEDED_BUCKET,
                object_url=f"{store_url}/{SEEDED_BUCKET}/{SEEDED_OBJECT}",
                demo_url=demo_url,
                outcome=trial and trial.outcome,
                command=trial and trial.command(store_url),
            )
        )
        response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
        # The rules may change, and SDKs get something else here.
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint


def _is_for_a_person() -> bool:
    """Whether a browser sends the request for an address that somebody opened.

    A signature is in Authorization or in the query. Scripts and SDKs in browsers accept ``*/*``.
    """
    return (
        request.method in ("GET", "HEAD")
        and not request.query_string
        and "Authorization" not in request.headers
        and "text/html" in request.accept_mimetypes.values()
    )
