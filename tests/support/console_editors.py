"""Several people who edit the rules of one bucket in the console."""

from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask

from flask_bucketcors import ConsoleOptions, MemoryStore, Rule, RuleEdit, RuleSet, Store
from flask_bucketcors.console.proposals import fields_for, fields_of
from flask_bucketcors.console.visit import Visit
from tests.support.console_apps import Person, console_application, forms_of, text_of

#: The button under the form.
SEE_CHANGES = "See what changes"
#: The button of the page that shows what changes.
SAVE = "Save"

_numbers = count()


def edited_application(store: Store, **config: Any) -> Flask:
    """An application whose console believes a header about who asks."""
    hooks = ConsoleOptions(authorize=lambda call: call.request.headers["X-Author"])
    return console_application(store, options=hooks, **config)


@cache
def _usual_application() -> tuple[Flask, Store]:
    store = MemoryStore()
    return edited_application(store), store


class Editor(Person):
    """Somebody who edits the rules of a bucket."""

    bucket: str = ""

    def edit(self, path: str = "add") -> str:
        """Open a page of the bucket."""
        return self.open(f"/b/{self.bucket}/{path}")

    @property
    def html(self) -> str:
        """The last page."""
        assert self.page is not None
        return self.page.text

    @property
    def text(self) -> str:
        """The text of the last page, without its frame."""
        return text_of(self.html[self.html.index("<main") :])

    @property
    def buttons(self) -> list[str]:
        """The labels of all buttons."""
        return [each.label for form in forms_of(self.html) for each in form.buttons]

    def value(self, name: str, label: str = SEE_CHANGES) -> str:
        """The value that a field has in the form with a button."""
        forms = forms_of(self.html)
        [form] = [each for each in forms if label in [button.label for button in each.buttons]]
        return dict(form.fields)[name]

    def propose(self, fields: dict[str, str], page: str = "changes") -> str:
        """Send a proposal as a form of another page does; give the text of the response."""
        self.edit()
        data = {"token": self.value("token"), **fields}
        self._receive(self.client.post(f"{self.prefix}/b/{self.bucket}/{page}", data=data))
        return self.text


class EditedBucket:
    """A bucket of its own, whose rules people edit.

    :param rules: those that it has, put by mallory.
    :param store: where they are.
    :param config: settings of the application, without ``BUCKETCORS_``.
    """

    def __init__(self, rules: RuleSet | None, store: Store | None = None, **config: Any) -> None:
        if store or config:
            self.store = store or MemoryStore()
            self.app = edited_application(self.store, **config)
        else:
            self.app, self.store = _usual_application()
        self.name = f"photos{next(_numbers)}"
        if rules is not None:
            self.store.put(self.name, rules, "mallory")

    def editor(self, name: str) -> Editor:
        """Somebody who edits."""
        client = self.app.test_client()
        client.environ_base["HTTP_X_AUTHOR"] = name
        editor = Editor(client)
        editor.bucket = self.name
        return editor

    @property
    def rule_set(self) -> RuleSet | None:
        """The rules that are stored."""
        return self.store.get(self.name)

    @property
    def rules(self) -> list[Rule]:
        """The same as a list."""
        return list(self.rule_set.rules) if self.rule_set else []

    @property
    def history(self) -> list[tuple[str | None, list[Rule]]]:
        """The authors of all changes, each with the rules from then on; the first first."""
        found = reversed(self.store.history(self.name))
        return [(each.author, list(each.rule_set.rules) if each.rule_set else []) for each in found]

    def fields(self, edit: RuleEdit | dict[str, str]) -> dict[str, str]:
        """The fields with which another page proposes an edit of the present rules.

        :param edit: or the kind of a proposal, with its fields.
        """
        seen = SimpleNamespace(stored=self.store.read(self.name), rule_set=self.rule_set)
        visit = cast(Visit, seen)
        if isinstance(edit, RuleEdit):
            return fields_of(edit, visit)
        return fields_for(edit["kind"], visit, **{k: v for k, v in edit.items() if k != "kind"})
