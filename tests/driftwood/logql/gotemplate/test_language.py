"""What templates mean: actions, variables, branches, loops, templates. Each case stands for a rule of text/template."""

from __future__ import annotations

import pytest

from driftwood.logql.gotemplate import Template, TemplateError, TemplateExecutionError

LABELS = {
    "a": "1",
    "b": "2.5",
    "empty": "",
    "msg": "hello world",
    "level": "info",
    "list": '[1,"two",null,[3],{"k":4}]',
    "object": '{"n":1000,"s":"str","t":true,"x":[1,{"y":null}]}',
}
LINE = "GET /a 200"
TS = 1_704_164_645_123_456_789  # 2024-01-02 03:04:05.123456789


def shown(template: str, name: str = "line") -> str:
    return Template(name, template).execute(LABELS, LINE, TS)


def failure(template: str) -> str:
    with pytest.raises(TemplateExecutionError) as caught:
        shown(template)
    return str(caught.value)


def refusal(template: str) -> str:
    with pytest.raises(TemplateError) as caught:
        Template("line", template)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("just text }}", "just text }}"),
        ("{{.a}}-{{.b}}", "1-2.5"),
        ("{{ .missing }}|", "|"),
        ('{{ `raw \\n` }}{{ "\\t\\x41\\u00e9\\101" }}', "raw \\n\tAéA"),
        ('{{ "}}" }}', "}}"),
        (
            "{{ true }} {{ 7 }} {{ -0.5 }} {{ 1e3 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 017 }}",
            "true 7 -0.5 1000 31 3 15 15",
        ),
        (
            "{{ 1_000 }} {{ 'a' }} {{ '\\n' }} {{ 2i }} {{ 1+2i }} {{ 0x1p4 }}",
            "1000 97 10 (0+2i) (1+2i) 16",
        ),
        ("{{ 1000000.0 }} {{ 1e21 }} {{ 0.00001 }}", "1e+06 1e+21 1e-05"),
        ("{{ . | len }} {{ $.a }} {{ __line__ }}", "7 1 GET /a 200"),
    ],
)
def test_text_fields_and_constants(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("x  {{- .a }}  y", "x1  y"),
        ("x  {{ .a -}}  y", "x  1y"),
        ("x\n\t {{- .a -}} \r\n y", "x1y"),
        ("{{-3}}", "-3"),  # a sign, no trimming
        ("{{- -3 -}} ", "-3"),
        ("a {{/* nothing */}} b", "a  b"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ("{{ .a\n}}", "1"),
        ("{{- .a }} {{- .b }}", "12.5"),
    ],
)
def test_trimming_and_comments(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{{ .msg | trunc 5 | upper | printf "<%s>" }}', "<HELLO>"),
        ('{{ printf "%s-%d" "a" 7 }}', "a-7"),
        ('{{ 5 | printf "%d %d" 3 }}', "3 5"),  # what is piped comes last
        ("{{ (.a) }}{{ ((.b)) }}", "12.5"),
        ('{{ upper (printf "%s%s" .a "x") }}', "1X"),
        ("{{ len (slice .msg 1 3) }}", "2"),
        ("{{ (fromJson .object).n }} {{ (fromJson .object).q }}", "1000 <no value>"),
        ("{{ index (fromJson .object).x 0 }} {{ (index (fromJson .list) 4).k }}", "1 4"),
        ("{{ __timestamp__.Year }} {{ (__timestamp__.AddDate 0 1 0).Month }}", "2024 February"),
        ('{{ "2006" | __timestamp__.Format }}', "2024"),
    ],
)
def test_pipelines(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ $x := .a }}{{ $x }}{{ $x = 2 }}{{ $x }}", "12"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        (
            "{{ if $x := .a }}{{ $x }}{{ end }}{{ with $x := .empty }}{{ else }}[{{ $x }}]{{ end }}",
            "1[]",
        ),
        ("{{ ($x := 3) }}{{ $x }}", "33"),
        ("{{ $o := fromJson .object }}{{ $o.s }}{{ $o.x }}", "str[1 map[y:<nil>]]"),
        ("{{ $x := 0 }}{{ range 3 }}{{ $x = . }}{{ end }}{{ $x }}", "2"),
        ("{{ $ := 1 }}{{ $ }}", "1"),
    ],
)
def test_variables(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ if .a }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if .empty }}1{{ else if .missing }}2{{ else if .b }}3{{ else }}4{{ end }}", "3"),
        ("{{ if and .a (eq .level `info`) }}both{{ end }}", "both"),
        (
            "{{ if 0 }}{{ else }}0{{ end }}{{ if 0.0 }}{{ else }}0.0{{ end }}{{ if not nil }}nil{{ end }}",
            "00.0nil",
        ),
        (
            "{{ if fromJson `[]` }}{{ else }}[]{{ end }}{{ if fromJson `{}` }}{{ else }}{}{{ end }}",
            "[]{}",
        ),
        ("{{ if __timestamp__ }}time{{ end }}", "time"),
        ("{{ with .a }}{{ . }}{{ $.b }}{{ else }}no{{ end }}", "12.5"),
        ("{{ with .empty }}1{{ else with .b }}{{ . }}{{ else }}3{{ end }}", "2.5"),
        ("{{ with .empty }}1{{ else }}{{ .a }}{{ end }}", "1"),
    ],
)
def test_branches(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ range fromJson .list }}[{{ . }}]{{ end }}", "[1][two][<no value>][[3]][map[k:4]]"),
        (
            "{{ range $i, $v := fromJson .list }}{{ $i }}={{ $v }};{{ end }}",
            "0=1;1=two;2=<no value>;3=[3];4=map[k:4];",
        ),
        ("{{ range $k, $v := fromJson .object }}{{ $k }} {{ end }}", "n s t x "),  # sorted
        ("{{ range $k, $v := . }}{{ $k }} {{ end }}", "a b empty level list msg object "),
        ("{{ range 3 }}{{ . }}{{ end }}{{ range $i := 2 }}{{ $i }}{{ end }}", "01201"),
        (
            "{{ range 0 }}x{{ else }}none{{ end }}{{ range fromJson `null` }}x{{ else }}nil{{ end }}",
            "nonenil",
        ),
        ("{{ range $x := fromJson `[]` }}{{ else }}{{ $x }}{{ end }}", "[]"),
        (
            "{{ range 9 }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}!",
            "013!",
        ),
        (
            "{{ range 2 }}{{ range 3 }}{{ if eq . 1 }}{{ break }}{{ end }}{{ . }}{{ end }};{{ end }}",
            "0;0;",
        ),
        (
            "{{ $i := 0 }}{{ $x := 0 }}{{ range $i, $x = fromJson `[7,8]` }}{{ end }}{{ $i }}{{ $x }}",
            "18",
        ),
        ('{{ range fromJson `[{"k":1},{"k":2}]` }}{{ .k }}{{ end }}', "12"),
    ],
)
def test_loops(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            '{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" .a }}{{ template "t" }}',
            "[1][<no value>]",
        ),
        ('{{ block "b" .msg }}<{{ . }}>{{ end }}', "<hello world>"),
        ('{{ template "late" .a }}{{ define "late" }}{{ . }}!{{ end }}', "1!"),
        (
            '{{ define "r" }}{{ if . }}{{ . }}{{ template "r" (slice . 1) }}{{ end }}{{ end }}{{ template "r" "abc" }}',
            "abcbcc",
        ),
        ('{{ define "line" }}{{ .a }}{{ end }} \n', "1"),  # text of blanks gives way
        ('{{ $x := 1 }}{{ define "t" }}{{ $.a }}{{ end }}{{ template "t" . }}', "1"),
    ],
)
def test_templates_within_templates(template: str, text: str) -> None:
    assert shown(template) == text


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("{{ .a", "1: unclosed action"),
        ("{{", "1: unclosed action"),
        ("{{ nofunc .a }}", '1: function "nofunc" not defined'),
        ("{{ .a } }}", '1: unexpected "}" in operand'),
        ("{{}}", "1: missing value for command"),
        ("{{ if }}{{ end }}", "1: missing value for if"),
        ("{{ .a-b }}", "1: bad character U+002D '-'"),
        ("{{ ☃ }}", "1: unrecognized character in action: U+2603 '☃'"),
        ("{{ $x }}", '1: undefined variable "$x"'),
        ("{{ end }}", "1: unexpected {{end}}"),
        ("{{ else }}", "1: unexpected {{else}}"),
        ("{{ if .a }}", "1: unexpected EOF"),
        ("{{ if .a }}{{ else }}{{ else }}{{ end }}", "1: expected end; found {{else}}"),
        ("{{ (.a }}", "1: unclosed left paren"),
        ("{{ .a) }}", "1: unexpected right paren"),
        ("{{ 1.a }}", '1: bad number syntax: "1.a"'),
        ("{{ nil.a }}", '1: unexpected . after term "nil"'),
        ("{{ .a | 1 }}", "1: non executable command in pipeline stage 2"),
        ("{{ 09 }}", '1: integer overflow: "09"'),
        ("{{ 18446744073709551616 }}", '1: integer overflow: "18446744073709551616"'),
        ('{{ "x }}', "1: unterminated quoted string"),
        ("{{ `x }}", "1: unterminated raw quoted string"),
        ("{{ 'x }}", "1: unterminated character constant"),
        ('{{ "\\d" }}', "1: invalid syntax"),
        ("{{ 'ab' }}", "1: malformed character constant: 'ab'"),
        ("{{/* x }}", "1: unclosed comment"),
        ("{{/* x */ }}", "1: comment ends before closing delimiter"),
        ("{{ break }}", "1: {{break}} outside {{range}}"),
        ("{{ range 1 }}{{ continue 2 }}{{ end }}", '1: unexpected "2" in {{continue}}'),
        ("{{ range $a, $b, $c := . }}{{ end }}", "1: too many declarations in range"),
        ("{{ $a, $b := . }}", "1: too many declarations in command"),
        ("{{ range $a, 1 := . }}{{ end }}", "1: range can only initialize variables"),
        (
            '{{ define "t" }}x{{ end }}{{ define "t" }}y{{ end }}',
            '1: template: multiple definition of template "t"',
        ),
        ("{{ define t }}{{ end }}", '1: unexpected "t" in define clause'),
        ("{{ template .a }}", '1: unexpected ".a" in template clause'),
        (
            "{{ a_very_long_name_of_nothing ~ }}",
            '1: function "a_very_long_name_of_nothing" not defined',
        ),
        ('{{ .a "a very long text" ~ }}', '1: unexpected "~" in operand'),
        ("{{ if .a ~ }}", '1: unexpected "~" in operand'),
        ("{{ .a := 1 }}", '1: unexpected ":=" in operand'),
        ("{{ if if }}", "1: unexpected <if> in if"),
        ("x\n\n{{ foo }}", '3: function "foo" not defined'),
        ("{{ if .a\n\n", "3: unclosed action started at line:1"),
        ('{{ .a\n"x', "2: unterminated quoted string in action started at line:1"),
    ],
)
def test_what_cannot_be_read_is_refused_as_go_does_it(template: str, wrong: str) -> None:
    assert refusal(template) == f"template: line:{wrong}"


