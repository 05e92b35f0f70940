"""Blocks of lines as bytes: where each cell lies in them, and the texts of a column by their codes."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np

from nn_scratch.data.columns import Coded
from nn_scratch.metrics import Array

LINE_END = ord("\n")
WORD = 8  # bytes that are compared at once
LONGEST_TEXT = 256  # bytes of a cell, up to which texts are coded by their words
KNOWN_TEXTS = 5000  # of a column that are remembered from block to block
MASKS = np.array([(1 << 8 * n) - 1 for n in range(WORD + 1)], np.uint64)  # of a word's first n bytes
MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: its odd multiples are spread evenly (Knuth 1973)
SALTS = np.random.default_rng(0).integers(0, 2**63, LONGEST_TEXT // WORD, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


@dataclass(frozen=True)
class ByteCells:
    """The cells of whole lines that all have as many."""

    letters: Array  # uint8, the block
    starts: Array  # (columns, rows) of each cell's first byte
    lengths: Array  # (columns, rows)

    @property
    def rows(self) -> int:
        return len(self.starts[0])

    def texts(self, place: int, encoding: str) -> list[str]:
        """The cells of a column."""
        data, starts = self.letters.tobytes(), self.starts[place]
        pairs = zip(starts.tolist(), (starts + self.lengths[place]).tolist(), strict=True)
        return b"\n".join([data[start:end] for start, end in pairs]).decode(encoding).split("\n")

    def words(self, place: int) -> list[Array]:
        """The cells of a column, eight bytes at a time: (rows,) uint64 each, 0 behind a cell's end."""
        starts, lengths = self.starts[place], self.lengths[place]
        last = len(self.letters) - WORD
        if last < 0:
            return ByteCells(np.pad(self.letters, (0, WORD)), self.starts, self.lengths).words(place)
        at_any = np.ndarray((last + 1,), "<u8", self.letters, 0, (1,))
        found = []
        for offset in range(0, max(1, int(lengths.max())), WORD):
            at = starts + offset
            word = at_any[np.minimum(at, last)]
            beyond = at - last
            if beyond.max() > 0:  # the block ends within the word
                word >>= (np.clip(beyond, 0, WORD - 1) * 8).astype(np.uint64)
            found.append(word & MASKS.take(lengths - offset, mode="clip"))
        return found


def find_cells(block: bytes, delimiter: str, width: int) -> ByteCells | None:
    """The cells of lines that all end with a line feed; None where one is empty, or has not `width` of them."""
    letters = np.frombuffer(block, np.uint8)
    is_end = letters == LINE_END
    rows = np.count_nonzero(is_end)
    is_end |= letters == ord(delimiter)
    ends = np.flatnonzero(is_end)
    if b"\r" in block or len(ends) != rows * width or np.any(letters[ends[width - 1 :: width]] != LINE_END):
        return None
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    starts = np.ascontiguousarray(starts.reshape(rows, width).T)
    lengths = ends.reshape(rows, width).T - starts
    if lengths.max() > csv.field_size_limit() or (width == 1 and not lengths.min()):
        return None
    return ByteCells(letters, starts, lengths)


class TextCoder:
    """Codes of a column's texts, which are known from block to block.

    A text is found by a hash of 64 bits and compared with what was found, so that a code is never another text's.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._forget()

    def _forget(self) -> None:
        self.texts: list[str] = []
        self._hashes = np.empty(0, np.uint64)  # (texts,)
        self._words = np.empty((0, 0), np.uint64)  # (words, texts)
        self._order = np.empty(0, np.int64)  # codes in the order of their hashes
        self._sorted = self._hashes

    def __call__(self, cells: ByteCells, place: int) -> Coded | list[str]:
        """The cells of a column by their codes; as they are where one is long."""
        if cells.lengths[place].max() > LONGEST_TEXT:
            return cells.texts(place, self.encoding)
        words = cells.words(place)
        hashes = _hashes_of(words)
        codes = self._find(words, hashes)
        new = np.flatnonzero(codes < 0)
        if len(new):
            found, first = np.unique(hashes[new], return_index=True)
            if len(self.texts) + len(found) > KNOWN_TEXTS and self.texts:
                self._forget()
                found, first = np.unique(hashes, return_index=True)
                new = np.arange(cells.rows)
            self._learn(cells, place, words, hashes, np.sort(new[first]))
            codes = self._find(words, hashes)
            if codes.min() < 0:  # two texts of one hash
                return cells.texts(place, self.encoding)
        return Coded(self.texts, codes)

    def _find(self, words: list[Array], hashes: Array) -> Array:
        """(rows,) int32 codes, -1 of texts that are not known."""
        if not self.texts:
            return np.full(len(hashes), -1, np.int32)
        at = np.searchsorted(self._sorted, hashes)
        codes = self._order.take(at, mode="clip")
        same = self._hashes.take(codes) == hashes
        for i, known in enumerate(self._words):
            same &= known.take(codes) == (words[i] if i < len(words) else 0)
        for word in words[len(self._words) :]:
            same &= word == 0
        return np.where(same, codes, -1).astype(np.int32)

    def _learn(self, cells: ByteCells, place: int, words: list[Array], hashes: Array, rows: Array) -> None:
        """Remember the texts of these rows of a block."""
        picked = ByteCells(cells.letters, cells.starts[:, rows], cells.lengths[:, rows])
        self.texts = [*self.texts, *picked.texts(place, self.encoding)]
        before, n = self._words, max(len(words), len(self._words))
        self._words = np.zeros((n, len(self.texts)), np.uint64)
        self._words[: len(before), : before.shape[1]] = before
        self._words[: len(words), before.shape[1] :] = [word[rows] for word in words]
        self._hashes = np.concatenate([self._hashes, hashes[rows]])
        self._order = np.argsort(self._hashes)
        self._sorted = self._hashes[self._order]


def _hashes_of(words: list[Array]) -> Array:
    """(rows,) uint64; words of zeros at the end make no difference."""
    total = np.zeros_like(words[0])
    for word, salt in zip(words, SALTS, strict=False):
        mixed = word * MIXER
        mixed ^= mixed >> np.uint64(29)
        mixed *= salt
        total += mixed
    return total
