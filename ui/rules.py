"""What users decided about templates: out of the store, and into it."""

from __future__ import annotations

from driftwood.errors import ConfigError
from driftwood.store.read import Readable, Row, Writable
from driftwood.store.read_rules import put_rule, rules
from parsing.rules import MAX_RULES, Rule, Rules, checked, distinguishing, shown


def stored(store: Readable) -> Rules:
    """All rules in force."""
    return Rules([rule_of(row) for row in rules(store)])


def rule_of(row: Row) -> Rule:
    return Rule(row["kind"], row["pattern"], row["name"], tuple(row["templates"]))


def put(store: Readable, to: Writable, rule: Rule, now: int) -> Rule:
    """Check `rule` and store it; what is stored. Writing thread only.

    Raises ConfigError for a rule that cannot work.
    """
    if rule.kind in ("apart", "rename"):
        texts = _texts(store, rule)
        if rule.kind == "apart" and len(texts) == 2:
            rule = _telling_apart(rule, texts)
    rule = checked(rule)
    there = {row["id"] for row in rules(store)}
    if rule.id not in there and len(there) >= MAX_RULES:
        raise ConfigError(f"there are {MAX_RULES} rules already; remove one first")
    templates = list(rule.templates)
    put_rule(
        to,
        rule.id,
        rule.kind,
        rule.pattern,
        rule.name,
        templates,
        now,
        replaces=rule.id in there,
    )
    return rule


def _texts(store: Readable, rule: Rule) -> list[str]:
    texts = []
    for template in dict.fromkeys(rule.templates):
        text = store.query(
            "SELECT arg_max(text, version) FROM templates WHERE id = ?", [template]
        ).column(0)[0]
        if not text.is_valid:
            raise ConfigError(f"no template has the id {template}; `templates list` names them")
        texts.append(shown(str(text.as_py())))
    return texts


def _telling_apart(rule: Rule, texts: list[str]) -> Rule:
    """With the token that one of the templates has and the other has not."""
    if rule.pattern:
        raise ConfigError(
            "leave the pattern out: the token that tells the two templates apart is found"
        )
    token = distinguishing(*texts)
    if token is None:
        raise ConfigError(
            f"no word tells these two apart, so nothing could keep them so: {texts[0]!r} and {texts[1]!r}; "
            "a rule that masks or protects a token of their lines may"
        )
    return Rule("apart", token, rule.name, rule.templates)
