"""What can be wrong with a run's folder: one seeded corruption at a time, in a copy of a whole one."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import re
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.config.test_shipped_configs import mutated

Corruption = Callable[[Path, random.Random], str | None]  # says what it did; None where it does not apply

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**53, 2**64, 10**30, 10**400, -0.5, 1e-320, 1e308, float("nan")),
    *(float("inf"), "", "x", "../../x", "\x1b[31m\n", "\0", "é" * 3000, [], {}, [None], [[[]]], {"a": {"b": []}}),
]
CELLS = ["", "nan", "inf", "-inf", "1e400", "-1", "0", "x", '"', "'", "0x1", "9" * 400, "\0", "hidden_1", "1,2", " 1"]
HEADERS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<U1000000000', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': 'f4,f4', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4L), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 70 + "), }",
    "__import__('os').system('touch SENTINEL')",
    "(" * 900,
    "{'descr': '<f4'",
    "",
]


class Trap:
    """Whose unpickling leaves a file behind."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.sentinel}",)


def sentinel(folder: Path) -> Path:
    """The file that shows that code of a folder was run."""
    return folder.parent / "SENTINEL"


def pick(folder: Path, rng: random.Random, pattern: str = "*") -> Path:
    files = sorted(path for path in folder.rglob(pattern) if path.is_file() and not path.is_symlink())
    return rng.choice(files)


# --- of any file


def bytes_spoilt(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng)
    data = bytearray(path.read_bytes())
    kind = rng.choice(["cut", "emptied", "flipped", "overwritten", "lengthened", "shifted"])
    at = rng.randrange(len(data) + 1)
    if kind == "cut":
        data = data[:at]
    elif kind == "emptied":
        data = bytearray()
    elif kind == "flipped":
        for _ in range(rng.choice([1, 1, 3, 20])):
            where = rng.randrange(max(1, min(len(data), rng.choice([130, 10**9]))))
            data[where : where + 1] = bytes([data[where] ^ (1 << rng.randrange(8))]) if data else b""
    elif kind == "overwritten":
        count = rng.choice([1, 8, 100])
        data[at : at + count] = rng.randbytes(count)
    elif kind == "lengthened":
        data += rng.randbytes(rng.choice([1, 1000]))
    else:
        data[at:at] = rng.randbytes(rng.choice([1, 4]))
    path.write_bytes(data)
    return f"{path.name} {kind}"


def no_plain_file(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng)
    content = path.read_bytes()
    path.unlink()
    kind = rng.choice(["missing", "folder", "fifo", "socket", "link out", "link nowhere", "link to itself", "device"])
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)  # a socket is bound to short paths alone
    elif kind == "link out":
        outside = folder.parent / "outside"
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif kind == "link nowhere":
        path.symlink_to(folder / "nowhere")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    return f"{path.name} a {kind}"


def folder_spoilt(folder: Path, rng: random.Random) -> str | None:
    path = folder / rng.choice(["weights", "gradients", "activations", "confusion", "plots"])
    elsewhere = folder.parent / "elsewhere"
    kind = rng.choice(["link out", "file", "missing"])
    if path.is_dir():
        path.rename(elsewhere)
    if kind == "link out":
        elsewhere.mkdir(exist_ok=True)
        path.symlink_to(elsewhere)
    elif kind == "file":
        path.write_bytes(b"x")
    return f"{path.name}/ a {kind}"


def swapped(folder: Path, rng: random.Random) -> str:
    pattern = rng.choice(["*", "*.npy", "*.npz", "*.json", "*.csv"])
    one, other = pick(folder, rng, pattern), pick(folder, rng, pattern)
    a, b = one.read_bytes(), other.read_bytes()
    one.write_bytes(b)
    other.write_bytes(a)
    return f"{one.name} and {other.name} swapped"


def leftovers(folder: Path, rng: random.Random) -> str:
    """Files where the project would write: links and devices that would be written through."""
    victim = folder.parent / "victim"
    victim.write_text("precious")
    name = rng.choice(["run.json.part", "commit.json.part", "lock", "checkpoint.npz.part", "diagnosis.json.part"])
    path = folder / name
    kind = rng.choice(["link out", "fifo", "folder", "file"])
    if kind == "link out":
        path.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff" * 5000)
    return f"{name} there, a {kind}"


