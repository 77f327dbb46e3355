"""The reference engine: plain Python that defines what LogQL means; `driftwood.logql.plan` is checked against it.

From lines, which the SQL engine does in its own way:
    sources      where lines come from, as this engine sees them
    logs         log queries
    samples      lines to samples
    engine       `evaluate(expr, source, question, limits)`

From samples to answers, which both engines share:
    windows, ranges, leaves      the samples of a window to a value, those of a log range to a matrix
    vectors                      series x steps
    aggregations, binary, replace, gomath, metrics      from matrices to matrices
    answers                      the steps of a question, the order of an answer, its limits
"""
