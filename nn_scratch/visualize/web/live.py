"""The page of a run that is training, served to this machine alone.

A server of the standard library on 127.0.0.1, at a free port, below a path that holds a random token. It reads the
run's folder and writes nothing: rows go out as raw bytes of the memory-mapped logs, as far as commit.json vouches for
them.

Requests from elsewhere are refused: a page of another site that the same browser has open may send requests here, so
the name in `Host`, the `Origin` and `Sec-Fetch-Site` must be this page's own, and the token must be known.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from nn_scratch.errors import NNScratchError
from nn_scratch.runs.run import Run
from nn_scratch.runs.viewers import Viewers
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.document import document, scores_since
from nn_scratch.visualize.web.page import in_script, page
from nn_scratch.visualize.web.tensors import Tensors
from nn_scratch.wording import utf8

NAMES = {"127.0.0.1", "localhost", "[::1]"}
RUNNING = "running"
IDLE_SECONDS = 20.0  # without a request after the run's end, before a server that was started by training ends
MOST_CONNECTIONS = 64  # at a time; a browser opens six for a site
NICENESS = 10  # of a server beside a training
DIAGNOSIS_SECONDS = 10.0  # that the last page waits for the doctor
WAITING = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>waiting</title>'
    "<p>The run has not written its first epoch yet.</p></html>"
)
REPLACED = ("commit.json", "run.json", "diagnosis.json")  # as the run goes on
Examine = Callable[[Run], Mapping[str, Any] | None]


class LiveRun:
    """A run's folder as the server reads it, anew for every request.

    examine: the doctor's look at a run that is under way; called seldom enough to cost a twentieth of the time.
    """

    def __init__(self, folder: Path, *, examine: Examine | None = None, rows_inside: bool = True) -> None:
        self.folder, self._examine, self._rows_inside = folder, examine, rows_inside
        self.viewers = Viewers(folder)
        self.trainer_gone = False
        self._diagnosis: Mapping[str, Any] | None = None
        self._examine_after, self._examined_epoch = 0.0, -1
        self._lock, self._examining = threading.Lock(), threading.Lock()
        self._last_page: str | None = None
        self._opened: tuple[Run | None, list[tuple[int, int] | None]] = (None, [])

    def open(self) -> Run:
        """The run as far as its rows are written: training writes them more often than it commits, while it is asked.

        The same object until a file of it is replaced: for a page's requests for the rows of one moment.
        """
        state = [file_state(path) for path in (*(self.folder / name for name in REPLACED), self.viewers.file)]
        opened, then = self._opened
        if opened is None or state != then:
            opened, written = Run(self.folder), self.viewers.written()
            if written is not None and self.ready():
                opened = opened.ahead(written)
            self._opened = opened, state
        return opened

    @property
    def status(self) -> str:
        return self.status_of(self.open())

    def status_of(self, run: Run) -> str:
        status = str(run.info.get("status"))
        return "killed" if status == RUNNING and self.trainer_gone else status

    def ready(self) -> bool:
        return (self.folder / "commit.json").is_file()

    def html(self, base: str) -> str:
        """The page: while the run trains without arrays, which it fetches; then the whole one."""
        run = self.open()
        if self.status == RUNNING:
            return page(View(run), live=base, rows_inside=self._rows_inside)
        with self._lock:
            if self._last_page is None:
                self._wait_for_diagnosis()
                self._last_page = page(View(self.open()), rows_inside=self._rows_inside)
            return self._last_page

    def _wait_for_diagnosis(self) -> None:
        """Training's process writes diagnosis.json after the run's end."""
        until = time.monotonic() + DIAGNOSIS_SECONDS
        while not (self.folder / "diagnosis.json").exists() and not self.trainer_gone and time.monotonic() < until:
            time.sleep(0.1)

    def content(self) -> dict[str, Any]:
        """The words, scores and curves of the moment."""
        run = copy(self.open())
        self._look(run)
        if run.diagnosis is None and self._diagnosis is not None:
            run.__dict__["diagnosis"] = self._diagnosis
        view = View(run)
        return document(view, Tensors(view, 0, curves_only=True))

    def _look(self, run: Run) -> None:
        """Have the doctor look, beside the requests, where enough time has passed since the last look."""
        epoch = run.committed["epoch"]
        if (
            self._examine is None
            or epoch < 1
            or epoch == self._examined_epoch
            or time.monotonic() < self._examine_after
        ):
            return
        if self._examining.acquire(blocking=False):
            self._examined_epoch = epoch
            threading.Thread(target=self._look_now, args=(self._examine, run), daemon=True).start()

    def _look_now(self, examine: Examine, run: Run) -> None:
        started = time.monotonic()
        try:
            self._diagnosis = examine(run)
        except NNScratchError:  # the run is not far enough yet
            self._diagnosis = None
        finally:
            self._examine_after = time.monotonic() + max(2.0, 20 * (time.monotonic() - started))
            self._examining.release()

    def rows(self, names: str, start: int, stop: int) -> tuple[bytes, list[tuple[int, ...]]] | None:
        """Rows of the tensor logs of these names, separated by commas, as little-endian float32 behind each other, and
        the shape of a row of each; None if a name is not listed."""
        run = self.open()
        readers = {"weights": run.weights, "gradients": run.gradients, "activations": run.activations}
        contents, shapes = [], []
        for file in names.split(","):
            kind, _, name = file.removesuffix(".npy").partition("/")
            if file not in run.committed["files"] or kind not in readers:
                return None
            log = readers[kind](name)
            contents.append(np.ascontiguousarray(log[max(0, start) : max(0, stop)], "<f4").tobytes())
            shapes.append(log.shape[1:])
        return b"".join(contents), shapes


def file_state(path: Path) -> tuple[int, int] | None:
    """What differs once a file has been replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