# --- arrays


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def strange_array(folder: Path, rng: random.Random) -> tuple[str, bytes]:
    trap = Trap(sentinel(folder))
    kind = rng.choice(["objects", "pickle", "header", "dtype", "shape", "values", "version", "python 2"])
    if kind == "objects":
        return kind, npy(np.array([trap, trap], dtype=object))
    if kind == "pickle":
        return kind, pickle.dumps([trap])
    if kind == "header":
        text = rng.choice(HEADERS).replace("SENTINEL", str(sentinel(folder))).encode().ljust(117) + b"\n"
        return kind, b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 64
    if kind == "dtype":
        name = rng.choice(["?", "i1", "u8", "f2", "f8", ">f4", "c8", "S3", "U3", "M8[s]", "V5"])
        return f"{kind} {name}", npy(np.zeros((3, 4)).astype(name) if name != "V5" else np.zeros((3, 4), name))
    if kind == "shape":
        shape = rng.choice([(), (0,), (1,), (3, 0), (3, 0, 5), (1, 1, 1, 1), (2, 2, 2, 2, 2), (7, 7), (1000,)])
        return f"{kind} {shape}", npy(np.zeros(shape, np.float32))
    if kind == "values":
        return kind, npy(np.full((13, 5, 6), rng.choice([np.nan, np.inf, 1e38, -1e38]), np.float32))
    if kind == "version":
        return kind, b"\x93NUMPY" + bytes([rng.choice([0, 2, 3, 9]), 0]) + b"\xff\xff\xff\xff" + b"{" * 500
    return kind, npy(np.zeros((3, 4))).replace(b"(3, 4)", b"(3L,4)")


def npy_spoilt(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng, "*.npy")
    kind, content = strange_array(folder, rng)
    if kind == "values":  # as many as there were
        old = np.load(path)
        content = npy(np.full(old.shape, rng.choice([np.nan, np.inf, 3e38, -3e38]), np.float32))
    path.write_bytes(content)
    return f"{path.name}: {kind}"


