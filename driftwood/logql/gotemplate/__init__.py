"""Go's text/template with the functions of Loki, for line_format and label_format."""

from driftwood.logql.gotemplate.errors import TemplateError, TemplateExecutionError
from driftwood.logql.gotemplate.template import Field, Template, simple_parts

__all__ = ["Field", "Template", "TemplateError", "TemplateExecutionError", "simple_parts"]
