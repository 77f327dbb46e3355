"""LogQL on DuckDB. `driftwood.logql.reference` defines what it has to answer.

engine       `answer(store, expr, question)`, `explain`
logs         log queries                     ranges    range aggregations: the leaves of metric queries
extract      what SQL extracts for one of them: rows, series, values
static       stages as SQL: `texts` (filters), `numbers`, `parse_*` (parsers)
rows         what SQL cannot decide, for Python
cells, points, series    from answers of SQL to the matrix of the reference engine
"""
