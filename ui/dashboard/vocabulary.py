"""The words of LogQL that the editor completes and colours, each with what it does in a few words.

`$0` in what is inserted is where the caret goes.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    name: str
    does: str
    insert: str = ""
    """The name itself when empty."""


def _ranges() -> list[Word]:
    told = {
        "count_over_time": "lines",
        "rate": "lines a second; of an unwrapped label its sum a second",
        "rate_counter": "increase a second of an unwrapped counter",
        "bytes_over_time": "bytes of the lines",
        "bytes_rate": "bytes a second",
        "absent_over_time": "1 where there is no line",
        "sum_over_time": "sum of an unwrapped label",
        "avg_over_time": "average of an unwrapped label",
        "min_over_time": "smallest value of an unwrapped label",
        "max_over_time": "largest value of an unwrapped label",
        "stddev_over_time": "standard deviation of an unwrapped label",
        "stdvar_over_time": "variance of an unwrapped label",
        "quantile_over_time": "quantile of an unwrapped label, as in 0.99",
        "first_over_time": "oldest value of an unwrapped label",
        "last_over_time": "newest value of an unwrapped label",
    }
    unwrapped = {name for name in told if "unwrapped" in told[name]} - {"rate"}
    made = []
    for name, does in told.items():
        first = "0.99, " if name == "quantile_over_time" else ""
        tail = " | unwrap  [5m])" if name in unwrapped else " [5m])"
        made.append(Word(name, does, f"{name}({first}{{$0}}{tail}"))
    return made


RANGES = _ranges()
VECTORS = [
    Word("sum", "adds series up", "sum($0)"),
    Word("avg", "their average", "avg($0)"),
    Word("min", "the smallest", "min($0)"),
    Word("max", "the largest", "max($0)"),
    Word("count", "how many series", "count($0)"),
    Word("stddev", "their standard deviation", "stddev($0)"),
    Word("stdvar", "their variance", "stdvar($0)"),
    Word("topk", "the k largest series", "topk(5, $0)"),
    Word("bottomk", "the k smallest series", "bottomk(5, $0)"),
    Word("approx_topk", "the k largest, of one instant", "approx_topk(5, $0)"),
    Word("sort", "ascending, of one instant", "sort($0)"),
    Word("sort_desc", "descending, of one instant", "sort_desc($0)"),
]
OTHERS = [
    Word(
        "label_replace",
        "sets a label from another by a regular expression",
        'label_replace($0, "new", "$1", "old", "(.*)")',
    ),
    Word("vector", "a number as a series", "vector($0)"),
]
PARSERS = [
    Word("json", "labels from a JSON line", "json "),
    Word("logfmt", "labels from key=value", "logfmt "),
    Word("pattern", "labels from a pattern", 'pattern "<$0>"'),
    Word("regexp", "labels from named groups", 'regexp "(?P<$0>)"'),
    Word("unpack", "what Promtail's pack stage packed", "unpack "),
]
FORMATS = [
    Word("line_format", "writes the line anew", 'line_format "{{.$0}}"'),
    Word("label_format", "sets or renames labels", "label_format $0"),
    Word("decolorize", "takes terminal colours out", "decolorize "),
    Word("drop", "labels that go", "drop $0"),
    Word("keep", "labels that stay", "keep $0"),
    Word("unwrap", "takes a label's value as the number, before [5m]", "unwrap $0"),
]
FILTERS = [
    Word("|=", "line contains", '|= "$0"'),
    Word("!=", "line does not contain", '!= "$0"'),
    Word("|~", "line matches a regular expression", "|~ `$0`"),
    Word("!~", "line does not match", "!~ `$0`"),
    Word("|>", "line has the pattern", '|> "<_>$0<_>"'),
    Word("!>", "line does not have the pattern", '!> "<_>$0<_>"'),
    Word("|", "a parser, a label filter, a format", "| "),
]
MATCHERS = [
    Word("=", "equals", '="$0"'),
    Word("!=", "does not equal", '!="$0"'),
    Word("=~", "matches the whole of a regular expression", '=~"$0"'),
    Word("!~", "does not match", '!~"$0"'),
]
COMPARISONS = [
    *MATCHERS,
    Word(">", "is more: a number, a duration as in 1.5s, a size as in 20KB", "> "),
    Word(">=", "is at least", ">= "),
    Word("<", "is less", "< "),
    Word("<=", "is at most", "<= "),
    Word("==", "is the number", "== "),
]
OPERATORS = [
    *(Word(sign, "of two numbers or series", f"{sign} ") for sign in "+-*/%^"),
    *(Word(sign, "compares; with bool gives 0 or 1", f"{sign} ") for sign in ("==", "!=")),
    *(
        Word(sign, "compares; with bool gives 0 or 1", f"{sign} ")
        for sign in (">", ">=", "<", "<=")
    ),
    Word("and", "series that the right side has, too", "and "),
    Word("or", "series of both sides", "or "),
    Word("unless", "series that the right side lacks", "unless "),
]
GROUPINGS = [
    Word("by", "one series for each value of these labels", "by ($0)"),
    Word("without", "all labels but these", "without ($0)"),
]
MATCHINGS = [
    Word("on", "series belong together by these labels", "on ($0) "),
    Word("ignoring", "by all labels but these", "ignoring ($0) "),
    Word("group_left", "many on the left to one", "group_left ($0) "),
    Word("group_right", "one to many on the right", "group_right ($0) "),
    Word("bool", "0 or 1 instead of leaving out", "bool "),
]
CONVERSIONS = [
    Word("duration", "1h2m as seconds", "duration($0)"),
    Word("duration_seconds", "the same", "duration_seconds($0)"),
    Word("bytes", "20MB as bytes", "bytes($0)"),
]
FLAGS = [
    Word("--strict", "stop at what is no key=value", "--strict "),
    Word("--keep-empty", "keep keys without a value", "--keep-empty "),
]
OTHER_WORDS = [
    Word("ip", 'an address, a network or a range: ip("10.0.0.0/8")', 'ip("$0")'),
    Word("offset", "the range lies earlier by so much", "offset "),
]
SPANS = [Word(span, "") for span in ("1m", "5m", "10m", "30m", "1h", "6h", "1d")]

WORDS: dict[str, list[Word]] = {
    "functions": [*RANGES, *VECTORS, *OTHERS],
    "aggregators": VECTORS,
    "parsers": PARSERS,
    "formats": FORMATS,
    "filters": FILTERS,
    "matchers": MATCHERS,
    "comparisons": COMPARISONS,
    "operators": OPERATORS,
    "groupings": GROUPINGS,
    "matchings": MATCHINGS,
    "conversions": CONVERSIONS,
    "flags": FLAGS,
    "others": OTHER_WORDS,
    "spans": SPANS,
}
"""As the editor's script reads it."""
