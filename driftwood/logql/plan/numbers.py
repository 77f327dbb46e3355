r"""Labels as numbers in SQL: which values SQL reads as the language does, and what it reads then.

The language reads numbers, durations and sizes as Go does. SQL reads the plain ones: `12`, `1.5e3`, `250ms`, `1.5 kB`.
Everything else is unsure, be it valid Go (`0x1p3`, `1h2m`) or no number at all, and is left to Python.
"""

from __future__ import annotations

from driftwood.logql.ast import CompareOp, Conversion
from driftwood.logql.gotext import BYTES_PER, NS_PER
from driftwood.logql.sql import Sql, sql

_SIGN = {CompareOp.EQUAL: "="}
_DURATION = r"^([0-9]{1,9})(?:\.([0-9]{1,9}))?(ns|us|µs|μs|ms|s|m|h)$"
_SIZE = r"^([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3})$"
_PER_SIZE = {unit: per for unit, per in BYTES_PER.items() if per < 10**16 and unit}


def number(text: Sql) -> Sql:
    """The DOUBLE that the number `text` means; NULL where it is not sure."""
    cast = sql("TRY_CAST({} AS DOUBLE)", text)
    return sql(
        r"CASE WHEN isfinite({}) AND NOT regexp_matches({}, '[\s_]|[+]-') THEN {} END",
        cast,
        text,
        cast,
    )


def nanoseconds(text: Sql) -> Sql:
    """The DOUBLE of ns that the duration `text` means, as long as it has one unit."""
    whole, fraction, unit = (_part(text, _DURATION, n) for n in (1, 2, 3))
    per = _per(unit, NS_PER)
    # As Go: what stands behind the point is multiplied as a float, and cut.
    return sql(
        "CASE WHEN regexp_matches({}, {}) THEN TRY_CAST({} AS DOUBLE) * {} + CASE WHEN {} = '' THEN 0 ELSE "
        "trunc(TRY_CAST({} AS DOUBLE) * ({} / power(10.0, length({})))) END END",
        *(text, _DURATION, whole, per, fraction, fraction, per, fraction),
    )


def size(text: Sql) -> Sql:
    """The DOUBLE of bytes that the size `text` means."""
    amount, unit = (_part(text, _SIZE, n) for n in (1, 2))
    per = _per(sql("lower({})", unit), {"": 1, **_PER_SIZE})
    return sql(
        "CASE WHEN regexp_matches({}, {}) THEN trunc(TRY_CAST({} AS DOUBLE) * {}) END",
        *(text, _SIZE, amount, per),
    )


def converted(conversion: Conversion, text: Sql) -> Sql:
    """The sample that `unwrap` makes of a label, which is there and not empty; NULL where it is not sure."""
    match conversion:
        case Conversion.NONE:
            return number(text)
        case Conversion.BYTES:
            return size(text)
        case Conversion.DURATION | Conversion.DURATION_SECONDS:
            ns = nanoseconds(text)  # whole seconds and the rest apart, as Go adds them up
            return sql("(trunc({} / 1e9) + ({} % 1e9) / 1e9)", ns, ns)


def compared(value: Sql, op: CompareOp, with_: float) -> Sql:
    return sql(f"({{}} {_SIGN.get(op, op.value)} {{}})", value, float(with_))


def _part(text: Sql, pattern: str, group: int) -> Sql:
    return sql(f"regexp_extract({{}}, {{}}, {group})", text, pattern)


def _per(unit: Sql, sizes: dict[str, int]) -> Sql:
    """The size of a unit as a DOUBLE."""
    cases = " ".join(f"WHEN '{name}' THEN {per}::DOUBLE" for name, per in sizes.items())
    return sql(f"(CASE {{}} {cases} END)", unit)
