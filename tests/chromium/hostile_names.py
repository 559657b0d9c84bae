"""Texts that try to be more than text. Names of buckets, rules and people may be like this."""

#: Each in a few characters that no other one has.
HOSTILE_NAMES = {
    "a script": "<script>alert(1)</script>",
    "an image": '"><img src=x onerror=alert(1)>',
    "a drawing": "'><svg onload=alert(1)>",
    "an attribute": '" autofocus onfocus=alert(1) x="',
    "no quotes": "x onmouseover=alert(1) y",
    "the end of a field": "</textarea></title><img src=x onerror=alert(2)>",
    "the end of a comment": "--><iframe src=//evil.example>",
    "the end of CDATA": "]]><b>bold",
    "a URL that runs": "javascript:alert(1)",
    "an entity": "&lt;b&gt; &#60;i&#62;",
    "percents": "%3Cscript%3E%2e%2e%2f%00",
    "a path": "..\\..\\etc",
    "a query": "a?b=c&d=e#f;g",
    "a template": "{{ 7*7 }}{% raw %}{# x #}",
    "a literal of a template": "${7*7}`#{7*7}`",
    "a format": "%s%d{0}{visit.console}",
    "backticks": "`a` *b* `c",
    "an override": "a\u202egpj.exe",
    "isolates": "a\u2066b\u2067c\u2068d\u2069e",
    "zero width": "pay\u200bp\u200ca\u200dl",
    "a mark of the byte order": "\ufeffa\u2060b\u00adc",
    "tags": "a\U000e0041\U000e0042",
    "right to left": "דלי של שלום",
    "Arabic": "دلو\u200f العرب",
    "marks": "Z\u0335\u0321\u034fa\u0338\u0321l\u0336go" + "\u0301" * 40,
    "separators": "a\u2028b\u2029c\u00a0d\u3164e",
    "blanks": "  a  b  ",
    "very long": "w" * 240,
    "lookalikes": "\u0440\u0430\u0443\u0440\u0430l",
    "joined pictures": "👩\u200d👩\u200d👧\ufe0f",
}
#: The same, which a bucket can have: no slash.
BUCKETS = {kind: text.replace("/", "\u2215") for kind, text in HOSTILE_NAMES.items()}
#: What lines and controls do where a text may have them.
HOSTILE_TEXTS = {
    **HOSTILE_NAMES,
    "lines": "a\r\nSet-Cookie: b=c\r\n\r\n<b>d",
    "controls": "a\x08\x1b[31mb\x7f\x85c",
    "a null": "a\x00b",
}
