"""Matrices written as rows of text: `_` no sample, otherwise a float."""

from __future__ import annotations

import numpy as np

from driftwood.logql.reference.vectors import SeriesMatrix, key_of


def labels_of(text: str) -> dict[str, str]:
    """`a=1 b=2`; empty: none."""
    return dict(pair.split("=") for pair in text.split())


def matrix(*rows: tuple[str, str]) -> SeriesMatrix:
    """Rows of (labels, values)."""
    cells = [values.split() for _, values in rows]
    return SeriesMatrix(
        tuple(labels_of(labels) for labels, _ in rows),
        np.array([[0.0 if c == "_" else float(c) for c in row] for row in cells]).reshape(
            len(rows), -1
        ),
        np.array([[c != "_" for c in row] for row in cells]).reshape(len(rows), -1),
    )


def shown(result: SeriesMatrix) -> list[tuple[str, str]]:
    """Back to rows, in their order."""
    return [
        (
            " ".join(f"{name}={value}" for name, value in key_of(labels)),
            " ".join(
                f"{value:g}" if there else "_"
                for value, there in zip(values.tolist(), present.tolist(), strict=True)
            ),
        )
        for labels, values, present in zip(
            result.labels, result.values, result.present, strict=True
        )
    ]
