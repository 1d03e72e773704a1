"""Readers of the files of a CMU Sphinx acoustic model.

The binary layouts are those of SphinxTrain's "s3" parameter files, of the ``mdef`` model definition
and of the ``sendump`` quantised mixture weights, https://cmusphinx.github.io/wiki/acousticmodelformat.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from speechalign.errors import FormatError

_MAGIC = 0x11223344
# One unit of a quantised mixture weight is 1024 steps of log base 1.0001.
_NATS_PER_UNIT = 1024 * np.log(1.0001)


def read_gaussians(path: Path) -> np.ndarray:
    """Read a ``means`` or ``variances`` file.

    Returns
    -------
    ndarray, shape (C, R, K, D), float32
        One vector for each codebook, stream and Gaussian; all streams have D values.

    Raises
    ------
    FormatError
        Not an s3 file, unequal streams, or a wrong checksum.
    """
    with _reading(path) as data:
        body, order = _s3_body(data, path)
        codebooks, streams, densities = np.frombuffer(body, f"{order}i4", 3)
        widths = np.frombuffer(body, f"{order}i4", streams, 12)
        if (widths != widths[0]).any():
            raise FormatError(f"{path}: expected streams of equal width, got {widths.tolist()}")
        values = np.frombuffer(body, f"{order}f4", -1, 12 + 4 * (streams + 1))
        return _shaped(values, (codebooks, streams, densities, widths[0]), path)


def read_transitions(path: Path) -> np.ndarray:
    """Read a ``transition_matrices`` file.

    Returns
    -------
    ndarray, shape (M, N, N + 1), float64
        Rows of probabilities; they sum to one. Those that are not 0 were raised to at least 1e-4
        before the last scaling.
    """
    with _reading(path) as data:
        body, order = _s3_body(data, path)
        matrices, sources, targets, _ = np.frombuffer(body, f"{order}i4", 4)
        values = np.frombuffer(body, f"{order}f4", -1, 16)
        rows = _shaped(values, (matrices, sources, targets), path).astype(np.float64)
        rows /= rows.sum(axis=2, keepdims=True)
        rows = np.where(rows > 0, np.maximum(rows, 1e-4), 0.0)
        rows /= rows.sum(axis=2, keepdims=True)
        return rows


def read_mixture_weights(path: Path) -> np.ndarray:
    """Read a ``sendump`` file.

    Returns
    -------
    ndarray, shape (R, K, N), float32
        Weight of each stream's Gaussian in each senone; they sum to one over K.

    Raises
    ------
    FormatError
        Not a sendump file, damaged, or its weights are clustered.
    """
    with _reading(path) as data:
        offset, streams = 0, 0
        while True:
            (length,) = struct.unpack_from("<i", data, offset)
            offset += 4
            if length == 0:
                break
            if not 0 < length <= len(data) - offset:
                raise FormatError(f"{path}: not a sendump file")
            entry = data[offset : offset + length].rstrip(b"\0").decode("latin-1")
            key, _, value = entry.partition(" ")
            offset += length
            if key == "feature_count":
                streams = int(value)
            if key == "cluster_count" and int(value) != 0:
                raise FormatError(f"{path}: expected cluster_count 0, got {value}")
        densities, senones = struct.unpack_from("<2i", data, offset)
        units = np.frombuffer(data, np.uint8, -1, offset + 8)
        weights: np.ndarray = np.exp(
            -_NATS_PER_UNIT * _shaped(units, (streams, densities, senones), path)
        )
        weights /= weights.sum(axis=1, keepdims=True)
        return weights.astype(np.float32)


def read_phones(path: Path) -> tuple[list[str], np.ndarray]:
    """Read the context-independent phones of an ``mdef`` file.

    Returns
    -------
    names : list[str]
        P phones.
    senones : ndarray, shape (P, N), int64
        Senone of each of a phone's N states.

    Raises
    ------
    FormatError
        Not a binary model definition, damaged, or of phones that share transitions.
    """
    with _reading(path) as data:
        if data[:4] != b"BMDF":
            raise FormatError(f"{path}: expected a binary model definition, got {data[:4]!r}")
        _, description = struct.unpack_from("<2i", data, 4)
        offset = 12 + description
        phones, num_phones, emitting, _, _, _, sequences, _, tree, _ = struct.unpack_from(
            "<10i", data, offset
        )
        offset += 40
        begin = offset
        names = []
        for _ in range(phones):
            end = data.index(b"\0", offset)
            names.append(data[offset:end].decode("ascii"))
            offset = end + 1
        offset += -(offset - begin) % 4
        offset += 8 * tree
        table = np.frombuffer(data, "<i4", 3 * phones, offset).reshape(phones, 3)
        if (table[:, 1] != np.arange(phones)).any():
            raise FormatError(f"{path}: expected each phone to own the transitions of its number")
        offset += 12 * num_phones + 4
        ids = np.frombuffer(data, "<u2", -1, offset)
        ids = _shaped(ids, (sequences, emitting), path)
        return names, ids[table[:, 0]].astype(np.int64)


def read_dictionary(path: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Read a pronunciation dictionary: ``word PH PH ...`` lines, variants as ``word(2)``.

    Returns
    -------
    dict
        Pronunciations of each word, in the order of the file.

    Raises
    ------
    FormatError
        Not UTF-8, or a line without phones.
    """
    with _reading(path) as data:
        entries: dict[str, tuple[tuple[str, ...], ...]] = {}
        for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
            name, *phones = line.split()
            if not phones:
                raise FormatError(f"{path}:{number}: expected a word and its phones, got {line!r}")
            word = name[: name.rindex("(")] if name.endswith(")") and "(" in name[1:] else name
            # Interned: a million phones are forty names, and 40 MB.
            entries[word] = (*entries.get(word, ()), tuple(map(sys.intern, phones)))
        return entries


@contextmanager
def _reading(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file; when they make no sense, name the file."""
    try:
        yield path.read_bytes()
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}; install the package again") from None
    except (ValueError, IndexError, struct.error) as error:
        raise FormatError(
            f"{path}: truncated or damaged ({error}); install the package again"
        ) from error


def _s3_body(data: bytes, path: Path) -> tuple[bytes, str]:
    """Return the binary part of an s3 file without its checksum, and its byte order."""
    end = data.find(b"endhdr\n")
    if not data.startswith(b"s3\n") or end < 0:
        raise FormatError(f"{path}: not an s3 file")
    body = data[end + len(b"endhdr\n") :]
    order = "<" if struct.unpack_from("<I", body)[0] == _MAGIC else ">"
    if struct.unpack_from(f"{order}I", body)[0] != _MAGIC:
        raise FormatError(f"{path}: no byte-order mark after the header")
    if b"chksum0 yes" not in data[:end]:
        return body[4:], order
    words = np.frombuffer(body, f"{order}u4", -1, 4)
    checksum = 0
    for word in words[:-1].tolist():
        checksum = ((checksum << 20 | checksum >> 12) + word) & 0xFFFFFFFF
    if checksum != words[-1]:
        raise FormatError(f"{path}: the checksum is wrong; install the package again")
    return body[4:-4], order


def _shaped(values: np.ndarray, shape: tuple[int, ...], path: Path) -> np.ndarray:
    if values.size != np.prod(shape):
        raise FormatError(f"{path}: expected {np.prod(shape)} values, got {values.size}")
    return values.reshape(shape)
