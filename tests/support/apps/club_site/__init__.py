"""The website of a club, as somebody has it before CORS is a subject: it knows nothing about it.

Members log in, read pages and a JSON API, and upload pictures into buckets, one for each album.
Everybody may see the pictures of the album ``public``.
"""

import secrets
from pathlib import Path
from typing import Any

from flask import (
    Flask,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    send_from_directory,
    session,
    url_for,
)
from werkzeug.exceptions import HTTPException
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as BaseResponse

MEMBERS = {"alice": "wonderland", "bob": "builder"}
PUBLIC_ALBUM = "public"
#: What everybody may have, by the names of their views.
OPEN = {"login", "health", "static"}

ViewResponse = str | Response | BaseResponse | tuple[Any, int]


def create_app(folder: str | Path, **settings: Any) -> Flask:
    """Build the website.

    :param folder: where its files are.
    :param settings: keys of its configuration.
    """
    app = Flask(__name__, instance_path=str(folder))
    app.config.update(SECRET_KEY=secrets.token_hex(), **settings)
    app.before_request(require_login)
    app.register_error_handler(HTTPException, show_error)
    app.register_error_handler(Exception, show_fault)
    add_pages(app)
    add_items(app)
    add_files(app, Path(folder) / "albums")
    return app


def require_login() -> ViewResponse | None:
    view_arguments = request.view_args or {}
    is_public = view_arguments.get("bucket") == PUBLIC_ALBUM and request.method in ("GET", "HEAD")
    if request.endpoint in OPEN or is_public or "member" in session:
        return None
    if request.path.startswith(("/api/", "/files/")):
        abort(401)
    return redirect(url_for("login"))


def show_error(error: HTTPException) -> ViewResponse:
    if request.path.startswith("/api/"):
        return jsonify(error=error.name), error.code or 500
    return render_template("page.html", title=error.name, text=error.description), error.code or 500


def show_fault(error: Exception) -> ViewResponse:
    return render_template("page.html", title="Sorry", text="This is our fault."), 500


def add_pages(app: Flask) -> None:
    @app.get("/")
    def home() -> ViewResponse:
        return render_template("page.html", title="Home", text=f"Hello, {session['member']}.")

    @app.route("/login", methods=["GET", "POST"])
    def login() -> ViewResponse:
        if request.method == "POST":
            name = request.form["name"]
            if MEMBERS.get(name) != request.form["password"]:
                abort(403)
            session["member"] = name
            return redirect(url_for("home"))
        return render_template("login.html", title="Log in")

    @app.post("/logout")
    def logout() -> ViewResponse:
        session.clear()
        return redirect(url_for("login"))

    @app.get("/health")
    def health() -> ViewResponse:
        return "ok"

    @app.get("/broken")
    def broken() -> ViewResponse:
        raise ZeroDivisionError


def add_items(app: Flask) -> None:
    items = {1: "a projector"}

    @app.route("/api/items", methods=["GET", "POST"])
    def all_items() -> ViewResponse:
        if request.method == "POST":
            number = max(items, default=0) + 1
            items[number] = request.get_json()["name"]
            return jsonify(id=number), 201
        return jsonify(items)

    @app.route("/api/items/<int:number>", methods=["GET", "DELETE"])
    def one_item(number: int) -> ViewResponse:
        if number not in items:
            abort(404)
        if request.method == "DELETE":
            del items[number]
            return "", 204
        return jsonify(items[number])


def add_files(app: Flask, folder: Path) -> None:
    def place_of(bucket: str, key: str) -> Path:
        place = safe_join(str(folder / bucket), key)
        if place is None:
            abort(404)
        return Path(place)

    @app.get("/files/recent")
    def recent() -> ViewResponse:
        albums = sorted(each.name for each in folder.glob("*"))
        return render_template("page.html", title="Recent", text=", ".join(albums))

    @app.get("/files/<bucket>")
    def album(bucket: str) -> ViewResponse:
        keys = sorted(each.name for each in (folder / bucket).iterdir())
        return render_template("album.html", title=bucket, bucket=bucket, keys=keys)

    @app.post("/files/<bucket>")
    def upload(bucket: str) -> ViewResponse:
        sent = request.files["picture"]
        place = place_of(bucket, sent.filename or "")
        place.parent.mkdir(parents=True, exist_ok=True)
        sent.save(place)
        return redirect(url_for("album", bucket=bucket))

    @app.get("/files/<bucket>/<path:key>")
    def read(bucket: str, key: str) -> ViewResponse:
        return send_from_directory(folder / bucket, key)

    @app.put("/files/<bucket>/<path:key>")
    def write(bucket: str, key: str) -> ViewResponse:
        place = place_of(bucket, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(request.get_data())
        return "", 201

    @app.delete("/files/<bucket>/<path:key>")
    def remove(bucket: str, key: str) -> ViewResponse:
        place_of(bucket, key).unlink(missing_ok=True)
        return "", 204
