"""Loghub's layouts as they lie on disk, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftwood.errors import ConfigError
from eval.parsing.readers import DataSet, DataSetError, find, load

FULL = "LineId,Content,EventId,EventTemplate\n"


def lay(folder: Path, suffix: str = "full.log_structured.csv", text: str = "") -> Path:
    """A data set named as its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{folder.name}_{suffix}"
    path.write_bytes((text or FULL + "1,up 1,E1,up <*>\n2,down,E2,down\n").encode())
    return path


def names(data: Path, *sets: str) -> list[str]:
    return [each.name for each in find(data, sets)]


def read(folder: Path) -> tuple[list[str], list[str | None]]:
    loaded = load(DataSet(folder.name, folder))
    lines: list[str] = loaded.lines.to_pylist()  # type: ignore[assignment]
    return lines, [None if at < 0 else loaded.truth.texts[at] for at in loaded.truth.ids]


def test_a_folder_beside_the_others_is_one_more_data_set(tmp_path: Path) -> None:
    lay(tmp_path / "Ours")
    lay(tmp_path / "Theirs", "2k.log_structured_corrected.csv")
    (tmp_path / "notes").mkdir()
    assert names(tmp_path) == ["Ours", "Theirs"]
    assert names(tmp_path, "Theirs") == ["Theirs"]


def test_a_folder_of_groups_is_read_with_the_groups_names(tmp_path: Path) -> None:
    lay(tmp_path / "loghub_2k" / "Mac", "2k.log_structured.csv")
    lay(tmp_path / "loghub_2_0" / "Mac")
    lay(tmp_path / "loghub_2_0" / "HPC")
    assert names(tmp_path) == ["loghub_2_0/HPC", "loghub_2_0/Mac", "loghub_2k/Mac"]
    assert names(tmp_path, "Mac") == ["loghub_2_0/Mac", "loghub_2k/Mac"]
    assert names(tmp_path, "loghub_2_0", "Mac") == [
        "loghub_2_0/HPC", "loghub_2_0/Mac", "loghub_2k/Mac",
    ]  # fmt: skip
    assert {each.group for each in find(tmp_path, ["loghub_2k"])} == {"loghub_2k"}


def test_a_data_set_itself_can_be_the_folder(tmp_path: Path) -> None:
    lay(tmp_path / "HPC")
    assert names(tmp_path / "HPC") == ["HPC"]


def test_lines_are_the_content_and_truth_the_template(tmp_path: Path) -> None:
    quoted = FULL + '1,"say ""hi"", 1","E1","say ""hi"", <*>"\n2, two  spaces ,E2, two  spaces \n'
    lay(tmp_path / "X", text=quoted)
    assert read(tmp_path / "X") == (
        ['say "hi", 1', " two  spaces "],
        ['say "hi", <*>', " two  spaces "],
    )


def test_columns_are_found_by_name_and_other_columns_are_left(tmp_path: Path) -> None:
    text = "LineId,Date,Level,Content,EventId,EventTemplate\n1,x,INFO,a 1,E1,a <*>\n"
    lay(tmp_path / "X", "2k.log_structured_corrected.csv", text)
    assert read(tmp_path / "X") == (["a 1"], ["a <*>"])


def test_corrected_labels_win_over_those_before(tmp_path: Path) -> None:
    lay(tmp_path / "X", "2k.log_structured.csv", FULL + "1,a,E1,old\n")
    lay(tmp_path / "X", "2k.log_structured_corrected.csv", FULL + "1,a,E1,new\n")
    assert read(tmp_path / "X")[1] == ["new"]


def test_an_empty_template_is_no_label_and_words_like_null_are_words(tmp_path: Path) -> None:
    lay(tmp_path / "X", text=FULL + "1,null,E1,null\n2,NA,E2,\n3,,E3,NaN\n4,007,E4,007\n")
    assert read(tmp_path / "X") == (["null", "NA", "", "007"], ["null", None, "NaN", "007"])


def test_other_line_ends_a_mark_at_the_start_and_lines_in_quotes(tmp_path: Path) -> None:
    text = "\ufeff" + FULL + '1,"two\nlines",E1,a\n2,b,E2,b\n'
    lay(tmp_path / "X", text=text.replace("\n", "\r\n"))
    assert read(tmp_path / "X") == (["two\r\nlines", "b"], ["a", "b"])


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    path = lay(tmp_path / "X")
    path.write_bytes(FULL.encode() + b"1,caf\xe9 1,E1,caf\xe9 <*>\n2,b,E2,b\n")
    assert read(tmp_path / "X") == (["caf\ufffd 1", "b"], ["caf\ufffd <*>", "b"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FULL, "holds no line"),
        ("LineId,Content,EventId\n1,a,E1\n", "EventTemplate"),
        (FULL + "1,a,E1,a\n2,b,E", "Expected 4 columns, got 3"),
        (FULL + "1,a,E1,\n", "holds no true template"),
        ("\n", "cannot be read"),
    ],
)
def test_a_damaged_set_says_what_is_wrong_and_where(tmp_path: Path, text: str, why: str) -> None:
    lay(tmp_path / "X", text=text)
    with pytest.raises(DataSetError, match=why) as error:
        load(DataSet("X", tmp_path / "X"))
    assert "X_full.log_structured.csv" in str(error.value)


def test_a_set_without_labels_or_without_a_folder_says_how_to_fetch_it(tmp_path: Path) -> None:
    (tmp_path / "X").mkdir()
    (tmp_path / "X" / "X_full.log").write_text("a\n")
    (bare,) = find(tmp_path)
    for dataset in (bare, *find(tmp_path, ["Nowhere"])):
        with pytest.raises(DataSetError, match="driftwood data download loghub"):
            load(dataset)


def test_nothing_to_read_is_a_wrong_setting(tmp_path: Path) -> None:
    for data in (None, tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigError, match="driftwood data download loghub"):
            find(data)


def test_the_sets_at_hand_have_their_known_sizes(shared: Path) -> None:
    sizes = {
        each.name: len(load(each).truth) for each in find(shared / "data", ["Linux", "Apache"])
    }
    assert sizes == {
        "loghub_2_0/Linux": 23_921,
        "loghub_2k/Linux": 2_000,
        "loghub_2k/Apache": 2_000,
    }
