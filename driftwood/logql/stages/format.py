"""`| line_format` and `| label_format`: new lines and labels from Go templates."""

from __future__ import annotations

import re

from driftwood.logql.ast import Assignment
from driftwood.logql.gotemplate import Template, TemplateError, TemplateExecutionError
from driftwood.logql.stages.errors import ERROR, TEMPLATE_ERROR, StageError
from driftwood.logql.stages.labels import LabelSet

_ONE_LABEL = re.compile(r"\{\{(?:-\s)?\s*\.([A-Za-z_][A-Za-z0-9_]*)\s*(?:\s-)?\}\}")


class LineFormatStage:
    __slots__ = ("_label", "_template")

    def __init__(self, text: str) -> None:
        """Raises StageError."""
        try:
            self._template = Template("line", text)
        except TemplateError as error:
            raise StageError(f"invalid line template: {error}") from error
        only = _ONE_LABEL.fullmatch(text)
        self._label = only[1] if only else ""
        """The one label that the template consists of. Such a template does not see an error's labels."""

    def __call__(self, ts: int, line: str, labels: LabelSet) -> str:
        if self._label:
            return labels.get(self._label) or ""
        try:
            return self._template.execute(labels.as_mapping(), line, ts)
        except TemplateExecutionError as error:
            labels.fail(TEMPLATE_ERROR, str(error))
            return line


class LabelFormatStage:
    """Its templates see the labels as they are when the first of them is executed."""

    __slots__ = ("_formats",)

    def __init__(self, assignments: tuple[Assignment, ...]) -> None:
        """Raises StageError."""
        seen: set[str] = set()
        for each in assignments:
            if each.name == ERROR:
                raise StageError(f"{ERROR} cannot be formatted")
            if each.name in seen:
                raise StageError(
                    f"multiple label name '{each.name}' not allowed in a single format operation"
                )
            seen.add(each.name)
        self._formats = [
            (each.name, each.value if each.rename else _template(each)) for each in assignments
        ]

    def __call__(self, ts: int, line: str, labels: LabelSet) -> str:
        seen: dict[str, str] = {}
        for name, source in self._formats:
            if isinstance(source, str):
                value = labels.get(source)
                if value is not None:
                    labels.set(name, value)
                    labels.delete(source)
                continue
            seen = seen or labels.as_mapping()
            try:
                labels.set(name, source.execute(seen, line, ts))
            except TemplateExecutionError as error:
                labels.fail(TEMPLATE_ERROR, str(error))
        return line


def _template(assignment: Assignment) -> Template:
    try:
        return Template("label", assignment.value)
    except TemplateError as error:
        raise StageError(f"invalid template for label '{assignment.name}': {error}") from error
