"""Which other parsers take part, and with which settings.

One setting for all: that of each parser's own `demo.py` in logparser3, with the regular expressions there.
`NAME (per set)`: what logparser3's `benchmark.py` sets for each data set by its name, which no user with logs of their
own has.
"""

from __future__ import annotations

from typing import Any

from eval.parsing.peers.subject import Peer

NUMBERS = [
    r"blk_(|-)[0-9]+",
    r"(/|)([0-9]+\.){3}[0-9]+(:[0-9]+|)(:|)",
    r"(?<=[^A-Za-z0-9])(\-?\+?\d+)(?=[^A-Za-z0-9])|[0-9]+$",
]
"""Block ids, IP addresses, numbers."""
ADDRESSES = [r"blk_-?\d+", r"(\d+\.){3}\d+(:\d+)?"]
LOGPARSER: dict[str, dict[str, Any]] = {
    "AEL": {"minEventCount": 2, "merge_percent": 0.5},
    "Brain": {"threshold": 2, "delimeter": []},
    "Drain": {"st": 0.5, "depth": 4},
    "IPLoM": {"maxEventLen": 120, "step2Support": 0, "CT": 0.35, "lowerBound": 0.25},
    "LenMa": {"threshold": 0.9},
    "LFA": {},
    "LogCluster": {"rsupport": 10},
    "LogMine": {"levels": 2, "max_dist": 0.001, "k": 1},
    "Logram": {"doubleThreshold": 15, "triThreshold": 10},
    "LogSig": {"groupNum": 14},
    "MoLFI": {},
    "SHISO": {
        "maxChildNum": 4,
        "mergeThreshold": 0.1,
        "formatLookupThreshold": 0.3,
        "superFormatThreshold": 0.85,
    },
    "SLCT": {"support": 10},
    "Spell": {"tau": 0.5},
    "ULP": {},
}
"""Its name is its folder there."""


REGEXES = {
    **dict.fromkeys(("AEL", "Brain", "Drain", "Logram", "ULP"), NUMBERS),
    **dict.fromkeys(("MoLFI", "SHISO"), ADDRESSES),
}
"""As in the demos; the others get none, and some of them delete what matches. AEL has more with the numbers than with
the addresses of its demo."""


def peers() -> dict[str, Peer]:
    """By name, in the benchmark's lower case."""
    found = {
        "drain3 (default)": Peer("drain3"),  # ours that wraps it is `drain3`
        "drain3 (typed masks)": Peer("drain3", {"typed": True}),
        "tipping": Peer("tipping"),
    }
    for name, numbers in LOGPARSER.items():
        found[name.lower()] = Peer(name, {**numbers, "rex": REGEXES.get(name, [])})
        found[f"{name.lower()} (per set)"] = Peer(name, tuned=True)
    return found
