"""The requests that ``check`` sends, remembered with their responses."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult

from flask_bucketcors.cli.check.http_exchange import Headers, Response, Unreachable, ask


class Exchange(NamedTuple):
    """A request that was sent.

    :param headers: those of the request, without the ones that the connection adds.
    :param response: None if there was none.
    :param error: why there was none; ``""`` if there was one.
    :param seconds: how long it took.
    :param is_probe: whether no page would send it.
    """

    url: SplitResult
    method: str
    headers: Headers
    response: Response | None
    error: str
    started: datetime
    seconds: float
    is_probe: bool = False


@dataclass(frozen=True)
class Sender:
    """Sends requests.

    :param seconds: to wait for each response.
    """

    seconds: float
    exchanges: list[Exchange] = field(default_factory=list)

    def ask(
        self, url: SplitResult, method: str, headers: Headers, *, is_probe: bool = False
    ) -> Response:
        """Send one request and give the response.

        :param is_probe: whether no page would send it.
        :raises Unreachable: if there is none.
        """
        started, begun = datetime.now(UTC), monotonic()
        response, message = None, ""
        try:
            response = ask(url, method, headers, self.seconds)
        except Unreachable as error:
            message = str(error)
            raise
        finally:
            sent = Exchange(
                url, method, headers, response, message, started, monotonic() - begun, is_probe
            )
            self.exchanges.append(sent)
        return response
