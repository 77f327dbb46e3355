"""Runs one parser of others inside their environment: `python worker.py FOLDER`. It imports nothing of ours.

FOLDER holds `request.json` (parser, settings, per_set, dataset) and `lines.json`, one JSON string a line. It gets
`templates.json`, one JSON string or null for each line, and `result.json` (seconds, cpu_s, peak_mb, settings). What the
parser prints, its last words among it, goes to stdout.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RENAMED = {"regex": "rex", "delimiter": "delimeter", "theshold": "threshold"}
"""What logparser's own benchmark calls an argument of `LogParser`."""
TYPED_MASKS = (
    (r"(?<![^\s=(\[\"',:;<>])https?://[^\s,;\"'<>)\]]+", "*"),
    (r"(?<![\w.-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?![\w-])", "*"),
    (r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])", "*"),
    (r"(?<![\w:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![\w:])", "*"),
    (r"(?<![\w.])/?(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.]*\d)", "*"),
    (r"(?<![\w-])\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?)?(?![\w-])", "*"),
    (r"(?<![\w:])\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?![\w:])", "*"),
    (r"(?<![^\s=(\[\"',:;])(?:/[\w.+@%-]+){2,}/?", "*"),
    (r"(?<!\w)0x[0-9a-fA-F]+(?!\w)", "*"),
    (r"(?<!\w)(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{6,}(?!\w)", "*"),
    (r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:ms|us|ns|s|[KMGT]?B|%)?(?![\w.]*\w)", "*"),
)
"""For drain3: URLs, mail addresses, UUIDs, MAC and IP addresses, dates, times, paths, hex and numbers."""

Parse = Callable[[], Sequence[Any]]


