"""Pages of the console that only a form leads to, and how somebody gets there."""

from collections.abc import Callable
from itertools import count

from console_person import Person

from flask_bucketcors import Rule, RuleSet

SEE = "See what changes"

_A = Rule(["https://a.example"], ["GET"], ["content-type"], ["ETag"], 600, "of the app")
_B = Rule(["https://*.b.example"], ["GET", "PUT", "POST"], ["*"], max_age_seconds=86400)
_C = Rule(["https://c.example"], ["GET"])
_WRONG = "https://a b\nhttps://\u200bc.example\nhttps://a.example/path\n" + "x" * 300

_numbers = count()


def _new_bucket(who: Person, *rules: Rule) -> str:
    bucket = f"scene-{next(_numbers)}"
    who.site.store.put(bucket, RuleSet(rules or (_A, _B, _C)), "yve")
    return bucket


def _a_danger(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/add")
    who.type("Origins", "https://*shop.com\nhttps://shop.example/")
    who.click("GET read")
    who.click(SEE)
    assert "danger" in who.page.get_by_role("button").first.inner_text()


def _all_lists_change(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/rules/2")
    who.type("Origins", "https://b.example\n*\nnull")
    who.type("Allowed request headers", "x-a\nx-b")
    who.type("Max-age, in seconds", "0")
    who.click("Return Vary: Origin")
    who.click(SEE)
    assert "No longer allowed" in who.text


def _nothing_changes(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/rules/1")
    who.click(SEE)
    assert "The bucket has these rules already." in who.text


def _many_changes(who: Person) -> None:
    rules = [Rule([f"https://a{n}.example"], ["GET"], [f"x-{n}"]) for n in range(100)]
    who.open(f"/b/{_new_bucket(who)}/text")
    who.type("All rules", RuleSet(rules).to_json())
    who.click(SEE)
    assert "Replace all rules: what changes" in who.text


def _wrong_fields(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/rules/2")
    for label in ("Origins", "Allowed request headers", "Exposed response headers"):
        who.type(label, _WRONG)
    who.type("Max-age, in seconds", "soon")
    who.type("Name", "x" * 300)
    who.click(SEE)
    assert "Not saved" in who.text


def _nothing_typed(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/add")
    who.click(SEE)
    assert "Write at least one origin." in who.text


def _wrong_document(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/text")
    who.type("All rules", '{"CORSRules": [{"AllowedOrigins": ["a b"], "AllowedMethods": 7}]}')
    who.click(SEE)
    assert "Not saved" in who.text


def _same_rule_changed(who: Person) -> None:
    bucket = _new_bucket(who)
    who.open(f"/b/{bucket}/rules/2")
    who.type("Origins", "https://\u202emine.example\nhttps://" + "long" * 40 + ".example")
    changed = Rule(["https://theirs.example", "https://*.b.example"], ["GET"], id="new")
    who.site.store.put(bucket, RuleSet([_A, changed, _C]), "<b>eve</b>")
    who.click(SEE)
    assert who.heading == "Rule 2 was changed while you worked"


def _same_rule_gone(who: Person) -> None:
    bucket = _new_bucket(who)
    who.open(f"/b/{bucket}/")
    who.site.store.put(bucket, RuleSet([_A]), "eve")
    who.click("Delete rule 2")
    assert who.heading == "Rule 2 was deleted while you worked"


def _other_rule_changed(who: Person) -> None:
    bucket = _new_bucket(who)
    who.open(f"/b/{bucket}/rules/2")
    who.type("Max-age, in seconds", "5")
    who.site.store.put(bucket, RuleSet([_A, _B]), "eve")
    who.click(SEE)
    assert "Somebody else changed these rules while you worked" in who.text


def _delete_all(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/text")
    who.click("Delete all rules")
    assert "Delete all rules: what changes" in who.text


def _restore(who: Person) -> None:
    bucket = _new_bucket(who)
    who.site.store.put(bucket, RuleSet([_C]), "eve")
    who.open(f"/b/{bucket}/history")
    who.click("Restore")
    assert "Restore revision" in who.heading


def _restore_what_is_gone(who: Person) -> None:
    bucket = _new_bucket(who)
    who.site.store.put(bucket, RuleSet([_C]), "eve")
    who.open(f"/b/{bucket}/history")
    # As if the revision was pruned in the meantime.
    who.page.evaluate("for (const each of document.getElementsByName('revision')) each.value = 0")
    who.click("Restore")
    assert "Not saved" in who.text


def _delete(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/")
    who.click("Delete rule 2")
    assert who.heading == "Delete rule 2: what changes"


def _vary(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/")
    who.click("Turn on Return Vary: Origin")
    assert "Return Vary: Origin" in who.heading


def _saved(who: Person) -> None:
    _delete(who)
    who.click("Save")
    assert "Saved as revision" in who.text


def _all_deleted(who: Person) -> None:
    _delete_all(who)
    who.click("Delete all rules")
    assert "All rules are deleted." in who.text


def _refused_request(who: Person) -> None:
    query = "?origin=https://other.example&method=PUT&headers=x-a&cookies=on"
    who.open(f"/b/{_new_bucket(who)}/try{query}")


def _step_by_step(who: Person) -> None:
    _refused_request(who)
    who.click("Find the reason step by step")
    assert "Step by step" in who.text


def _last_step(who: Person) -> None:
    _step_by_step(who)
    # More than there are steps, so that this ends.
    for _ in range(9):
        if who.page.get_by_role("link", name="Next step").count():
            who.click("Next step")
    assert "What the rules have to change" in who.text


def _pasted(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/try")
    who.unfold()
    who.type(
        "Message or request",
        "curl 'https://s.example/a' -X PUT -H 'Origin: https://b.test' -H 'x-a: \u202e1'",
    )
    who.click("Read and try")
    assert "Refused" in who.text


def _pasted_nonsense(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/try")
    who.unfold()
    who.type("Message or request", "nothing\u200b" * 50)
    who.click("Read and try")
    assert "not understood" in who.text


def _template(who: Person) -> None:
    who.open("/b/empty/")
    who.type("Your site's origin", "https://shop.example")
    who.click("Uploads with the COS SDK")
    assert "Uploads with the COS SDK" in who.text


def _any_site(who: Person) -> None:
    who.open("/b/empty/")
    who.click("Least restrictive, for finding a fault")
    who.click(SEE)
    assert "any site" in who.text


def _stale_form(who: Person) -> None:
    who.open(f"/b/{_new_bucket(who)}/add")
    who.page.evaluate("document.getElementsByName('token')[0].value = 'old'")
    who.click(SEE)
    assert "Nothing was saved." in who.text


#: By name. Each begins anywhere and ends on its page.
SCENES: dict[str, Callable[[Person], None]] = {
    each.__name__.strip("_").replace("_", " "): each
    for each in (
        _a_danger,
        _all_lists_change,
        _nothing_changes,
        _many_changes,
        _wrong_fields,
        _nothing_typed,
        _wrong_document,
        _same_rule_changed,
        _same_rule_gone,
        _other_rule_changed,
        _delete_all,
        _restore,
        _restore_what_is_gone,
        _delete,
        _vary,
        _saved,
        _all_deleted,
        _refused_request,
        _step_by_step,
        _last_step,
        _pasted,
        _pasted_nonsense,
        _template,
        _any_site,
        _stale_form,
    )
}
