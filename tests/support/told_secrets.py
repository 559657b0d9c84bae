"""Looks for a password in all that an error tells somebody."""

import traceback
from collections.abc import Iterator
from urllib.parse import quote


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and all errors that a log or a debugger may show with it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def tells(error: BaseException, secret: str) -> bool:
    """Whether an error or its traceback holds a secret, quoted or not."""
    texts = [*traceback.format_exception(error)]
    for each in chain(error):
        texts += [str(each), repr(each), repr(each.args), repr(vars(each))]
    text = "\n".join(texts)
    return any(form in text for form in (secret, quote(secret, safe=""), quote(secret)))