def drain3(lines: list[str], typed: bool = False) -> Parse:
    """Lines in order, each with the template that its cluster has in the end."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.profiling_enabled = False
    config.mask_prefix, config.mask_suffix = "<", ">"
    if typed:
        config.masking_instructions = [MaskingInstruction(*each) for each in TYPED_MASKS]
    miner = TemplateMiner(config=config)

    def parse() -> list[str]:
        ids = [miner.add_log_message(line)["cluster_id"] for line in lines]
        final = {each.cluster_id: each.get_template() for each in miner.drain.clusters}
        return [final[number] for number in ids]

    return parse


def tipping(lines: list[str]) -> Parse:
    """A cluster may have several templates, so that the mask of the line itself says which is meant."""
    library = importlib.import_module("tipping")

    def parse() -> list[str]:
        numbers, masks, templates = library.parse(lines)
        found = []
        for line, number, mask in zip(lines, numbers, masks, strict=True):
            known = templates[number] if number is not None else ()
            found.append(next(iter(known)) if len(known) == 1 else masked(line, mask))
        return found

    return parse


def masked(line: str, mask: str) -> str:
    """`line` with `<*>` for each run of 1 in `mask`, which has a digit per character or per byte of UTF-8."""
    text: str | bytes = line if len(mask) == len(line) else line.encode()
    pieces, at = [], 0
    for run in re.finditer(r"1+", mask):
        pieces.append(text[at : run.start()])
        at = run.end()
    pieces.append(text[at:])
    whole = [each if isinstance(each, str) else each.decode("utf-8", "replace") for each in pieces]
    return "<*>".join(whole)


def logparser(lines: list[str], name: str, settings: dict[str, Any]) -> Parse:
    """A `LogParser` of logparser3. It gets the lines in place of what it would have read from a file and cut there."""
    pd = importlib.import_module("pandas")

    _mend(pd)
    root = Path(next(iter(importlib.import_module("logparser").__path__)))
    _complete(root, name)
    sys.path.insert(0, str(root / name))  # SHISO imports itself from there
    original = importlib.import_module(f"logparser.{name}").LogParser

    full = [place for place, line in enumerate(lines) if line]
    Path("in.log").write_text("".join(f"{lines[place]}\n" for place in full))
    frame = pd.DataFrame({"LineId": range(1, len(full) + 1), "Content": [lines[at] for at in full]})

    class Fed(original):  # type: ignore[misc, valid-type]
        def log_to_dataframe(self, *_: object) -> Any:
            return frame.copy()

    known = inspect.signature(original.__init__).parameters
    settings = {"keep_para": False, **settings}
    given = {name: value for name, value in settings.items() if name in known}
    folders = {"indir": "./", "outdir": "./", "log_format": "<Content>", "logname": "in.log"}
    given |= {name: value for name, value in folders.items() if name in known}
    parser = Fed(**given)
    found: list[str | None] = [None] * len(lines)

    def parse() -> list[str | None]:
        parser.parse("in.log")
        read = pd.read_csv("in.log_structured.csv", dtype=str, keep_default_na=False)
        numbers = [int(number) for number in read["LineId"]]
        if name == "Logram":  # its LineId is that of the first line with the same words
            if len(read) != len(full):
                raise ValueError(f"{len(read)} of {len(full)} lines came back")
            numbers = list(range(1, len(read) + 1))
        for number, template in zip(numbers, read["EventTemplate"], strict=True):
            found[full[number - 1]] = template
        return found

    return parse


def _mend(pd: Any) -> None:
    """What ULP needs of an older pandas, and that it looks at all lines, not at 2,000 drawn at random."""
    pd.Series.iteritems = pd.Series.items
    pd.DataFrame.append = lambda self, other: pd.concat([self, other])
    pd.DataFrame.sample = lambda self, *_, **__: self
    pd.options.mode.chained_assignment = None


def _complete(root: Path, name: str) -> None:
    """The package on the registry lacks the programs that are not Python; the user may have put them beside it."""
    needed = {"LogCluster": "logcluster.pl", "SLCT": "cslct.c"}.get(name)
    if needed and not (root / name / "src" / needed).exists():
        raise FileNotFoundError(
            f"logparser3 as published lacks {needed}; put it from logparser's repository into {root / name / 'src'}"
        )


def per_set(name: str, dataset: str) -> dict[str, Any]:
    """The settings of logparser's own benchmark, read from the package where they are installed."""
    package = importlib.import_module("logparser")
    tree = ast.parse((Path(next(iter(package.__path__))) / name / "benchmark.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "benchmark_settings":
            published = ast.literal_eval(node.value)
            if dataset not in published:
                raise LookupError(f"no published settings for the data set {dataset}")
            found = {RENAMED.get(key, key): value for key, value in published[dataset].items()}
            return {key: value for key, value in found.items() if not key.startswith("log_")}
    raise LookupError(f"{name} comes without settings per data set")


def prepared(request: dict[str, Any], lines: list[str]) -> tuple[Parse, dict[str, Any]]:
    """The parser, ready to run, and the settings that it got."""
    name, settings = request["parser"], request["settings"]
    if name == "drain3":
        return drain3(lines, **settings), settings
    if name == "tipping":
        return tipping(lines), settings
    if Path(name).suffix == ".py":  # a parser in a file: `def parse(lines) -> templates`
        spec = importlib.util.spec_from_file_location("peer", name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return lambda: list(module.parse(lines)), settings
    if request["per_set"]:
        settings = per_set(name, request["dataset"])
    return logparser(lines, name, settings), settings


def form(template: Any) -> str | None:
    """Wildcards in the benchmark's form: for a word `*`, LogCluster's `*{1,3}`, MoLFI's `#spec#`."""
    if template is None:
        return None
    template = str(template).replace("#spec#", "<*>")
    return re.sub(r"(?<!\S)\*(?:\{\d+,\d+\})?(?!\S)", "<*>", template)


def _dies_with_its_parent() -> None:
    """A run that is cut off leaves no process behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    """Of this process, or of a program that it started where that is larger."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    with contextlib.suppress(OSError), Path("/proc/self/status").open() as status:
        # Not from getrusage, where the parent's peak from before the start of this program counts, too.
        for line in status:
            if line.startswith("VmHWM:"):
                return max(int(line.split()[1]) / 1024, children)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(folder: Path) -> None:
    _dies_with_its_parent()
    os.chdir(folder)
    request = json.loads(Path("request.json").read_text())
    with Path("lines.json").open() as file:  # a line break in a line would make two of it
        lines = [" ".join(json.loads(line).split("\n")).strip() for line in file]
        lines = [line.replace("\r", " ") for line in lines]
    parse, settings = prepared(request, lines)
    cpu_s, started = _cpu_s(), time.perf_counter()
    templates = parse()
    result: dict[str, Any] = {"seconds": time.perf_counter() - started, "cpu_s": _cpu_s() - cpu_s}
    if len(templates) != len(lines):
        raise ValueError(f"{len(templates)} templates for {len(lines)} lines")
    with Path("templates.json").open("w") as file:
        file.writelines(json.dumps(form(template)) + "\n" for template in templates)
    result |= {"peak_mb": _peak_mb(), "settings": settings}
    Path("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(Path(sys.argv[1]))
