"""Settings: what a file and the environment may say, and how a slip is answered."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood import config
from driftwood.errors import ConfigError

EXAMPLE = Path(__file__).resolve().parents[2] / "driftwood.example.toml"


def loaded(text: str, tmp_path: Path, **environ: str) -> config.Config:
    path = tmp_path / "driftwood.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, environ)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    text = '[server]\nlisten = "0.0.0.0:1"\nmax_lines = 7\n[kafka]\ntopics = ["a", "b"]'
    got = loaded(text, tmp_path, DRIFTWOOD__SERVER__LISTEN="0.0.0.0:2", OTHER="x")
    assert (got.server.listen, got.server.max_lines) == ("0.0.0.0:2", 7)
    assert got.kafka.topics == ("a", "b")
    assert got.store == config.Store()


def test_lists_numbers_and_switches_can_be_given_in_the_environment() -> None:
    got = config.load(
        None,
        {
            "DRIFTWOOD__KAFKA__BROKERS": "a:1, b:2",
            "DRIFTWOOD__DETECTION__WINDOW_S": "30",
            "DRIFTWOOD__REDACTION__ENABLED": "no",
            "DRIFTWOOD__STORE__THREADS": "4",
        },
    )
    assert got.kafka.brokers == ("a:1", "b:2")
    assert got.detection.window_s == 30.0
    assert got.redaction.enabled is False
    assert got.store.threads == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nlistn = 'x'", "unknown setting 'listn'; did you mean 'listen'?"),
        ("[sever]\nlisten = 'x'", "unknown section 'sever'; did you mean 'server'?"),
        ("[server]\nlisten = 3", "listen: 3 is not str"),
        ("[store]\nthreads = true", "threads: True is not int"),
        ("[store]\nthreads = 1.5", "threads: 1.5 is not int"),
        ("[ingest]\nqueue_rows = 0", "queue_rows: 1 or more is needed, and not 0"),
        ("[store]\nretention_s = -1", "retention_s: 0 or more is needed, and not -1.0"),
        ("[detection]\nwindow_s = 0", "window_s: a number above 0 is needed, and not 0.0"),
        ("[detection]\nlateness_s = nan", "lateness_s: 0 or more is needed, and not nan"),
        ("[server]\nquery_timeout_s = inf", "query_timeout_s: a number above 0 is needed"),
        ("[kafka]\ntopics = [1]", "topics: [1] is not a list of texts"),
        ("[detection]\nstreams = 3", "these are tables [[detection.streams]] in a file"),
        ("[detection]\nstreams = [3]", "streams 1: 3 is not a table of settings"),
        (
            "[[detection.streams]]\nmatch = '{}'\n[[detection.streams]]\nsesion = 'x'",
            "streams 2: unknown setting 'sesion'; did you mean 'session'?",
        ),
        ("[[detection.streams]]\ngap_s = 0", "streams 1 gap_s: a number above 0 is needed"),
        ("server = 1", "[server] is a section of settings, not a value"),
        ("[server", "is not valid TOML"),
    ],
)
def test_a_slip_in_the_file_is_named_with_what_would_be_right(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(text, tmp_path)
    assert said in str(caught.value)
    assert "driftwood.toml" in str(caught.value)


def test_tables_of_streams_are_read_in_their_order(tmp_path: Path) -> None:
    text = """
    [[detection.streams]]
    match = '{service_name="hdfs"}'
    session = 'blk_-?\\d+'
    gap_s = 60
    [[detection.streams]]
    detectors = ["episode_memory"]
    """
    got = loaded(text, tmp_path).detection.streams
    assert [rule.match for rule in got] == ['{service_name="hdfs"}', "{}"]
    assert (got[0].session, got[0].gap_s, got[1].detectors) == (
        r"blk_-?\d+",
        60.0,
        ("episode_memory",),
    )
    shown = config.effective(loaded(text, tmp_path))["detection"]["streams"]
    assert shown[1]["detectors"] == ("episode_memory",)
    with pytest.raises(ConfigError, match="DRIFTWOOD__DETECTION__STREAMS"):
        config.load(None, {"DRIFTWOOD__DETECTION__STREAMS": "x"})


def test_a_slip_in_the_environment_is_named_by_its_variable() -> None:
    with pytest.raises(ConfigError, match="DRIFTWOOD__SERVER__LISTNE.*did you mean 'listen'"):
        config.load(None, {"DRIFTWOOD__SERVER__LISTNE": "x"})
    with pytest.raises(ConfigError, match="DRIFTWOOD__STORE__THREADS"):
        config.load(None, {"DRIFTWOOD__STORE__THREADS": "two"})
    assert config.load(None, {"DRIFTWOOD_URL": "http://x"}) == config.Config()


def test_a_missing_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration .*No such file"):
        config.load(tmp_path / "none.toml", {})


def test_the_example_file_is_what_the_program_would_print_and_uncommented_gives_the_defaults(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.read_text("utf-8")
    assert text == config.example()
    bare = "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in text.splitlines()
    )
    tree = tomllib.loads(bare)
    known = {
        section.name: {s.name for s in dataclasses.fields(getattr(config.Config(), section.name))}
        for section in dataclasses.fields(config.Config)
    }
    assert {section: set(keys) for section, keys in tree.items()} == known
    assert loaded(bare, tmp_path) == config.Config()


def test_secrets_are_hidden_when_settings_are_shown() -> None:
    got = config.load(None, {"DRIFTWOOD__KAFKA__SASL_PASSWORD": "hunter2"})
    shown = config.effective(got)
    assert shown["kafka"]["sasl_password"] == "***"
    assert "hunter2" not in str(shown)


@given(st.dictionaries(st.text(), st.text(), max_size=4))
def test_no_environment_ends_in_anything_but_settings_or_a_config_error(
    environ: dict[str, str],
) -> None:
    prefixed = {config.PREFIX + name: value for name, value in environ.items()}
    try:
        config.load(None, prefixed)
    except ConfigError as error:
        assert config.PREFIX in str(error)