class Handler(BaseHTTPRequestHandler):
    """One request; see the module."""

    server_version, sys_version = "nn_scratch", ""
    protocol_version = "HTTP/1.1"  # so that a page's requests share a connection
    timeout = 10.0

    def __init__(self, *arguments: Any, live: LiveRun, token: str, asked: Callable[[], None]) -> None:
        self._live, self._token, self._asked = live, token, asked
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if not self._allowed():
            self.close_connection = True
            self._answer(HTTPStatus.FORBIDDEN, b"not for you", "text/plain")
            return
        self._asked()
        path = urlsplit(self.path)
        try:
            self._serve(path.path.removeprefix(f"/{self._token}/"), parse_qs(path.query))
        except ConnectionError:  # the page was closed, and takes no answer
            raise
        except (NNScratchError, OSError, ValueError) as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, utf8(str(error)), "text/plain; charset=utf-8")

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self.close_connection = True  # with what such a request may have sent beside its head
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD only", "text/plain")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse

    def _allowed(self) -> bool:
        host = self.headers.get("Host", "")
        name = re.sub(r":\d+$", "", host)
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site")
        token = self.path.split("/")[1] if self.path.count("/") > 1 else ""
        return (
            name in NAMES
            and origin in (None, f"http://{host}")
            and site in (None, "none", "same-origin")
            and hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode())
        )

    def _serve(self, name: str, query: Mapping[str, list[str]]) -> None:
        live = self._live
        if name == "":
            text = live.html(f"/{self._token}/") if live.ready() else WAITING
            self._answer(HTTPStatus.OK, utf8(text), "text/html; charset=utf-8")
        elif name == "commit.json":
            live.viewers.ask()
            run = live.open()
            committed, status = run.committed, live.status_of(run)
            tag = f'"{len(committed["tensor_epochs"])}-{committed["epoch"]}-{status}"'
            headers = {"ETag": tag, "X-Run-Status": status}
            if self.headers.get("If-None-Match") == tag:
                self._answer(HTTPStatus.NOT_MODIFIED, b"", "application/json", headers)
            else:
                state = {key: committed[key] for key in ("epoch", "tensor_epochs", "files")}
                state["metrics"] = scores_since(run, int(query.get("from", ["0"])[0]))
                self._answer(HTTPStatus.OK, json.dumps(state, allow_nan=False).encode(), "application/json", headers)
        elif name == "content.json":
            self._answer(HTTPStatus.OK, utf8(in_script(live.content())), "application/json")
        elif name.startswith("rows/"):
            start, stop = (int(query.get(key, ["0"])[0]) for key in ("from", "to"))
            found = live.rows(name.removeprefix("rows/"), start, stop)
            if found is None:
                self._answer(HTTPStatus.NOT_FOUND, b"no such log", "text/plain")
            else:
                content, shapes = found
                shown = ";".join(",".join(map(str, shape)) for shape in shapes)
                self._answer(HTTPStatus.OK, content, "application/octet-stream", {"X-Shapes": shown})
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"no such page", "text/plain")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        is_page = kind.startswith("text/html")  # whose own policy stands in its head
        policy = "frame-ancestors 'none'" if is_page else "default-src 'none'; frame-ancestors 'none'"
        fixed = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        for name, value in {**fixed, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != HTTPStatus.NOT_MODIFIED:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal belongs to the training."""


class QuietServer(ThreadingHTTPServer):
    """A thread a connection, none of which keeps the process. Broken connections are not reported, and those above
    MOST_CONNECTIONS at a time are closed unheard."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system starts no more threads
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class LiveServer:
    """Serves one run until `close`."""

    def __init__(self, live: LiveRun) -> None:
        self.live, self.token = live, secrets.token_urlsafe(24)
        self.last_request = time.monotonic()
        handler = partial(Handler, live=live, token=self.token, asked=self._asked)
        self._server = QuietServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def _asked(self) -> None:
        self.last_request = time.monotonic()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.live.viewers.leave()

    def serve(self, *, until_ended: bool) -> None:
        """Block until Ctrl-C; until_ended: or until the run has ended, or its process has, and no page polls. The
        process then gives way to that of the training where both want a core."""
        parent = os.getppid()
        if until_ended and hasattr(os, "nice"):
            os.nice(NICENESS)
        try:
            while True:
                time.sleep(0.5)
                if not until_ended:
                    continue
                self.live.trainer_gone = os.getppid() != parent
                if time.monotonic() - self.last_request > IDLE_SECONDS and self._ended():
                    return
        finally:
            self.close()

    def _ended(self) -> bool:
        try:
            return not self.live.folder.exists() or self.live.trainer_gone or self.live.status != RUNNING
        except (NNScratchError, OSError):
            return self.live.trainer_gone
