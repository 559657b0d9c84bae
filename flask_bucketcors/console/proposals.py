"""A proposed change as it travels through forms: the edit, and the rules that its author saw.

The fields are:

- ``kind``: ``add``, ``replace``, ``delete``, ``move`` (a rule), ``vary``, ``rules`` (replace all
  rules), ``clear`` (delete all rules) or ``restore``
- ``version``: the version of the rules that the author saw; empty for none
- ``rule``, ``to``: the number of a rule, and its new place, from 1
- ``was``: the digest of the rule that the author saw
- ``origins``, ``methods``, ``headers``, ``exposed``, ``max_age``, ``id``: a rule as it was typed
- ``vary``: ``on``, ``off`` or empty
- ``document``: all rules, in any form that is read
- ``revision``: the number of an earlier change
"""

from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.rule_edits import RuleEdit


def fields_of(edit: RuleEdit, visit: Visit) -> dict[str, str]:
    """Give the fields that propose an edit of the rules that the visit sees."""
    raise NotImplementedError
