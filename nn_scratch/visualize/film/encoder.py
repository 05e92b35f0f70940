"""Raw frames into H.264 in an MP4 that browsers play, and the check that what was written is what was promised."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.metrics import Array
from nn_scratch.runs.files import disk_errors

PIPE_BYTES = 1 << 20  # as much as Linux gives without asking: fewer turns between us and the encoder
BT709 = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
# Measured on films of weights: as fast as ultrafast (1.8 times veryfast), as small and as sharp as veryfast at crf 20
# (45 dB). What ultrafast lacks and these pictures need is CABAC and looking ahead to what stays as it is.
SETTINGS = ("-preset", "ultrafast", "-crf", "23", "-x264-params", "cabac=1:mbtree=1:rc-lookahead=5")


def plain_path(path: Path) -> str:
    """A path for ffmpeg: absolute and of the file protocol, so that no name is an option or another protocol."""
    return f"file:{path.absolute()}"


def ffmpeg() -> str:
    """The encoder's executable, which imageio-ffmpeg brings."""
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return str(get_ffmpeg_exe())
    except RuntimeError as error:
        raise EnvironmentFailure(f"no ffmpeg: {str(error).splitlines()[0]}; pip install imageio-ffmpeg") from None


class Encoder:
    """Takes frames as buffers of Y, U and V planes, and leaves a whole film, or nothing.

    with Encoder(path, 1280, 720, fps=10) as encoder:
        for frame in frames:
            encoder.write(frame)
    """

    def __init__(self, path: Path, width: int, height: int, fps: int) -> None:
        self.path, self.width, self.height, self.fps = path, width, height, fps
        self.frames = 0
        self._part = path.with_name(f"{path.name}.part")

    def __enter__(self) -> Encoder:
        with disk_errors(self._part):
            self._part.unlink(missing_ok=True)  # a file or a link of any kind
        size = ("-s", f"{self.width}x{self.height}", "-r", str(self.fps))
        command = [
            *(ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "yuv420p", *size, "-i", "pipe:0"),
            *("-an", "-vf", f"setparams={BT709}", "-c:v", "libx264", *SETTINGS),
            # a key frame every few seconds, so that a viewer can drag the film back and forth
            *("-g", str(max(50, 5 * self.fps)), "-pix_fmt", "yuv420p", "-movflags", "+faststart"),
            *("-f", "mp4", plain_path(self._part)),
        ]
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors)
        assert self._process.stdin is not None
        self._pipe = self._process.stdin
        widen(self._pipe)
        return self

    def write(self, frame: Array) -> None:
        try:
            self._pipe.write(frame.data)
        except OSError:
            raise self._failure() from None
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._process.kill()
            try:
                self._pipe.close()
            except OSError:
                if kind is None:
                    raise self._failure() from None
            code = self._process.wait()
            if kind is None:
                if code != 0:
                    raise self._failure()
                check(self._part, self.width, self.height, self.frames)
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)
            self._errors.close()

    def _failure(self) -> EnvironmentFailure:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        lines = [line for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        full = [line for line in lines if "No space left" in line]
        reason = "no space left on the disk" if full else (lines[-1].strip() if lines else "it gave no reason")
        return EnvironmentFailure(f"{self.path}: the video encoder stopped at frame {self.frames + 1}: {reason}")


def widen(pipe: IO[bytes]) -> None:
    """A larger buffer between us and the encoder, where the system has the call."""
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[attr-defined,unused-ignore]
    except (ImportError, AttributeError, OSError):
        return


def encode(path: Path, width: int, height: int, fps: int, frames: Iterable[Array]) -> int:
    """Write all frames; returns how many."""
    with Encoder(path, width, height, fps) as encoder:
        for frame in frames:
            encoder.write(frame)
    return encoder.frames


def probe(path: Path, decode: bool = True) -> dict[str, Any]:
    """The properties of a film: frames, width, height, codec, pixel format, seconds.

    decode: whether every frame is decoded; without it they are read and counted, in a hundredth of the time.
    """
    how = [] if decode else ["-c", "copy"]
    # a line with its checksum for each frame; ffmpeg's own count is not written by every version
    lines = ["-map", "0:v:0", *how, "-f", "framecrc", "-"]
    report = subprocess.run(
        [ffmpeg(), "-hide_banner", "-nostdin", "-i", plain_path(path), *lines], capture_output=True, check=False
    )
    text = report.stderr.decode(errors="replace")
    stream = re.search(r"Video: (?P<codec>\w+).*?, (?P<pixels>\w+)[(,].*? (?P<width>\d+)x(?P<height>\d+)", text)
    frames = sum(not line.startswith(b"#") for line in report.stdout.splitlines())
    duration = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text)
    if report.returncode != 0 or stream is None or not frames:
        last = text.strip().splitlines()[-1:] or ["no answer"]
        raise EnvironmentFailure(f"{path}: cannot be decoded: {last[0]}")
    hours, minutes, seconds = duration.groups() if duration else (0, 0, 0)
    return {
        "frames": frames,
        "width": int(stream["width"]),
        "height": int(stream["height"]),
        "codec": stream["codec"],
        "pixels": stream["pixels"],
        "seconds": 3600 * int(hours) + 60 * int(minutes) + float(seconds),
    }


def check(path: Path, width: int, height: int, frames: int) -> None:
    """Raise EnvironmentFailure unless the file holds that many frames of that size, its index first."""
    found = probe(path, decode=False)
    wanted = {"frames": frames, "width": width, "height": height, "codec": "h264", "pixels": "yuv420p"}
    for what, value in wanted.items():
        if found[what] != value:
            raise EnvironmentFailure(f"{path}: {found[what]} {what} were written, not {value}; is the disk full?")
    boxes = top_level_boxes(path)
    if boxes.index("moov") > boxes.index("mdat"):
        raise EnvironmentFailure(f"{path}: the index stands behind the pictures; browsers would wait for all of it")


def top_level_boxes(path: Path) -> list[str]:
    """The MP4's boxes in their order: ftyp, moov, mdat where a browser can start at once."""
    boxes, at, size = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:  # the length stands behind the name, in 8 bytes
                length = int.from_bytes(head[8:16], "big")
            boxes.append(head[4:8].decode("latin1"))
            if length < 8:
                break
            at += length
    return boxes
