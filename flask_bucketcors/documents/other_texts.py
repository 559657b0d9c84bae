"""Texts that people take for rules, and that hold rules at most: what each is, and what to pass."""

import re
from typing import Final

_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_COMMANDS: Final = b"aws|az|b2|coscli|curl|gcloud|gsutil|mc|npx|obsutil|ossutil|s3cmd|wrangler"

#: How a text begins that is something else -> what it is, and what to do.
_KINDS: Final = (
    (rb"['\"]\s*+[\[{<]", "a document in quotes: leave out the quotes around it"),
    (rb"&lt;", "XML as the source of a web page has it: write < for &lt; and > for &gt;"),
    (rb"```", "in a block of Markdown: leave out the lines with ```"),
    (rb"(?:\$ )?(?:%b) [\w-]" % _COMMANDS, "in a command: pass only the document in its quotes"),
    (rb"-{8,}+\s++\|", "a table that a command printed: pass what it prints with `--output json`"),
    (rb"An error occurred \(\w", "an error that a command printed, and no rules"),
    (rb"[A-Z]{3,8} /\S{0,1024} HTTP/", "in a request of the API: pass only its body"),
    (
        rb"(?:resource|param|module) \w++ '|targetScope =",
        "in Bicep: pass the template in JSON that `az bicep build` writes",
    ),
    (
        rb"(?:const|let|var|new|import|export|from|def|async|await|function|using|public) [\w{*(]"
        rb"|[$\w.]++ ?= ?[\[{(@]|[\w.]++\(",
        "in a program: pass them as JSON, with names and texts in double quotes",
    ),
)
_BEGINNINGS: Final = tuple((re.compile(start), said) for start, said in _KINDS)
# A block of Terraform's own language.
_HCL: Final = re.compile(rb'^\s*+(?:resource\s++"|(?:cors_rules?|cors)\s*+\{)', re.M)
_HCL_HELP: Final = (
    "Terraform's own language: apply it and pass what `terraform show -json` prints, or write it "
    "in Terraform's JSON syntax"
)
# Of nginx, Kubernetes, Vercel, Netlify, Firebase, ...
_OF_SERVERS: Final = re.compile(rb"access-control-(?:allow|expose|max)-|cors-allow-", re.I)
_OF_RULES: Final = re.compile(rb"allowed.?(?:origin|method)|(?<![\w-])origins?['\"]?\s*+:", re.I)
#: What to say of a text that :func:`is_of_a_server`; words that follow "the rules are".
OF_A_SERVER: Final = (
    "settings of a server, with the headers that it sends: write the origins and methods as rules, "
    "and remove the headers from the server"
)


def is_of_a_server(text: bytes) -> bool:
    """Whether a text that holds no rules names the headers of CORS, as settings of servers do."""
    return bool(_OF_SERVERS.search(text)) and not _OF_RULES.search(text)


def what_it_is(text: bytes) -> str | None:
    """Say what a text is that is no document; None if it may be one.

    :param text: without blanks around it; it begins with no bracket.
    :returns: words that follow "the rules are".
    """
    if text.startswith(_UTF_16_MARKS):
        return "UTF-16, as some shells write it: convert it to UTF-8"
    if _HCL.search(text):
        return _HCL_HELP
    if found := next((said for start, said in _BEGINNINGS if start.match(text)), None):
        return found
    if b"<CORSConfiguration" in text or b"<CORSRule" in text:
        return "XML with a text in front of it: leave the text out"
    return None
