"""What a template tells about itself, what bounds it, and that nothing but its two errors comes out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql import gotext
from driftwood.logql.gotemplate import (
    Field,
    Template,
    TemplateError,
    TemplateExecutionError,
    simple_parts,
)
from driftwood.logql.gotemplate.functions import FUNCTIONS

# -- which labels it reads


@pytest.mark.parametrize(
    ("template", "names", "all_labels"),
    [
        ("text", set(), False),
        ("{{.a}} {{.b | upper}}", {"a", "b"}, False),
        ("{{if .a}}{{.b}}{{else if .c}}{{.d}}{{else}}{{.e}}{{end}}", set("abcde"), False),
        ("{{with .a}}{{.}}{{$.b}}{{end}}", {"a", "b"}, False),
        ("{{range $k, $v := fromJson .a}}{{$k}}{{.}}{{end}}", {"a"}, False),
        ('{{index . "a"}} {{printf "%s" (index $ "b" | lower)}}', {"a", "b"}, False),
        ("{{$x := .a}}{{$x}}", {"a"}, False),
        ("{{(fromJson .a).b.c}}", {"a", "b", "c"}, False),
        ('{{define "t"}}{{.x}}{{end}}{{template "t" .a}}', {"a", "x"}, False),
        ("{{.}}", set(), True),
        ("{{range $k, $v := .}}{{$k}}{{end}}", set(), True),
        ('{{printf "%v" $}}', set(), True),
        ("{{index . .a}}", {"a"}, True),
        ("{{$all := .}}{{$all.x}}", {"x"}, True),
        ('{{template "t" .}}{{define "t"}}{{.x}}{{end}}', {"x"}, True),
    ],
)
def test_the_labels_that_it_may_read(template: str, names: set[str], all_labels: bool) -> None:
    compiled = Template("line", template)
    assert compiled.needs == names
    assert compiled.needs_all is all_labels


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{.a}} {{.b.c | printf `%s` .d}}", set("abcd")),
        (
            "{{if .a}}{{range .b}}{{.c}}{{else}}{{.d}}{{end}}{{else}}{{with .e}}{{.f}}{{end}}{{end}}",
            set("abcdef"),
        ),
        ("{{upper (lower (.a))}}", {"a"}),
        (
            '{{index . "a"}}{{$.b}}{{(fromJson .c).d}}{{template "t" .e}}{{define "t"}}{{.f}}{{end}}',
            set(),
        ),
    ],
)
def test_the_labels_that_loki_takes_it_to_need(template: str, names: set[str]) -> None:
    assert Template("line", template).required == names


def test_whether_it_reads_the_line_and_its_time() -> None:
    both = Template(
        "line", "{{if .a}}{{len (__line__)}}{{end}}{{with .b}}{{__timestamp__.Year}}{{end}}"
    )
    assert (both.uses_line, both.uses_timestamp) == (True, True)
    neither = Template("line", "{{.__line__}} __timestamp__")
    assert (neither.uses_line, neither.uses_timestamp) == (False, False)


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("", []),
        ("50% of {{.a}}{{ .b }}!", ["50% of ", Field("a"), Field("b"), "!"]),
        ("x {{- .a -}} \n", ["x", Field("a")]),
        ("{{/* nothing */}}x", ["x"]),
        ("{{.a.b}}", None),
        ("{{.a | upper}}", None),
        ("{{$x := .a}}", None),
        ("{{__line__}}", None),
        ("{{.}}", None),
    ],
)
def test_the_parts_of_a_template_without_functions(
    template: str, parts: list[str | Field] | None
) -> None:
    assert simple_parts(Template("line", template)) == parts


@given(st.lists(st.sampled_from(["{{.a}}", "{{ .b }}", "{{.none}}", "%s", "é", " "]), max_size=80))
def test_simple_parts_say_what_the_template_prints(pieces: list[str]) -> None:
    template = Template("line", "".join(pieces))
    labels = {"a": "1", "b": "%d"}
    parts = simple_parts(template)
    assert parts is not None
    text = "".join(labels.get(x.name, "") if isinstance(x, Field) else x for x in parts)
    assert template.execute(labels, "", 0) == text


# -- bounds


@pytest.mark.parametrize(
    "template",
    [
        '{{ repeat 1000000000 "x" }}',
        '{{ indent 1000000000 "x" }}',
        '{{ alignLeft 1000000000 "x" }}',
        '{{ printf "%1000000d%1000000d" 1 2 }}',
        '{{ $x := repeat 1000000 "x" }}{{ replace "x" "yyyy" $x }}',
        '{{ $x := repeat 1000000 "x" }}{{ replace "" "yyyy" $x }}',
        '{{ $x := repeat 10000 "x" }}{{ regexReplaceAllLiteral "" $x (repeat 200 "y") }}',
        '{{ $x := repeat 10000 "x" }}{{ regexReplaceAll "x" $x (repeat 100 "$0$0") }}',
        '{{ $x := repeat 1000000 "<" }}{{ html $x }}{{ js $x }}',
        '{{ $x := repeat 1000000 " " }}{{ $x }}{{ $x }}',
        '{{ $x := repeat 1000000 " " }}{{ print $x $x }}',
        "{{ range 1000000000 }}{{ end }}",
        "{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}{{ end }}",
        '{{ range 1000 }}{{ repeat 10000 "x" }}{{ end }}',
        '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
        '{{ define "a" }}{{ end }}' + '{{ range 99999 }}{{ template "a" }}{{ end }}',
        "{{ fromJson __line__ }}",
    ],
)
def test_what_a_template_may_build_and_do_is_bounded(template: str) -> None:
    with pytest.raises(TemplateExecutionError):
        Template("line", template).execute({}, "[" * 100_000 + "]" * 100_000, 0)


@pytest.mark.parametrize(
    "template",
    [
        "{{" + "(" * 100_000,
        "{{" + "(" * 5_000 + ".a" + ")" * 5_000 + "}}",
        "{{if .a}}" * 5_000 + "{{end}}" * 5_000,
        "{{range .a}}" * 200 + "{{end}}" * 200,
        '{{block "b" .}}' * 500 + "{{end}}" * 500,
    ],
)
def test_what_nests_too_deeply_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        Template("line", template)


def test_a_long_chain_of_conditions_does_not_nest() -> None:
    chain = "".join(f'{{{{else if eq .n "{n}"}}}}{n}' for n in range(2_000))
    template = Template("line", f'{{{{if eq .n ""}}}}none{chain}{{{{end}}}}')
    assert template.execute({"n": "1999"}, "", 0) == "1999"


def test_bytes_that_are_no_text_become_replacement_characters_at_the_end() -> None:
    halves = Template("line", "{{ substr 0 1 .u }}{{ substr 1 2 .u }}|{{ substr 0 1 .u }}")
    assert halves.execute({"u": "é"}, "", 0) == "é|\ufffd"
    with pytest.raises(TemplateExecutionError, match="\ufffd"):
        Template("line", r'{{ unixToTime "\xff" }}').execute({}, "", 0)


def test_surrogates_of_any_origin_do_no_harm() -> None:
    template = Template(
        "line", "{{ .a | substr 0 99 | urlencode }}{{ urlencode .a }}{{ .a }}\ud800"
    )
    assert (
        template.execute({"a": "\ud800\udc80"}, "", 0) == "%EF%BF%BD%80" * 2 + "\ufffd\ufffd\ufffd"
    )


# -- nothing else comes out

OPERANDS = st.one_of(
    st.sampled_from(
        [
            ".a",
            ".e",
            ".u",
            ".json",
            ".",
            "$",
            "$x",
            ".a.b",
            "nil",
            "true",
            "1",
            "-3",
            "2.5",
            "'x'",
            "1i",
        ]
    ),
    st.sampled_from(['"x"', '""', "`%d %s`", '"\\xff"', '"2006 Jan"', '"("', '"Asia/Tokyo"']),
    st.sampled_from(["__line__", "__timestamp__"]),
)
CALLS = st.recursive(
    OPERANDS,
    lambda inner: st.one_of(
        st.builds(
            lambda name, args: f"({' '.join([name, *args])})",
            st.sampled_from(sorted(FUNCTIONS)),
            st.lists(inner, max_size=4),
        ),
        st.builds("({} | {})".format, inner, st.sampled_from(sorted(FUNCTIONS))),
        st.builds("({}).{}".format, inner, st.sampled_from(["k", "Year", "Format", "Location"])),
    ),
    max_leaves=6,
)
STATEMENTS = st.recursive(
    st.one_of(
        st.sampled_from(["text", "{{$x = 1}}", "{{- /* c */ -}}", "{{break}}"]),
        st.builds("{{{{{}}}}}".format, CALLS),
    ),
    lambda inner: st.builds(
        "{{{{{} {}}}}}{}{{{{else}}}}{}{{{{end}}}}".format,
        st.sampled_from(["if", "with", "range", "range $i, $x :=", "range $x ="]),
        CALLS,
        inner,
        inner,
    ),
    max_leaves=4,
)
LABELS = {"a": "1", "e": "", "u": "é\ufffd", "json": '[1,{"k":null}]'}


@given(STATEMENTS)
def test_a_template_gives_a_text_or_fails_with_its_own_error(body: str) -> None:
    try:
        template = Template("line", "{{$x := .json}}" + body)
    except TemplateError:
        return
    try:
        template.execute(LABELS, "line", 1_700_000_000 * 10**9).encode()
    except TemplateExecutionError as error:
        assert str(error).startswith("template: line")
        str(error).encode()


@given(st.text(alphabet="{}()|.,:=$-+_ \n\"`'\\/*0123456789eixXa ifendrageélswthb☃", max_size=40))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    for wrapped in (text, "{{" + text + "}}"):
        try:
            Template("line", wrapped)
        except TemplateError as error:
            assert str(error).startswith("template: line:")


# -- Loki's own cases

_ONLY_A_FORMAT = re.compile(
    r'\{[^}]*\}\s*\|\s*(?:line_format|label_format\s+(\w+)=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*',
    re.DOTALL,
)


def test_lines_are_formatted_as_loki_formats_them(shared: Path) -> None:
    """Of the queries that are but one template; the others need the stages around them."""
    cases = json.loads((shared / "conformance/logql/pipeline.json").read_text())["cases"]
    lines, failed = 0, []
    for case in cases:
        found = _ONLY_A_FORMAT.fullmatch(case["query"])
        if found is None or case["kind"] != "pipeline" or case["inputs"]["structured_metadata"]:
            continue
        label = found[1]
        template = Template("label" if label else "line", gotext.unquote(found[2]))
        inputs = case["inputs"]
        for line, result in zip(inputs["lines"], case["expected"]["results"], strict=True):
            have = _outcome(template, inputs["stream"], line, inputs["ts_ns"])
            want = result["labels"].get("__error_details__")
            want = want or (result["labels"][label] if label else result["line"])
            lines += 1
            if have != want:
                failed.append(f"{case['id']} {template.text}\n  want {want}\n  have {have}")
    assert lines >= 123
    assert not failed, "\n".join(failed)


def _outcome(template: Template, labels: dict[str, str], line: str, ts: int) -> str:
    try:
        return template.execute(labels, line, ts)
    except TemplateExecutionError as error:
        return str(error)