def npz_spoilt(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng, "*.npz")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    kind = rng.choice(["array", "array", "missing", "bomb", "lies", "names", "twice", "nested", "values", "rest"])
    compression = zipfile.ZIP_STORED
    if kind == "array":
        what, members[name] = strange_array(folder, rng)
        kind += f" {what}"
    elif kind == "missing":
        del members[name]
    elif kind == "bomb":
        header = npy(np.zeros(0, np.float32)).replace(b"(0,), }  ", b"(75000000,), }")
        members[name] = header + bytes(300_000_000 if rng.random() < 0.1 else 3_000_000)
        compression = zipfile.ZIP_DEFLATED
    elif kind == "names":
        members = {rng.choice(["../", "/", "\\", "a\0", "é"]) + key: value for key, value in members.items()}
    elif kind == "nested":
        members[name] = path.read_bytes()
    elif kind == "values":
        array = np.load(io.BytesIO(members[name]))
        if array.dtype.kind in "fiu" and name != "rest.npy":
            members[name] = npy(np.full_like(array, rng.choice([0, 1, 255])))
        else:
            members[name] = npy(np.array(["x" * 3000] * max(1, array.size)))
    elif kind == "rest" and "rest.npy" in members:
        rest = json.loads(np.load(io.BytesIO(members["rest.npy"])).tobytes())
        kind += " " + value_spoilt(rest, rng)
        members["rest.npy"] = npy(np.frombuffer(json.dumps(rest).encode(), np.uint8))
    written = [*members.items(), *([(name, members[name][:-4])] if kind == "twice" else [])]
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", compression) as archive:
        for key, value in written:
            archive.writestr(key, value)
    if kind == "lies":
        data = bytearray(path.read_bytes())
        at = data.rfind(b"PK\x01\x02") + 24
        data[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")
        path.write_bytes(data)
    return f"{path.name}/{name}: {kind}"


# --- text


def value_spoilt(document: Any, rng: random.Random) -> str:
    """Replace, or take away, a value somewhere in a document of JSON."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])

    walk(document)
    holder, key = rng.choice(places)
    if rng.random() < 0.2:
        del holder[key]
        return f"without {key}"
    holder[key] = rng.choice(VALUES)
    return f"{key} = {str(holder[key])[:20]!r}"


def json_spoilt(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng, "*.json")
    kind = rng.choice(["value"] * 12 + ["deep", "wide", "root", "digits", "utf-16", "twice"])
    content = path.read_text()
    document = json.loads(content)
    if kind == "value":
        kind = "; ".join(value_spoilt(document, rng) for _ in range(rng.choice([1, 1, 1, 2])))
        content = json.dumps(document)
    elif kind == "deep":
        content = rng.choice(["[", '{"a":']) * 100_000
    elif kind == "wide":
        content = json.dumps(document | {f"key {i}": [i] for i in range(10_000)})
    elif kind == "root":
        content = json.dumps(rng.choice(VALUES))
    elif kind == "digits":
        content = re.sub(r"\d+", "9" * 5000, content, count=1)
    elif kind == "twice":
        content = content.rstrip()[:-1] + "," + content.lstrip()[1:]
    path.write_bytes(content.encode("utf-16" if kind == "utf-16" else "utf-8", "surrogatepass"))
    return f"{path.name}: {kind}"


def csv_spoilt(folder: Path, rng: random.Random) -> str:
    path = pick(folder, rng, "*.csv")
    rows = [line.split(",") for line in path.read_text().splitlines()]
    kind = rng.choice(
        ["cell"] * 6 + ["header", "row away", "row twice", "rows swapped", "column away", "ragged", "field"]
    )
    at = rng.randrange(len(rows))
    column = rng.randrange(len(rows[0]))
    if kind == "cell":
        rows[at][column] = rng.choice(CELLS)
    elif kind == "header":
        rows[0][column] = rng.choice([*CELLS, *rows[0]])
    elif kind == "row away":
        del rows[at]
    elif kind == "row twice":
        rows.insert(at, rows[at])
    elif kind == "rows swapped":
        rows[at], rows[-1] = rows[-1], rows[at]
    elif kind == "column away":
        rows = [row[:column] + row[column + 1 :] for row in rows]
    elif kind == "ragged":
        rows[at] = rows[at] * 2
    else:
        rows[at][column] = '"' + "x" * 300_000
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    return f"{path.name}: {kind} {column} of row {at}"


LARGE = [
    (r"units: \d+", "units: 1000000000"),
    (r"units: \d+", "units: 60000"),
    (r"epochs: \d+", "epochs: 1000000"),
    (r"batch_size: \d+", "batch_size: 10000000"),
    (r"probe_rows: \d+", "probe_rows: 1000000"),
    (r"source: [^\n]*", "source: /dev/zero.csv"),
    (r"source: [^\n]*", "source: /etc/passwd"),
    (r"source: [^\n]*", "source: {type: moons, rows: 1000000000}"),
    (r"threads: \w+", "threads: 1024"),
]


def yaml_spoilt(folder: Path, rng: random.Random) -> str:
    path = folder / "param.yaml"
    if rng.random() < 0.5:
        path.write_bytes(mutated(path.read_bytes(), rng))
        return "param.yaml mutated"
    pattern, value = rng.choice(LARGE)
    path.write_text(re.sub(pattern, value, path.read_text(), count=1))
    return f"param.yaml: {value}"


CORRUPTIONS: list[tuple[int, Corruption]] = [  # with how often
    (4, bytes_spoilt),
    (3, no_plain_file),
    (1, folder_spoilt),
    (1, swapped),
    (1, leftovers),
    (3, npy_spoilt),
    (4, npz_spoilt),
    (6, json_spoilt),
    (3, csv_spoilt),
    (2, yaml_spoilt),
]


def corrupt(folder: Path, rng: random.Random) -> str:
    """Corrupt a folder; says how."""
    weights, choices = zip(*CORRUPTIONS, strict=True)
    (chosen,) = rng.choices(choices, weights)
    return chosen(folder, rng) or ""