@pytest.mark.parametrize(
    ("template", "where", "wrong"),
    [
        ('{{.a Replace "x"}}', "1:2: <.a>", "a is not a method but has arguments"),
        ("{{ .a.b }}", "1:5: <.a.b>", "can't evaluate field b in type string"),
        (
            "{{ (fromJson .object).n.x }}",
            "1:13: <.object>",
            "can't evaluate field x in type interface {}",
        ),
        (
            "{{ (fromJson .object).q.x }}",
            "1:13: <.object>",
            "nil pointer evaluating interface {}.x",
        ),
        (
            "{{ range fromJson `[1]` }}{{ .x }}{{ end }}",
            "1:29: <.x>",
            "can't evaluate field x in type interface {}",
        ),
        ("{{ with 1.5 }}{{ .x }}{{ end }}", "1:17: <.x>", "can't evaluate field x in type float64"),
        ("{{ upper 1 }}", "1:9: <1>", "expected string; found 1"),
        ("{{ 1 | upper }}", "1:7: <upper>", "wrong type for value; expected string; got int"),
        (
            "{{ upper . }}",
            "1:9: <.>",
            "wrong type for value; expected string; got map[string]string",
        ),
        ("{{ upper nil }}", "1:9: <nil>", "cannot assign nil to string"),
        ('{{ fromJson "null" | upper }}', "1:21: <upper>", "invalid value; expected string"),
        ('{{ repeat "x" 3 }}', '1:10: <"x">', 'expected integer; found "x"'),
        (
            '{{ repeat (add 1 2) "x" }}',
            "1:17: <2>",
            "wrong type for value; expected int; got int64",
        ),
        ('{{ round 1.5 1 "x" }}', '1:15: <"x">', 'expected float; found "x"'),
        ('{{ unixEpoch "x" }}', '1:13: <"x">', 'can\'t handle "x" for arg of type time.Time'),
        ("{{ upper }}", "1:3: <upper>", "wrong number of args for upper: want 1 got 0"),
        ("{{ .a | now }}", "1:8: <now>", "wrong number of args for now: want 0 got 1"),
        ("{{ printf }}", "1:3: <printf>", "wrong number of args for printf: want at least 1 got 0"),
        ("{{ nil }}", "1:3: <nil>", "nil is not a command"),
        ("{{ 1 2 }}", "1:3: <1>", "can't give argument to non-function 1"),
        ("{{ .a | $ }}", "1:8: <$>", "can't give argument to non-function $"),
        (
            "{{ 18446744073709551615 }}",
            "1:3: <18446744073709551615>",
            "18446744073709551615 overflows int",
        ),
        ("{{ range .msg }}{{ end }}", "1:9: <.msg>", "range can't iterate over hello world"),
        (
            "{{ range $i, $j := 3 }}{{ end }}",
            "1:19: <3>",
            "can't use 3 to iterate over more than one variable",
        ),
        ('{{ template "nope" . }}', '1:12: <{{template "nope" .}}>', 'template "nope" not defined'),
        (
            "{{ if .empty }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}",
            "1:41: <$x>",
            "undefined variable: $x",
        ),
        (
            "{{ $x := 1 }}{{ if .empty }}{{ $y := 1 }}{{ else }}{{ $y = 2 }}{{ end }}",
            "1:59: <2>",
            "undefined variable: $y",
        ),
        (
            "{{ div 1 .missing }}",
            "1:3: <div 1 .missing>",
            "error calling div: runtime error: integer divide by zero",
        ),
        (
            "é\né{{ div 1 0 | upper }}",
            "2:5: <div 1 0>",
            "error calling div: runtime error: integer divide by zero",
        ),
        (
            "{{ __timestamp__.Foo }}",
            "1:3: <__timestamp__>",
            "can't evaluate field Foo in type time.Time",
        ),
        (
            "{{ __timestamp__.wall }}",
            "1:3: <__timestamp__>",
            "wall is an unexported field of struct type time.Time",
        ),
        (
            "{{ __timestamp__.Date }}",
            "1:3: <__timestamp__>",
            "function Date has 3 return values; should be 1 or 2",
        ),
        (
            "{{ __timestamp__.Zone }}",
            "1:3: <__timestamp__>",
            "invalid function signature for Zone: second return value should be error; is int",
        ),
        (
            "{{ __timestamp__.Format }}",
            "1:3: <__timestamp__>",
            "wrong number of args for Format: want 1 got 0",
        ),
        ("{{ call .a }}", "1:3: <call .a>", "error calling call: non-function .a of type string"),
    ],
)
def test_what_fails_is_told_as_go_tells_it(template: str, where: str, wrong: str) -> None:
    position, _, node = where.partition(": ")
    assert failure(template) == (f'template: line:{position}: executing "line" at {node}: {wrong}')


def test_messages_name_the_template_and_where_it_was_called() -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        shown('{{ define "t" }}{{ .x.y }}{{ end }}{{ template "t" (fromJson .object) }}', "label")
    assert str(caught.value) == (
        'template: label:1:21: executing "t" at <.x.y>: can\'t evaluate field y in type interface {}'
    )


def test_arguments_are_evaluated_after_what_is_piped_and_before_that_is_checked() -> None:
    assert "error calling div" in failure('{{ div 1 0 | printf "%s" (upper 1) }}')
    assert "found 2" in failure("{{ 1 | trimAll (upper 2) }}")
