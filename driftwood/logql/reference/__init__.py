"""The reference engine: plain Python that defines what LogQL means; `driftwood.logql.plan` is checked against it.

sources      where lines come from, as this engine sees them
logs         log queries
samples, windows, ranges      metric queries, from lines to one value per window
vectors      series x steps; on it work aggregations, binary, replace, metrics and answers, which both engines share
engine       `evaluate(expr, source, question, limits)`
"""
