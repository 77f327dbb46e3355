"""Curves of precision over recall, a figure for each data set and view of a protocol, as SVG and PNG.

Several seeds are several thin lines of one colour. The dotted line is the prevalence: what knowing nothing gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from driftwood.errors import ConfigError
from driftwood.registry import how_to_install
from eval.detection.dataset import Dataset
from eval.detection.metrics import Ranking
from eval.detection.protocols import Protocol, all_units
from eval.detection.subjects import ORACLES
from eval.detection.worker import Outcome

MOST = 10
"""Lines in a figure: the best by average precision."""


def ready(folder: Path) -> None:
    """Raises ConfigError, before anything is measured, when figures cannot be drawn."""
    _figures()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--plots {folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)


def draw(data: Dataset, protocol: Protocol, outcomes: Sequence[Outcome], folder: Path) -> None:
    """Figures of all views, of the subjects that ran under the protocol."""
    for name, view in (protocol.views or {protocol.name: all_units}).items():
        curves: dict[str, list[Ranking]] = {}
        for outcome in outcomes:
            for run in outcome.runs:
                if run.protocol == protocol.name and outcome.subject not in ORACLES:
                    split = protocol.split(data, run.seed)
                    counts = view(data, split.test)
                    weight = None if split.weight is None else split.weight[counts]
                    ranking = Ranking.of(data.truth[split.test[counts]], run.test[counts], weight)
                    curves.setdefault(outcome.subject, []).append(ranking)
        if curves:
            _figure(f"{data.name}, {name}", curves, folder / _file_name(f"{data.name} {name}"))


def _figure(title: str, curves: dict[str, list[Ranking]], path: Path) -> None:
    aps = {name: float(np.mean([each.ap() for each in found])) for name, found in curves.items()}
    # Not by pyplot: its current figure is one for all threads.
    figure = _figures().Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    for at, name in enumerate(sorted(aps, key=lambda name: -aps[name])[:MOST]):
        for seed, ranking in enumerate(curves[name]):
            axes.step(
                np.append(0.0, ranking.recall),
                np.append(ranking.precision[:1], ranking.precision),
                where="pre",
                color=f"C{at}",
                linewidth=0.9 if len(curves[name]) > 1 else 1.5,
                label=None if seed else f"{name}  AP {aps[name]:.3f}",
            )
    first = next(iter(curves.values()))[0]
    axes.axhline(first.prevalence, color="0.5", linestyle=":", linewidth=1)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=title)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    for kind in ("svg", "png"):
        figure.savefig(f"{path}.{kind}", dpi=120)


def _file_name(text: str) -> str:
    """
    >>> _file_name("ait_ads/fox A+contamination3%")
    'ait_ads_fox_A_contamination3'
    """
    return re.sub(r"\W+", "_", text).strip("_")


def _figures() -> Any:
    try:
        return import_module("matplotlib.figure")
    except ModuleNotFoundError as error:
        install = how_to_install("matplotlib")
        raise ConfigError(f"--plots needs matplotlib; install it with {install}") from error
