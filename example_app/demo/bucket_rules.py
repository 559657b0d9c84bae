"""The rules of the bucket, read and written by the store's ``?cors`` API as an SDK does."""

from xml.etree.ElementTree import ParseError  # nosec B405 # the error only

from defusedxml.ElementTree import fromstring

from example_app.demo.client import StoreClient, StoreResponse
from flask_bucketcors import RuleSet
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.any_form import parse_rules
from flask_bucketcors.documents.to_xml import format_xml


class StoreRefused(Exception):
    """The store refuses a call; the text says why, as its response does."""

    def __init__(self, response: StoreResponse) -> None:
        try:
            error = fromstring(response.body)
            said = f"{error.findtext('Code')}: {error.findtext('Message')}"
        except ParseError:
            said = response.body.decode("utf-8", "replace")
        super().__init__(f"The response of the store is {response.status} {said}")


class BucketRules:
    """The rules of a bucket.

    Methods raise :class:`StoreRefused` if the store refuses a call.
    """

    def __init__(self, client: StoreClient, bucket: str) -> None:
        self._client = client
        self._target = f"/{bucket}/?cors"

    def read(self) -> str:
        """Read the document with the rules; ``""`` if the bucket has none."""
        response = self._client.call("GET", self._target)
        if b"<Code>NoSuchCORSConfiguration</Code>" in response.body:
            return ""
        return _success(response).body.decode()

    def parse(self) -> RuleSet | None:
        """Read the rules; None if the bucket has none."""
        document = self.read()
        return parse_rules(document) if document else None

    def put(self, rules: RuleSet | None) -> None:
        """Replace the rules; None deletes them."""
        if rules is None:
            _success(self._client.call("DELETE", self._target))
        else:
            _success(self._client.call("PUT", self._target, format_xml(rules, COS)))


def _success(response: StoreResponse) -> StoreResponse:
    if response.status >= 300:
        raise StoreRefused(response)
    return response
