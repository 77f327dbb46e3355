"""Fetches Loghub from Zenodo, with templates (2.0) or raw: checksums, resumed where it stopped, unpacked safely.

This is the one place, beside the making of the peers' environment, where Driftwood asks the internet for anything, and
only when a user says `driftwood data download`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import httpx

from driftwood.errors import ConfigError, DriftwoodError

ZENODO = "https://zenodo.org"
TRIES = 5
_CHUNK = 1 << 20
_RESERVE = 64 << 20  # bytes that stay free on the disk

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with the set, its bytes so far and its bytes in all."""


@dataclass(frozen=True, slots=True)
class Record:
    """One of Zenodo's; what it holds is asked, with sizes and checksums."""

    number: str
    sets: tuple[str, ...]
    """Of what it holds; named in the instructions where it cannot be asked."""
    mark: str
    """A file that is there when a set is."""
    whole: bool
    """Whether all that it holds is fetched by default, or `sets` only."""


LOGHUB_2 = Record(
    "8275861",
    (
        *("Apache", "BGL", "HDFS", "HPC", "Hadoop", "HealthApp", "Linux"),
        *("Mac", "OpenSSH", "OpenStack", "Proxifier", "Spark", "Thunderbird", "Zookeeper"),
    ),
    "*_full.log_structured.csv",
    whole=True,
)
"""Lines with their true templates."""
RAW = Record("8196385", ("HDFS_v1", "BGL", "Hadoop"), "*.log", whole=False)
"""Whole logs; of the record's sets those with labels that come as .zip."""


class DownloadError(DriftwoodError):
    """It did not come, or came damaged; what did come is kept for the next try."""


class _Unreachable(Exception):
    """Worth another try."""


@dataclass(frozen=True, slots=True)
class Archive:
    name: str
    url: str
    size: int
    md5: str


