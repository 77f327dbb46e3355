"""Whatever is asked on Loki's paths is answered or refused; nothing makes the server fail."""

from __future__ import annotations

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ui.loki.conftest import NOON, SECOND

PATHS = [
    "/loki/api/v1/query",
    "/loki/api/v1/query_range",
    "/loki/api/v1/format_query",
    "/loki/api/v1/labels",
    "/loki/api/v1/label/app/values",
    "/loki/api/v1/label/%00/values",
    "/loki/api/v1/series",
    "/loki/api/v1/index/stats",
    "/loki/api/v1/index/volume",
    "/loki/api/v1/index/volume_range",
    "/loki/api/v1/patterns",
    "/loki/api/v1/detected_labels",
    "/loki/api/v1/detected_fields",
    "/loki/api/v1/detected_field/took/values",
    "/api/prom/query",
    "/api/prom/label",
]
EXTREMES = [str(n) for n in (-(2**63), -1, 0, 1, 2**31, 2**63 - 1, 2**63, 10**30)]
QUERIES = st.sampled_from(
    [
        "",
        "{}",
        '{app="api"}',
        '{app=~".+"} | json | logfmt | line_format "{{.took}}"',
        'sum by (app) (rate({app=~".+"} | unwrap took [1s]))',
        "1/0",
        "vector(0)^0.5",
        'quantile_over_time(NaN, {app="pay"} | json | unwrap user_id [5m])',
        '{app="\\x00\\xff"}',
    ]
)
TIMES = st.sampled_from(
    [str(NOON), str(NOON + 600 * SECOND), str(NOON // SECOND), "1.5", *EXTREMES]
)
PARAMETERS = {
    "query": QUERIES | st.text(max_size=20),
    "match[]": QUERIES,
    "start": TIMES,
    "end": TIMES,
    "time": TIMES | st.text(max_size=5),
    "since": st.sampled_from(["5m", "1y", "", "9999999y"]),
    "step": st.sampled_from(["1", "60", "1h", "1e-9", "0.001", "1e18", *EXTREMES]),
    "interval": st.sampled_from(["1", "1e-9", *EXTREMES]),
    "limit": st.sampled_from(["1", "100", *EXTREMES]),
    "line_limit": st.sampled_from(["1", *EXTREMES]),
    "direction": st.sampled_from(["forward", "BACKWARD", "?"]),
    "targetLabels": st.sampled_from(["app", "app,level,,x", "'", "\x00"]),
    "aggregateBy": st.sampled_from(["series", "labels", "?"]),
}


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    path=st.sampled_from(PATHS),
    said=st.fixed_dictionaries({}, optional=PARAMETERS),
    post=st.booleans(),
)
def test_anything_is_answered_or_refused(
    loki: httpx.Client, path: str, said: dict[str, str], post: bool
) -> None:
    send = "POST" if post and not path.startswith("/api/prom") else "GET"
    how = {"data" if send == "POST" else "params": said}
    answer = loki.request(send, path, **how)  # type: ignore[arg-type]
    assert answer.status_code in (200, 400), (path, said, answer.text)
    if answer.status_code == 200:
        assert answer.json() is not None
    else:
        assert answer.text
        assert "\n" not in answer.text
