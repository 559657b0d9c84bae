"""``routes``: lists which URLs of an application are about buckets."""

from collections.abc import Iterable
from typing import Any

import click
from flask import current_app

from flask_bucketcors.cli.application import application_state, close_at_the_end
from flask_bucketcors.cli.bucket_urls import BucketURLs, find_bucket_urls, why_the_first_segment
from flask_bucketcors.cli.terminal import JSON, echo_json, format_option, printable


@click.command("routes")
@format_option
def list_routes(form: str) -> None:
    """List which URLs of an app are about buckets.

    Prints each form of such URLs, with the routes that serve them. Then it prints the reserved
    names, and the routes that name no bucket.

    \b
    Example:
      flask bucketcors routes
    """
    state = application_state()
    close_at_the_end(state.store)
    urls = find_bucket_urls(current_app, state)
    paths = state.middleware.resolve.paths
    data = {
        "urls": [each._asdict() for each in urls],
        "reserved": sorted(paths.reserved.names),
        "reserved_on_hosts": sorted(paths.reserved.on_hosts) if _any_by_host(urls) else [],
        "misfits": [{"route": route, "reason": reason} for route, reason in paths.misfits],
    }
    if form == JSON:
        echo_json(data)
    else:
        _print(urls, data)
        reason = why_the_first_segment(current_app, state)
        if reason:
            click.echo(reason)


def _any_by_host(urls: Iterable[BucketURLs]) -> bool:
    return any(each.by_host for each in urls)


def _print(urls: Iterable[BucketURLs], data: dict[str, Any]) -> None:
    for each in urls:
        click.echo(f"URLs of buckets: {printable(each.form)}")
        _print_list("  routes for them", each.routes)
        _print_list(f"  {each.warning}", each.others)
    if not urls:
        click.echo("URLs of buckets: none")
    _print_list("names that no bucket can have", data["reserved"])
    _print_list("on the hosts of buckets, no key begins with", data["reserved_on_hosts"])
    misfits = [f"{each['route']}: {each['reason']}" for each in data["misfits"]]
    _print_list("routes that name no bucket; pass buckets= to BucketCORS", misfits)


def _print_list(title: str, lines: Iterable[str]) -> None:
    """Print lines below a title; nothing if there are none."""
    margin = " " * (len(title) - len(title.lstrip()) + 2)
    shown = [f"{margin}{printable(line)}" for line in lines]
    if shown:
        click.echo("\n".join([f"{title}:", *shown]))