class Loghub:
    """`data` gets a folder per set, `<DS>/<DS>_full.log_structured.csv` or `<DS>/<DS>.log`, and what comes with it."""

    def __init__(
        self,
        data: Path,
        server: str = ZENODO,
        progress: Progress = lambda *_: None,
        wait: Callable[[float], None] = time.sleep,
        record: Record = LOGHUB_2,
    ) -> None:
        self._data = data
        self._of = record
        self._server = server.rstrip("/")
        self._progress = progress
        self._wait = wait
        timeout = httpx.Timeout(30.0, connect=10.0)
        self._http = httpx.Client(timeout=timeout, follow_redirects=True)

    def fetch(self, sets: Sequence[str] = ()) -> list[str]:
        """The sets that were fetched now, the record's usual ones by default. Raises DownloadError, ConfigError."""
        with self._http:
            missing = [name for name in sets if not self._is_there(name)]
            if sets and not missing:
                return []
            try:
                archives = self._record()
                wanted = [
                    self._known(archives, name)
                    for name in missing or (archives if self._of.whole else self._of.sets)
                    if not self._is_there(name)
                ]
                self._data.mkdir(parents=True, exist_ok=True)
                self._room(sum(each.size - self._begun(each) for each in wanted), self._data)
                for archive in wanted:
                    self._download(archive)
                    self._unpack(archive)
            except _Unreachable as error:
                raise DownloadError(f"{error}\n{self.by_hand(missing or self._of.sets)}") from error
        return [each.name for each in wanted]

    def by_hand(self, sets: Sequence[str]) -> str:
        """What to do on a machine that reaches the internet, for one that does not."""
        pages = "\n".join(f"  {self._url(name)} -> {self._data / f'{name}.zip'}" for name in sets)
        return (
            f"Fetch on a machine that can:\n{pages}\n"
            f"Check each with `md5sum NAME.zip` against the record, {self._server}/records/{self._of.number} "
            f"(or {self._server}/api/records/{self._of.number}, field files[].checksum).\n"
            f"Then, for each: `unzip NAME.zip -d {self._data}`, so that "
            f"{self._data / 'NAME' / self._of.mark.replace('*', 'NAME')} is there."
        )

    def _url(self, name: str) -> str:
        return f"{self._server}/records/{self._of.number}/files/{name}.zip"

    def _is_there(self, name: str) -> bool:
        """A set is unpacked elsewhere and renamed when whole, so that half a set is never there."""
        return any((self._data / name).rglob(self._of.mark))

    @staticmethod
    def _known(archives: dict[str, Archive], name: str) -> Archive:
        if name not in archives:
            raise ConfigError(f"the record has no set {name!r}; it has {', '.join(archives)}")
        return archives[name]

    def _record(self) -> dict[str, Archive]:
        url = f"{self._server}/api/records/{self._of.number}"
        response = self._again(lambda: self._ok(self._http.get(url)))
        try:
            return {
                name: Archive(name, self._url(name), int(each["size"]), md5)
                for each in response.json()["files"]
                for name, dot, kind in [str(each["key"]).rpartition(".")]
                for md5 in [str(each["checksum"]).removeprefix("md5:")]
                if dot and kind == "zip" and _is_plain(name)
            }
        except (ValueError, LookupError, TypeError) as error:
            raise DownloadError(f"{url} is no record of Zenodo ({error!r})") from error

    @staticmethod
    def _ok(response: httpx.Response) -> httpx.Response:
        if response.status_code == 429 or response.status_code >= 500:
            raise _Unreachable(f"{response.url} answered {response.status_code}")
        if response.status_code not in (200, 206, 416):
            raise DownloadError(f"{response.url} answered {response.status_code}")
        return response

    def _again(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, at the fifth try at the latest; pauses double from a second on."""
        for pause in (2.0**number for number in range(TRIES)):
            try:
                return ask()
            except (httpx.TransportError, httpx.InvalidURL, _Unreachable) as error:
                reason = str(error) or type(error).__name__
                if pause == 2.0 ** (TRIES - 1):
                    raise _Unreachable(f"{self._server} cannot be reached: {reason}") from error
            self._wait(pause)
        raise AssertionError

    def _part(self, archive: Archive) -> Path:
        return self._data / f"{archive.name}.zip.part"

    def _begun(self, archive: Archive) -> int:
        part = self._part(archive)
        return min(part.stat().st_size, archive.size) if part.exists() else 0

    def _download(self, archive: Archive) -> None:
        """Into `NAME.zip.part`, whole and checked. One that is damaged is fetched once more from the start."""
        part = self._part(archive)
        by_hand = self._data / f"{archive.name}.zip"
        if by_hand.exists() and not part.exists():
            by_hand.rename(part)
        for last in (False, True):
            self._again(lambda: self._rest(archive))
            with part.open("rb") as file:
                md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
            if md5.hexdigest() == archive.md5:
                return
            part.unlink()
            if last:
                raise DownloadError(
                    f"{archive.url} came damaged twice: md5 {md5.hexdigest()}, the record says {archive.md5}. "
                    "Something on the way alters it (a proxy?); try again later or from another network"
                )

    def _rest(self, archive: Archive) -> None:
        """Append what is missing. A server that ignores the range sends all of it, from the start."""
        part = self._part(archive)
        if part.exists() and part.stat().st_size > archive.size:
            part.unlink()
        begun = self._begun(archive)
        self._progress(archive.name, begun, archive.size)
        if begun == archive.size:
            return
        range_ = {"Range": f"bytes={begun}-"} if begun else {}
        headers = {"Accept-Encoding": "identity", **range_}
        with self._http.stream("GET", archive.url, headers=headers) as response:
            if self._ok(response).status_code == 416:
                part.unlink(missing_ok=True)
                raise _Unreachable(f"{archive.url} refused to go on at byte {begun:,}")
            if response.status_code == 200:
                begun = 0
            with part.open("ab" if begun else "wb") as file:
                for chunk in response.iter_raw():  # as it comes: nothing is lost when it breaks
                    file.write(chunk)
                    begun += len(chunk)
                    self._progress(archive.name, begun, archive.size)
        if begun < archive.size:
            raise _Unreachable(f"{archive.url} ended after {begun:,} of {archive.size:,} bytes")

    def _unpack(self, archive: Archive) -> None:
        """Into a folder of its own, which gets its name when all is there; then the archive goes."""
        part = self._part(archive)
        half = self._data / f".{archive.name}.part"
        shutil.rmtree(half, ignore_errors=True)
        try:
            with zipfile.ZipFile(part) as zipped:
                members = {each: _target(each, archive.name) for each in zipped.infolist()}
                self._room(sum(each.file_size for each, to in members.items() if to), self._data)
                for member, to in members.items():
                    if to is None:
                        continue
                    path = half.joinpath(*to.parts)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with zipped.open(member) as packed, path.open("wb") as file:
                        shutil.copyfileobj(packed, file, _CHUNK)
        # NotImplementedError is zipfile's word for a compression that it does not know.
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise DownloadError(f"{part} cannot be unpacked: {error}") from error
        folder = self._data / archive.name
        if not any(half.rglob(self._of.mark)):
            raise DownloadError(f"{part} holds no {self._of.mark.replace('*', archive.name)}")
        if folder.exists():
            raise DownloadError(f"{folder} is in the way: it is no data set; move it away")
        half.rename(folder)
        part.unlink()

    @staticmethod
    def _room(needed: int, folder: Path) -> None:
        free = shutil.disk_usage(folder).free
        if needed + _RESERVE > free:
            raise DownloadError(
                f"{needed / 1e9:.1f} GB are needed at {folder} and {free / 1e9:.1f} GB are free; "
                "choose fewer --sets or another --data"
            )


def _target(member: zipfile.ZipInfo, name: str) -> PurePosixPath | None:
    """Where below the set's folder it belongs; None for folders and what a Mac adds. Raises DownloadError."""
    path = PurePosixPath(member.filename)
    is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
    if path.is_absolute() or is_link or any(not _is_plain(part) for part in path.parts):
        raise DownloadError(f"{name}.zip holds {member.filename!r}, which leads out of its folder")
    if member.is_dir() or path.parts[0] == "__MACOSX" or path.name == ".DS_Store":
        return None
    return path.relative_to(name) if path.parts[0] == name and len(path.parts) > 1 else path


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and not set(part) & set("/\\:\0")
