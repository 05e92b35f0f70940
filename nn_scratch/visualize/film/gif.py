"""An animated GIF of the finished film, for places that do not play MP4."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.visualize.film.encoder import ffmpeg, plain_path

WIDTH = 960  # pixels; a GIF of the full size would be large
FASTEST = 20  # frames a second: many readers play faster GIFs at a tenth of their speed


def write_gif(film: Path, path: Path, fps: int) -> None:
    """Convert an MP4, with a palette of its own; raises EnvironmentFailure and leaves nothing where that fails."""
    part = path.with_name(f"{path.name}.part")
    steps = (
        f"fps={min(fps, FASTEST)},scale={WIDTH}:-2:flags=area,split[a][b];"
        "[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=none:diff_mode=rectangle"
    )
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-i", plain_path(film)]
    command += ["-filter_complex", steps, "-f", "gif", plain_path(part)]
    part.unlink(missing_ok=True)  # whatever it is, and wherever it may point to
    try:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            raise EnvironmentFailure(f"{path}: the GIF could not be written: {reason[0]}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
