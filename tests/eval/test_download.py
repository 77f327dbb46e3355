"""Downloads, from a server on this machine that plays Zenodo: whole, cut off, damaged, hostile."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from driftwood.errors import ConfigError
from eval.download import LOGHUB_2, RAW, DownloadError, Loghub
from tests.ui.processes import driftwood, free_port

CSV = "LineId,Content,EventId,EventTemplate\n1,up 5,E1,up <*>\n"


def zipped(name: str, **others: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(f"{name}/{name}_full.log_structured.csv", CSV)
        file.writestr(f"{name}/{name}_full.log", "up 5\n" * 1000)
        file.writestr("__MACOSX/junk", "x")
        for path, text in others.items():
            file.writestr(path, text)
    return data.getvalue()


class Zenodo(ThreadingHTTPServer):
    """Each file of the record, and how it misbehaves."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {"Alpha": zipped("Alpha"), "Beta": zipped("Beta")}
        self.cut: list[int] = []
        """The next answers end after so many bytes."""
        self.fail: list[int] = []
        """The next answers are these statuses."""
        self.ranges = True
        self.damaged = 0
        """So many more files are sent with a wrong byte."""
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Zenodo

    def do_GET(self) -> None:
        zenodo, range_ = self.server, self.headers.get("Range")
        zenodo.asked.append((self.path, range_))
        if zenodo.fail:
            self.send_error(zenodo.fail.pop(0))
            return
        if self.path in (f"/api/records/{each.number}" for each in (LOGHUB_2, RAW)):
            files = [
                {"key": f"{n}.zip", "size": len(d), "checksum": f"md5:{hashlib.md5(d).hexdigest()}"}
                for n, d in zenodo.files.items()
            ]
            self._send(200, json.dumps({"files": [*files, {**files[0], "key": "README"}]}).encode())
            return
        data = zenodo.files[Path(self.path).stem]
        if zenodo.damaged:
            zenodo.damaged -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        start = int(range_.removeprefix("bytes=").rstrip("-")) if range_ and zenodo.ranges else 0
        self._send(206 if start else 200, data[start:], zenodo.cut.pop(0) if zenodo.cut else None)

    def _send(self, status: int, body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def zenodo() -> Iterator[Zenodo]:
    server = Zenodo()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(zenodo: Zenodo, data: Path, *sets: str) -> list[str]:
    return Loghub(data, zenodo.url, wait=lambda _: None).fetch(sets)


def files(data: Path) -> list[str]:
    return sorted(str(each.relative_to(data)) for each in data.rglob("*") if each.is_file())


def test_all_sets_of_the_record_are_unpacked_into_their_folders(
    zenodo: Zenodo, tmp_path: Path
) -> None:
    assert fetch(zenodo, tmp_path) == ["Alpha", "Beta"]
    assert files(tmp_path) == [
        f"{name}/{name}_full.{kind}"
        for name in ("Alpha", "Beta")
        for kind in ("log", "log_structured.csv")
    ]
    assert (tmp_path / "Alpha/Alpha_full.log_structured.csv").read_text() == CSV


def test_raw_logs_are_another_record_of_which_the_labelled_ones_are_fetched(
    zenodo: Zenodo, tmp_path: Path
) -> None:
    zenodo.files |= {name: zipped(name) for name in RAW.sets}
    raw = Loghub(tmp_path, zenodo.url, wait=lambda _: None, record=RAW)
    assert raw.fetch() == ["HDFS_v1", "BGL", "Hadoop"]
    assert {path.split("/")[2] for path, _ in zenodo.asked if path.startswith("/records")} == {
        RAW.number
    }
    again = Loghub(tmp_path, zenodo.url, wait=lambda _: None, record=RAW)
    assert again.fetch(["HDFS_v1"]) == []


def test_a_set_that_is_there_is_not_asked_for_again(zenodo: Zenodo, tmp_path: Path) -> None:
    fetch(zenodo, tmp_path, "Alpha")
    zenodo.asked.clear()
    assert fetch(zenodo, tmp_path, "Alpha") == []
    assert zenodo.asked == []
    assert fetch(zenodo, tmp_path) == ["Beta"]


def test_what_was_cut_off_goes_on_where_it_stopped(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.cut = [100, 50]
    assert fetch(zenodo, tmp_path, "Alpha") == ["Alpha"]
    assert [range_ for _, range_ in zenodo.asked[1:]] == [None, "bytes=100-", "bytes=150-"]


def test_a_later_run_goes_on_too(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.cut = [100, 1, 1, 1, 1]
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(zenodo, tmp_path, "Alpha")
    zenodo.asked.clear()
    assert fetch(zenodo, tmp_path, "Alpha") == ["Alpha"]
    assert zenodo.asked[-1][1] == "bytes=104-"


def test_a_server_without_ranges_sends_all_of_it_again(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.cut, zenodo.ranges = [100], False
    assert fetch(zenodo, tmp_path, "Alpha") == ["Alpha"]


def test_a_damaged_file_is_fetched_once_more(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.damaged = 1
    assert fetch(zenodo, tmp_path, "Alpha") == ["Alpha"]


def test_one_damaged_twice_is_an_error_and_leaves_nothing(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.damaged = 2
    with pytest.raises(DownloadError, match="came damaged twice: md5 .* the record says"):
        fetch(zenodo, tmp_path, "Alpha")
    assert files(tmp_path) == []


def test_a_busy_server_is_asked_again_with_longer_pauses(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.fail = [503, 429, 500]
    pauses: list[float] = []
    assert Loghub(tmp_path, zenodo.url, wait=pauses.append).fetch(["Alpha"]) == ["Alpha"]
    assert pauses == [1.0, 2.0, 4.0]


def test_a_refusal_is_not_asked_again(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.fail = [403]
    with pytest.raises(DownloadError, match="answered 403"):
        fetch(zenodo, tmp_path)
    assert len(zenodo.asked) == 1


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "Alpha/../../evil", "a\\..\\evil"])
def test_no_file_leads_out_of_its_folder(zenodo: Zenodo, tmp_path: Path, path: str) -> None:
    zenodo.files["Alpha"] = zipped("Alpha", **{path: "x"})
    with pytest.raises(DownloadError, match="leads out of its folder"):
        fetch(zenodo, tmp_path / "data", "Alpha")
    assert not (tmp_path / "data" / "Alpha").exists()
    assert not list(tmp_path.rglob("*evil*"))


def test_an_archive_put_there_by_hand_is_checked_and_used(zenodo: Zenodo, tmp_path: Path) -> None:
    (tmp_path / "Alpha.zip").write_bytes(zenodo.files["Alpha"])
    assert fetch(zenodo, tmp_path, "Alpha") == ["Alpha"]
    assert len(zenodo.asked) == 1


def test_an_unknown_set_is_answered_with_those_there_are(zenodo: Zenodo, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no set 'Alfa'; it has Alpha, Beta"):
        fetch(zenodo, tmp_path, "Alfa")


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DownloadError, match="GB are needed at"):
        fetch(zenodo, tmp_path)
    assert len(zenodo.asked) == 1


def test_without_a_network_the_command_says_what_to_fetch_and_where_to_put_it(
    tmp_path: Path,
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DownloadError) as caught:
        Loghub(tmp_path, nobody, wait=lambda _: None).fetch(["HDFS"])
    told = str(caught.value)
    assert f"{nobody}/records/8275861/files/HDFS.zip -> {tmp_path}/HDFS.zip" in told
    assert "md5sum NAME.zip" in told
    assert f"unzip NAME.zip -d {tmp_path}" in told


def test_the_command_fetches_and_says_what_it_did(zenodo: Zenodo, tmp_path: Path) -> None:
    asked = ("data", "download", "loghub", "--data", str(tmp_path), "--mirror", zenodo.url)
    first = driftwood(*asked, "--sets", "Alpha")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{tmp_path} is complete; fetched now: Alpha\n"
    assert driftwood(*asked, "--sets", "Alpha").stdout.endswith("nothing was missing\n")
    unknown = driftwood("data", "download", "logbub")
    assert unknown.returncode == 2
    assert "there are loghub, loghub-raw and peers" in unknown.stderr
