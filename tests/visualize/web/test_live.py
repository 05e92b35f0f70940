"""The live page: rows arrive as they are committed, nobody else is answered, and the run is not touched."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.project import SOURCE
from nn_scratch.runs.run import Run
from nn_scratch.visualize.web import live
from nn_scratch.visualize.web.live import LiveRun, LiveServer
from tests.conftest import edit_json
from tests.small import contents


@pytest.fixture
def running(own: Any) -> Run:
    """A run under way: two of its five rows are committed."""
    run = own("classes")
    whole = json.loads((run.path / "commit.json").read_text())
    (run.path / "all.json").write_text(json.dumps(whole))
    commit(run, 2)
    edit_json(run.path / "run.json", status="running")
    (run.path / "model.npz").unlink()
    return Run(run.path)


def commit(run: Run, rows: int) -> None:
    whole = json.loads((run.path / "all.json").read_text())
    for name, entry in whole["files"].items():
        if name.endswith(".npy"):
            entry["rows"] = rows
        elif name == "metrics.csv":
            entry["rows"] = rows - 1
        elif name == "layers.csv":
            entry["rows"] = rows * 3
    whole |= {"tensor_epochs": whole["tensor_epochs"][:rows], "epoch": rows - 1}
    (run.path / "part.json").write_text(json.dumps(whole))
    (run.path / "part.json").replace(run.path / "commit.json")


@pytest.fixture
def server(running: Run) -> Iterator[LiveServer]:
    opened = LiveServer(LiveRun(running.path))
    yield opened
    opened.close()


def ask(
    server: LiveServer, name: str = "commit.json", method: str = "GET", token: str | None = None, **headers: str
) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    path = f"/{server.token if token is None else token}/{name}"
    try:
        connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:80"])
def test_this_machines_names_are_answered(host: str, server: LiveServer) -> None:
    assert ask(server, Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com"},
        {"Host": ""},
        {"Origin": "http://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_foreign_host_origin_or_site_is_refused(headers: dict[str, str], server: LiveServer) -> None:
    for name in ("", "commit.json", "content.json", "rows/weights/output.W.npy?from=0&to=1"):
        assert ask(server, name, **headers)[0] == 403


@pytest.mark.parametrize("token", ["", "x", "é", "../etc"])
def test_a_foreign_token_is_refused(token: str, server: LiveServer) -> None:
    quoted = token.encode("ascii", "ignore").decode()
    assert ask(server, token=quoted)[0] == 403
    assert ask(server, token=server.token[:-1] + "!")[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_but_get_and_head(method: str, server: LiveServer) -> None:
    assert ask(server, method=method)[0] == 405


@pytest.mark.parametrize(
    "name",
    [
        "rows/checkpoint.npz",
        "rows/../run.json",
        "rows/weights/../../x.npy",
        "param.yaml",
        "rows/state/x.npy",
        "rows/weights/nobody.npy",
        "rows/weights/output.W.npy,run.json",
    ],
)
def test_only_logs_that_are_listed_are_served(name: str, server: LiveServer) -> None:
    assert ask(server, name)[0] == 404


RESET = struct.pack("ii", 1, 0)  # linger: on, no seconds


@pytest.mark.parametrize(
    "sent", ["", "GET /", "GET {path} HTTP/1.1\r\n{host}\r\n", "GET {path} HTTP/1.1\r\n{host}\r\n" * 20]
)
def test_a_connection_that_breaks_prints_nothing_and_others_are_answered(
    sent: str, server: LiveServer, capfd: pytest.CaptureFixture[str]
) -> None:
    head = sent.format(path=f"/{server.token}/", host=f"Host: 127.0.0.1:{server.port}\r\n")
    before = threading.active_count()
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        connection.sendall(head.encode())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()
    assert ask(server)[0] == 200
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=30)
    assert threading.active_count() <= before
    assert capfd.readouterr().err == ""


def test_connections_above_the_most_are_closed_and_later_ones_are_answered(
    running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(live.Handler, "timeout", None)  # else it would close those that say nothing, too
    server = LiveServer(LiveRun(running.path))
    with ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        above = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        assert above.recv(1) == b""
        threads = [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]
        assert len(threads) <= 2
    for thread in threads:
        thread.join(timeout=30)
    assert ask(server)[0] == 200
    server.close()


@pytest.mark.parametrize(
    "head",
    [
        "GET /{token}/ HTTP/1.1\r\n{host}X: " + "a" * 100_000 + "\r\n\r\n",
        "GET /{token}/ HTTP/1.1\r\n{host}" + "X: a\r\n" * 300 + "\r\n",
        "GET /" + "a" * 100_000 + " HTTP/1.1\r\n{host}\r\n",
        "GET http://[/{token}/ HTTP/1.1\r\n{host}\r\n",
        "GET /{token}/rows/weights/../../../../../etc/passwd?from=0&to=3 HTTP/1.1\r\n{host}\r\n",
        "GET /{token}/rows/weights/%2e%2e/param.yaml?from=0&to=3 HTTP/1.1\r\n{host}\r\n",
        "GET /{token}/rows/weights/hidden_1.W.npy?from=" + "9" * 6000 + "&to=3 HTTP/1.1\r\n{host}\r\n",
        "GET /{token}/rows/%0d%0aX:1 HTTP/1.1\r\n{host}\r\n",
        "GET /{token}/commit.json HTTP/1.1\r\n\r\n",
        "GET /{token}/commit.json HTTP/1.1\r\n{host}Origin: null\r\n\r\n",
        "BREW /{token}/ HTTP/1.1\r\n{host}\r\n",
        "".join(map(chr, range(1, 256))) + "\r\n\r\n",
        "GET\r\n\r\n",
    ],
)
def test_hostile_requests_are_refused_and_others_are_answered(
    head: str, server: LiveServer, capfd: pytest.CaptureFixture[str]
) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.replace("{token}", server.token).replace("{host}", host).encode("latin-1"))
        with suppress(ConnectionError):  # reset, with what was sent and not read
            answer = connection.recv(4096)
            assert b"root:" not in answer
            assert not answer.startswith(b"HTTP/1.1 2")
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""


def test_headers_shut_the_door(server: LiveServer) -> None:
    for name in ("", "commit.json", "rows/weights/output.W.npy?from=0&to=2"):
        status, _, headers = ask(server, name)
        assert status == 200
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
    status, body, _ = ask(server, method="HEAD")
    assert (status, body) == (200, b"")


def test_rows_are_the_logs_bytes_as_far_as_they_are_committed(running: Run, server: LiveServer) -> None:
    _, body, headers = ask(server, "rows/weights/hidden_1.W.npy?from=0&to=99")
    W = running.weights("hidden_1.W")
    assert len(W) == 2
    assert headers["X-Shapes"] == ",".join(map(str, W.shape[1:]))
    np.testing.assert_array_equal(np.frombuffer(body, "<f4").reshape(W.shape), W)
    _, both, headers = ask(server, "rows/weights/hidden_1.W.npy,weights/output.b.npy?from=1&to=2")
    b = running.weights("output.b")
    assert headers["X-Shapes"] == ";".join(",".join(map(str, log.shape[1:])) for log in (W, b))
    np.testing.assert_array_equal(np.frombuffer(both, "<f4"), np.concatenate([W[1].ravel(), b[1].ravel()]))
    tag = ask(server)[2]["ETag"]
    assert ask(server, If_None_Match=tag)[0] == 304
    commit(running, 4)
    status, body, _ = ask(server, If_None_Match=tag)
    assert (status, len(json.loads(body)["tensor_epochs"])) == (200, 4)


def test_epochs_and_the_end_arrive_on_the_page(running: Run, tab: Any) -> None:
    whole = running.path.parent / "whole"
    shutil.copytree(running.path, whole)
    finding = {"verdict": "sick", "summary": "sick: found while it trains", "findings": []}
    server = LiveServer(LiveRun(running.path, examine=lambda run: finding))
    try:
        opened = tab(server.address)
        opened.until("nnPage.epochs().length === 2")
        opened.until("document.body.textContent.includes('Found while it trains')")
        opened.go(v="weights", l="hidden_1", k="W")
        commit(running, 5)
        opened.until("nnPage.epochs().length === 5")
        shown = opened.ask("() => nnPage.value('W', 'hidden_1', 3, 2, 4)")
        assert shown == pytest.approx(float(Run(running.path).weights("hidden_1.W")[4, 3, 2]), abs=1e-12)
        assert opened.ask("() => nnPage.state().e") == 4
        assert opened.messages == []
        edit_json(
            running.path / "run.json", status="finished", notices=["--watch: stopped in epoch 4 of 9: for a reason"]
        )
        opened.until("document.querySelector('footer').textContent.includes('--watch: stopped in epoch 4 of 9')")
        opened.until("nnPage.live === false")
    finally:
        server.close()


def test_a_viewer_changes_no_byte_of_the_run(running: Run) -> None:
    before = contents(running)
    server = LiveServer(LiveRun(running.path))
    for name in ("", "commit.json", "content.json", "rows/weights/output.W.npy?from=0&to=2"):
        assert ask(server, name)[0] == 200
    server.close()
    assert contents(running) == before


def children_of(process: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
            except OSError:  # it has ended
                continue
            if int(status.rsplit(")", 1)[1].split()[1]) == process:
                found.append(int(folder.name))
    return found


def command_of(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the viewer's process in /proc")
def test_a_viewer_that_is_killed_leaves_the_run_as_it_would_be(tmp_path: Path) -> None:
    """SIGKILL to the server while a page is open: training goes on, and ends with the bytes of a run without one."""
    command = [sys.executable, "-m", "nn_scratch", "train", "data.source=wine", "train.epochs=300", "--name", "live"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    alone, watched = tmp_path / "alone", tmp_path / "watched"
    subprocess.run([*command, "--outputs", str(alone), "--quiet"], check=True, env=environment, cwd=tmp_path)
    live = [*command, "--live", "--outputs", str(watched)]
    with subprocess.Popen(live, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as process:
        assert process.stdout is not None
        address = next(line for line in process.stdout if line.startswith("live: ")).split()[1]
        # the other child is a fork of training, which checks the data
        (viewer,) = (child for child in children_of(process.pid) if b"--until-ended" in command_of(child))
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
        os.kill(viewer, signal.SIGKILL)
        process.stdout.read()
    assert process.returncode == 0
    assert contents(Run(watched / "live-001")) == contents(Run(alone / "live-001"))


def test_a_run_without_a_commit_is_waited_for(tmp_path: Path, running: Run) -> None:
    (running.path / "commit.json").unlink()
    server = LiveServer(LiveRun(running.path))
    assert b"has not written its first epoch" in ask(server, "")[1]
    assert ask(server)[0] == 503
    server.close()
