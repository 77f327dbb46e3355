"""Random templates, most of which run: for a comparison with Go's own text/template."""

from __future__ import annotations

import random

LABELS = {
    "a": "1",
    "b": "2.5",
    "msg": "hello world",
    "empty": "",
    "u": "héllo ß",
    "list": '[1,"two",null,[3],{"k":4}]',
    "object": '{"n":1000,"s":"str","t":true,"x":[1,{"y":null}]}',
}
LINE = "GET /a?b=c 200"
TS = 1_704_164_645_123_456_789

_TEXTS = (
    *('""', '"x"', '"a b&c"', "`%s-%d`", '"%v|%5.2f|%q|%x|%T"', '"héß"', r'"\xff"', '"o"', '"UTC"'),
    *('"Europe/Berlin"', '"2006-01-02"', '"Mon Jan _2 15:04:05.000 MST"', '"2024-02-29"', '"%41"'),
)
_NUMBERS = ("0", "1", "2", "-3", "7", "1.5", "-0.25", "1e3", "0x10", "'a'", "1_000", "2i")
_FIELDS = (".a", ".b", ".msg", ".empty", ".u", ".list", ".object", ".missing", ".", "$", "$.a")
_VARIABLES = ("$x", "$y", "$t", "$o", "$o.x", "$o.n", "$o.q", "$t.Year", "$t.Month", "$t.UTC")
_OTHERS = ("true", "false", "nil", "__line__", "__timestamp__", ".a.b", "$o.s.t", "nothing")
_FUNCTIONS = {
    **dict.fromkeys(("ToUpper", "lower", "title", "trim", "urlencode", "urldecode", "fromJson"), 1),
    **dict.fromkeys(("contains", "TrimLeft", "repeat"), 2),
    "Replace": 4,
    "toDateInZone": 3,
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "index", "slice"), 2),
    **dict.fromkeys(("not", "len", "html", "js", "urlquery", "println", "call"), 1),
    **dict.fromkeys(("print", "printf"), 2),
}
_BEGINNING = "{{$x := .a}}{{$y := 2}}{{$t := __timestamp__}}{{$o := fromJson .object}}"


class Templates:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self) -> str:
        text = _BEGINNING + self._body(2)
        if self._random.random() < 0.2:
            text = f'{{{{define "t"}}}}{self._body(1)}{{{{end}}}}{text}'
        return self._spoilt(text) if self._random.random() < 0.15 else text

    def _spoilt(self, text: str) -> str:
        at = self._random.randrange(len(_BEGINNING), len(text) + 1)
        other: str = self._random.choice([*"{}()|.$\" \n-`',:=x1", ""])
        return text[:at] + other + text[at + 1 :]

    def _operand(self, depth: int) -> str:
        pick, at = self._random.choice, self._random.random()
        if at < 0.75 or depth <= 0:
            kinds = [_FIELDS, _FIELDS, _TEXTS, _TEXTS, _NUMBERS, _VARIABLES, _OTHERS]
            return self._random.choice(self._random.choice(kinds))
        if at < 0.8:
            return f"({self._pipe(depth - 1)}).{pick(['x', 'k', 'Year', 'Format', 'String'])}"
        return f"({self._pipe(depth - 1)})"

    def _call(self, depth: int, piped: bool) -> str:
        name = self._random.choice(list(_FUNCTIONS))
        count = _FUNCTIONS[name] - piped + self._random.choice([0] * 12 + [1, -1])
        return " ".join([name, *(self._operand(depth) for _ in range(count))])

    def _pipe(self, depth: int) -> str:
        first = self._operand(depth) if self._random.random() < 0.3 else self._call(depth, False)
        later = [self._call(depth, True) for _ in range(self._random.choice([0, 0, 1, 2]))]
        return " | ".join([first, *later])

    def _body(self, depth: int) -> str:
        return "".join(self._statement(depth) for _ in range(self._random.choice([1, 1, 2])))

    def _statement(self, depth: int) -> str:
        pick, at = self._random.choice, self._random.random()
        left, right = pick(["{{", "{{ ", "{{- "]), pick(["}}", " }}", " -}}"])
        pipe = self._pipe(depth)
        if at < 0.15:
            return pick(["text ", "\n", " é ", "{{/* nothing */}}", '{{template "t" .}}'])
        if at < 0.6 or depth <= 0:
            return left + pipe + right
        if at < 0.68:
            return f"{left}{pick(['$x', '$y', '$z'])} {pick([':=', '='])} {pipe}{right}"
        kind = pick(["if", "with", "range", "range $k, $v :=", "range $x =", "if $c :="])
        over = pick([pipe, "fromJson .list", ".", "3"]) if kind.startswith("range") else pipe
        body = self._body(depth - 1) + pick(["", "", "{{break}}", "{{continue}}", "{{$v}}"])
        otherwise = pick(["", "{{else}}" + self._body(depth - 1)])
        return f"{left}{kind} {over}{right}{body}{otherwise}{{{{end}}}}"
