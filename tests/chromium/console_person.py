"""Somebody who uses the console in a window of Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from console_site import ConsoleSite

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Chromium says this itself about the page of an error.
_OF_ERROR_PAGES = "Failed to load resource: the server responded with a status of 4"

#: What no page of the console has: elements that nobody wrote, and attributes that run or style.
_INJECTED = """(elements) => [...document.querySelectorAll('*')].flatMap((each) => {
    const known = elements.includes(each.localName) && each.namespaceURI.endsWith('1999/xhtml');
    const names = each.getAttributeNames();
    const wrong = names.filter((name) => name.startsWith('on') || name === 'style');
    const scripts = names.filter((name) => each.getAttribute(name).startsWith('javascript:')
        && ['href', 'src', 'action', 'formaction'].includes(name));
    return [...(known ? [] : [each.localName]), ...wrong, ...scripts];
})"""
_ELEMENTS = """
    html head meta title link script body a header span nav strong main h1 h2 h3 p form input label
    small textarea fieldset legend div select option button bdi code time table thead tbody tr th td
    section dl dt dd ul ol li details summary pre br mark
"""

#: Characters of a page's texts that hide: controls, zero width, bidi, tags. Fields keep theirs.
_HIDDEN = """() => {
    const hidden = /[^\\P{C}\\p{Cs}\\p{Cn}\\p{Co}\\n\\r\\t]|[\\u2028\\u2029\\u3164\\u115f\\u034f]/u;
    const texts = [document.title];
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        if (walker.currentNode.parentElement.localName !== 'textarea')
            texts.push(walker.currentNode.data);
    }
    for (const each of document.querySelectorAll('*')) {
        for (const name of each.getAttributeNames())
            if (name !== 'value') texts.push(each.getAttribute(name));
    }
    return texts.filter((text) => hidden.test(text)).map((text) => JSON.stringify(text));
}"""


@dataclass
class Person:
    """Somebody who has logged in.

    :param clicks: how many links, buttons and boxes were clicked.
    :param trouble: dialogs, violations of the policy, and errors of scripts.
    """

    page: "Page"
    site: ConsoleSite
    host: str = "127.0.0.1"
    clicks: int = 0
    trouble: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page of the console."""
        self.page.goto(self.site.console(path, self.host))

    def click(self, label: str, nth: int = 0) -> None:
        """Click a link, a button or a box by its whole name."""
        roles: tuple[Any, ...] = ("button", "link", "checkbox")
        first, *others = [self.page.get_by_role(role, name=label, exact=True) for role in roles]
        for each in others:
            first = first.or_(each)
        first.nth(nth).click()
        # A click waits for the beginning of the next page, which has no element yet.
        self.page.wait_for_load_state()
        self.clicks += 1

    def unfold(self) -> None:
        """Open the fold of the page."""
        self.page.locator("summary").first.click()
        self.clicks += 1

    def type(self, label: str, text: str) -> None:
        """Type into a field in place of what is there."""
        self.page.get_by_label(label, exact=True).fill(text)

    @property
    def text(self) -> str:
        """What the page shows below its frame, on one line."""
        return " ".join(self.page.inner_text("main").split())

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return self.page.inner_text("h1").strip()

    def injected(self) -> list[str]:
        """Elements and attributes of the page that are not the console's."""
        found: list[str] = self.page.evaluate(_INJECTED, _ELEMENTS.split())
        return found

    def hidden(self) -> list[str]:
        """Texts of the page that have characters that hide."""
        found: list[str] = self.page.evaluate(_HIDDEN)
        return found

    def overflow(self) -> int:
        """How much wider than the window the page is, in pixels."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found

    def _watch(self) -> None:
        self.page.on("dialog", self._note_dialog)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                None
                if message.text.startswith(_OF_ERROR_PAGES)
                else self.trouble.append(message.text)
            ),
        )

    def _note_dialog(self, dialog: Any) -> None:
        self.trouble.append(f"{dialog.type} {dialog.message}".strip())
        dialog.accept()


@contextmanager
def person(
    browser: "Browser",
    site: ConsoleSite,
    name: str = "alice",
    host: str = "127.0.0.1",
    **options: Any,
) -> Iterator[Person]:
    """Let somebody log in with a profile of their own.

    :param options: of the profile, such as ``java_script_enabled=False``.
    """
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(site.url(f"/login?as={quote(name, safe='')}", host))
        found = Person(page, site, host)
        found._watch()
        yield found
