"""What lies in a folder of data, packed or not, as one list of names and their bytes.

An archive (`.zip`, `.tar`, `.tar.xz`, ...) counts as its members, a packed file (`.xz`, `.gz`) as the file in it. One
folder around everything is left out, in an archive as on the disk: `alerts_csv/fox_alerts.txt` is `fox_alerts.txt`.
Archives in folders below are left alone.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any

from eval.parsing.readers import DataSetError

_TAR = re.compile(r"\.(tar(\.(gz|xz|bz2))?|tgz|txz)$")
_PACKED: dict[str, Callable[[Path], Any]] = {".xz": lzma.open, ".gz": gzip.open}
_TEXT_BESIDE = re.compile(r"^(readme|license|licence|manifest|copying|changelog)\b", re.IGNORECASE)
_LARGE = 256 << 20
"""Bytes of a tar from which on it must be unpacked: to list it is to read all of it."""
DAMAGED = (
    *(OSError, EOFError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    NotImplementedError,  # zipfile's word for a compression that it does not know
)

Wanted = Callable[[str], bool]


@dataclass(frozen=True)
class Folder:
    """Raises DataSetError, which names the file, where something in it cannot be read."""

    path: Path
    unwrap: bool = True
    """Whether one folder around everything is left out; not for the folder of all data sets."""
    depth: int = 3
    """Levels of folders that are looked into, this one being the first."""

    @cached_property
    def root(self) -> Path:
        """Where the names begin."""
        root = self.path
        while self.unwrap:
            inside = [each for each in _visible(root) if not _TEXT_BESIDE.match(each.name)]
            if len(inside) != 1 or not inside[0].is_dir():
                break
            root = inside[0]
        return root

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Sorted by where they lie."""
        return tuple(name for file in self._files for name, _ in self._opened(file))

    def read(self, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files that are wanted, an archive read once from its start to its end."""
        for file in self._files:
            for name, opened in self._opened(file):
                if wanted(name):
                    yield name, self._guarded(file, partial(_first, opened, -1))

    def head(self, name: str, size: int = 4_096) -> bytes:
        for file in self._files:
            for each, opened in self._opened(file):
                if each == name:
                    return self._guarded(file, partial(_first, opened, size))
        raise DataSetError(f"{self.path} holds no {name}")

    def one(self, name: str) -> bytes:
        for _, content in self.read(lambda each: each == name):
            return content
        raise DataSetError(f"{self.path} holds no {name}; fetch the data set again")

    def on_disk(self, name: str) -> Path:
        """Where a file that is in no archive lies; it may still be packed."""
        for packed in ("", *_PACKED):
            if (path := self.root / f"{name}{packed}").is_file():
                return path
        raise DataSetError(f"{self.path} holds no {name} that can be read as it lies; unpack it")

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        return tuple(_walk(self.root, self.depth))

    def _opened(self, file: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
        """Each valid until the next is asked for."""
        within = file.relative_to(self.root).as_posix()
        is_on_top = file.parent == self.root  # one below belongs to another data set
        if file.suffix == ".zip" and is_on_top:
            yield from self._zipped(file)
        elif _TAR.search(file.name) and is_on_top and file.stat().st_size < _LARGE:
            yield from self._tarred(file)
        elif file.suffix in _PACKED:
            yield within.removesuffix(file.suffix), partial(_PACKED[file.suffix], file)
        else:
            yield within, partial(_plain, file)

    def _zipped(self, file: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
        try:
            with zipfile.ZipFile(file) as zipped:
                members = [m for m in zipped.infolist() if not m.is_dir()]
                around = _around([m.filename for m in members])
                for m in members:
                    yield m.filename[around:], partial(zipped.open, m)
        except DAMAGED as error:
            raise _damaged(file, error) from error

    def _tarred(self, file: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
        try:
            with tarfile.open(file) as tarred:
                members = [m for m in tarred.getmembers() if m.isfile()]
                around = _around([m.name for m in members])
                for m in members:
                    yield m.name[around:], partial(_extracted, tarred, m)
        except DAMAGED as error:
            raise _damaged(file, error) from error

    @staticmethod
    def _guarded(file: Path, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except DAMAGED as error:
            raise _damaged(file, error) from error


def digest(*contents: bytes) -> str:
    """The first 16 digits of the SHA-256 of all of them: the same for a file packed and unpacked."""
    whole = hashlib.sha256()
    for content in contents:
        whole.update(content)
    return whole.hexdigest()[:16]


def text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _damaged(file: Path, error: BaseException) -> DataSetError:
    return DataSetError(f"{file} cannot be read: {error or type(error).__name__}. Fetch it again")


def _plain(file: Path) -> IO[bytes]:
    return file.open("rb")


def _extracted(tarred: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tarred.extractfile(member)
    if file is None:
        raise OSError(f"{member.name} is no file")
    return file


def _first(opened: Callable[[], IO[bytes]], size: int) -> bytes:
    with opened() as file:
        return file.read(size)


def _around(names: list[str]) -> int:
    """How many characters of the names are a folder around all of them."""
    around = 0
    while names:
        first, slash, _ = names[0][around:].partition("/")
        if not slash or any(not name[around:].startswith(f"{first}/") for name in names):
            break
        around += len(first) + 1
    return around


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__MACOSX")))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    for each in _visible(folder):
        if each.is_file():
            yield each
        elif depth > 1 and each.is_dir():
            yield from _walk(each, depth - 1)
