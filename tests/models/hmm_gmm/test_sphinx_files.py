"""The model files are read as they are laid out, and refused by name when they are damaged."""

import re
import shutil
import struct

import numpy as np
import pytest

from speechalign.errors import FormatError
from speechalign.models.hmm_gmm import sphinx_files
from speechalign.models.hmm_gmm.english_sphinx import _installed_folder

_READERS = {
    "means": sphinx_files.read_gaussians,
    "variances": sphinx_files.read_gaussians,
    "transition_matrices": sphinx_files.read_transitions,
    "sendump": sphinx_files.read_mixture_weights,
    "mdef": sphinx_files.read_phones,
}


@pytest.fixture(scope="module")
def acoustic():
    return _installed_folder([]) / "en-us"


def s3_file(path, body, *, order="<", checksum=True):
    """Write an s3 parameter file around a list of arrays and numbers."""
    words = np.frombuffer(b"".join(np.array(part).tobytes() for part in body), f"{order}u4")
    total = 0
    for word in words.tolist():
        total = (((total << 20) & 0xFFFFFFFF) + (total >> 12) + word) & 0xFFFFFFFF
    header = b"s3\nversion 1.0\n" + (b"chksum0 yes\n" if checksum else b"") + b"endhdr\n"
    end = struct.pack(f"{order}I", total) if checksum else b""
    path.write_bytes(header + struct.pack(f"{order}I", 0x11223344) + words.tobytes() + end)
    return path


def gaussians_file(path, values, *, order="<", widths=None, checksum=True):
    codebooks, streams, densities, width = values.shape
    integers = [codebooks, streams, densities, *(widths or [width] * streams), values.size]
    body = [np.array(integers, f"{order}i4"), values.astype(f"{order}f4")]
    return s3_file(path, body, order=order, checksum=checksum)


def mdef_file(path, names, *, transitions=None, sequences):
    """Write a binary model definition of phones without triphones."""
    description = b"a description of any length"
    count, emitting = sequences.shape
    numbers = [len(names), len(names), emitting, 99, 99, len(names), count, 3, 2, 0]
    spelt = b"".join(name.encode() + b"\0" for name in names)
    spelt += bytes(-len(spelt) % 4)
    owned = range(len(names)) if transitions is None else transitions
    # Phones are given the sequences in reverse, so that the reader has to look them up.
    rows = ((count - 1 - p, owned[p], 0) for p in range(count))
    table = b"".join(struct.pack("<3i", *row) for row in rows)
    path.write_bytes(
        b"BMDF" + struct.pack("<2i", 1, len(description)) + description
        + struct.pack("<10i", *numbers) + spelt + bytes(2 * 8) + table
        + struct.pack("<i", sequences.size) + sequences.astype("<u2").tobytes()
    )  # fmt: skip
    return path


def sendump_file(path, units, **header):
    streams, densities, senones = units.shape
    entries = ["a header", f"feature_count {streams}"]
    entries += [f"{key} {value}" for key, value in header.items()]
    packed = b"".join(struct.pack("<i", len(e) + 1) + e.encode() + b"\0" for e in entries)
    sizes = struct.pack("<3i", 0, densities, senones)
    path.write_bytes(packed + sizes + units.astype(np.uint8).tobytes())
    return path


def test_installed_model_has_its_known_shape(acoustic):
    names, senones = sphinx_files.read_phones(acoustic / "mdef")
    assert len(names) == 42
    assert {"SIL", "+SPN+", "+NSN+"} <= set(names)
    consonants = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
    vowels = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
    assert set(names) - {"SIL", "+SPN+", "+NSN+"} == {*consonants.split(), *vowels.split()}
    np.testing.assert_array_equal(senones, np.arange(126).reshape(42, 3))
    means = sphinx_files.read_gaussians(acoustic / "means")
    variances = sphinx_files.read_gaussians(acoustic / "variances")
    assert means.shape == variances.shape == (42, 3, 128, 13)
    assert means.dtype == np.float32
    assert np.isfinite(means).all()
    assert (variances >= 0).all()


def test_installed_transitions_are_left_to_right(acoustic):
    rows = sphinx_files.read_transitions(acoustic / "transition_matrices")
    assert rows.shape == (42, 3, 4)
    np.testing.assert_allclose(rows.sum(axis=2), 1.0, atol=1e-12)
    for source in range(3):
        for target in range(4):
            assert (rows[:, source, target] > 0).all() == (target in (source, source + 1))


def test_installed_mixture_weights_sum_to_one(acoustic):
    weights = sphinx_files.read_mixture_weights(acoustic / "sendump")
    assert weights.shape == (3, 128, 5126)
    assert weights.min() > 0
    np.testing.assert_allclose(weights.sum(axis=1, dtype=np.float64), 1.0, atol=1e-5)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("checksum", [True, False])
def test_gaussians_of_either_byte_order(tmp_path, order, checksum):
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    path = gaussians_file(tmp_path / "means", values, order=order, checksum=checksum)
    np.testing.assert_array_equal(sphinx_files.read_gaussians(path), values)


def test_streams_of_unequal_width(tmp_path):
    path = gaussians_file(tmp_path / "means", np.zeros((1, 2, 2, 4)), widths=[3, 5])
    with pytest.raises(FormatError, match=r"means: expected streams of equal width, got \[3, 5\]"):
        sphinx_files.read_gaussians(path)


def test_rare_transitions_are_raised_to_the_floor(tmp_path):
    values = np.array([[[9.0, 1.0, 0.0], [0.0, 1e-9, 1.0]]], "<f4")
    body = [np.array([1, 2, 3, 6], "<i4"), values]
    rows = sphinx_files.read_transitions(s3_file(tmp_path / "transition_matrices", body))
    np.testing.assert_allclose(rows[0, 0], [0.9, 0.1, 0.0], rtol=1e-6)
    np.testing.assert_allclose(rows[0, 1], [0.0, 1e-4 / 1.0001, 1 / 1.0001], rtol=1e-6)


def test_quantised_weights_are_steps_of_log_base_1_0001(tmp_path):
    units = np.random.default_rng(1).integers(0, 160, size=(2, 5, 3))
    weights = sphinx_files.read_mixture_weights(
        sendump_file(tmp_path / "sendump", units, cluster_count=0)
    )
    raw = 1.0001 ** (-1024.0 * units)
    np.testing.assert_allclose(weights, raw / raw.sum(axis=1, keepdims=True), rtol=1e-5)


def test_clustered_weights_are_refused(tmp_path):
    path = sendump_file(tmp_path / "sendump", np.zeros((1, 2, 2)), cluster_count=256)
    with pytest.raises(FormatError, match="sendump: expected cluster_count 0, got 256"):
        sphinx_files.read_mixture_weights(path)


@pytest.mark.parametrize("length", [-4, -1, 10_000])
def test_header_entry_of_impossible_length(tmp_path, length):
    path = tmp_path / "sendump"
    path.write_bytes(struct.pack("<i", length) + bytes(100))
    with pytest.raises(FormatError, match="sendump: not a sendump file"):
        sphinx_files.read_mixture_weights(path)


@pytest.mark.parametrize("names", [["SIL", "A"], ["SIL", "AAH"], ["+SPN+", "SIL"]])
def test_phones_and_senones(tmp_path, names):
    sequences = np.array([[3, 4, 5], [0, 1, 2]])
    found, senones = sphinx_files.read_phones(
        mdef_file(tmp_path / "mdef", names, sequences=sequences)
    )
    assert found == names
    assert senones.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_phones_that_share_transitions_are_refused(tmp_path):
    sequences = np.array([[3, 4, 5], [0, 1, 2]])
    path = mdef_file(tmp_path / "mdef", ["A", "B"], transitions=[0, 0], sequences=sequences)
    with pytest.raises(FormatError, match="mdef: expected each phone to own the transitions"):
        sphinx_files.read_phones(path)


@pytest.mark.parametrize("name", _READERS)
def test_a_file_cut_anywhere_is_refused_by_name(acoustic, tmp_path, name):
    whole = (acoustic / name).read_bytes()
    path = tmp_path / name
    cuts = [0, 1, 3, 4, 7, 20, 30, 40, 44, 45, 60, 80, 200, 1200, 1400, len(whole) // 2]
    for cut in [*cuts, len(whole) - 4, len(whole) - 2, len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(FormatError, match=re.escape(f"{path}:")):
            _READERS[name](path)


@pytest.mark.parametrize("name", _READERS)
def test_text_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_text("<html>404 Not Found</html>\n" * 50)
    with pytest.raises(FormatError, match=re.escape(f"{path}:")):
        _READERS[name](path)


@pytest.mark.parametrize("name", [*_READERS, "dictionary"])
def test_missing_file_is_named(tmp_path, name):
    reader = _READERS.get(name, sphinx_files.read_dictionary)
    with pytest.raises(FormatError, match=rf"{name}: No such file .*; install the package again"):
        reader(tmp_path / name)


def test_one_flipped_bit_breaks_the_checksum(acoustic, tmp_path):
    path = tmp_path / "transition_matrices"
    shutil.copy(acoustic / "transition_matrices", path)
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(FormatError, match="transition_matrices: the checksum is wrong"):
        sphinx_files.read_transitions(path)


def test_wrong_magic_and_byte_order_mark(acoustic, tmp_path):
    path = tmp_path / "means"
    path.write_bytes(b"s4" + (acoustic / "means").read_bytes()[2:])
    with pytest.raises(FormatError, match="means: not an s3 file"):
        sphinx_files.read_gaussians(path)
    head = b"s3\nendhdr\n"
    path.write_bytes(head + struct.pack("<5I", 0x12345678, 1, 1, 1, 1))
    with pytest.raises(FormatError, match="means: no byte-order mark"):
        sphinx_files.read_gaussians(path)
    path = tmp_path / "mdef"
    path.write_bytes(b"FDMB" + bytes(100))
    with pytest.raises(FormatError, match="mdef: expected a binary model definition, got b'FDMB'"):
        sphinx_files.read_phones(path)


def test_dictionary_keeps_variants_in_order(tmp_path):
    path = tmp_path / "some.dict"
    path.write_text("read R IY D\nread(2) R EH D\n(paren P\ncafé K AE F EY\n", encoding="utf-8")
    assert sphinx_files.read_dictionary(path) == {
        "read": (("R", "IY", "D"), ("R", "EH", "D")),
        "(paren": (("P",),),
        "café": (("K", "AE", "F", "EY"),),
    }


def test_dictionary_line_without_phones_is_named(tmp_path):
    path = tmp_path / "some.dict"
    path.write_text("a AH\nb\n")
    with pytest.raises(FormatError, match=r"some\.dict:2: expected a word and its phones, got 'b'"):
        sphinx_files.read_dictionary(path)


def test_dictionary_in_another_encoding(tmp_path):
    path = tmp_path / "some.dict"
    path.write_bytes("café K AE F EY\n".encode("latin-1"))
    with pytest.raises(FormatError, match=r"some\.dict: truncated or damaged \('utf-8'"):
        sphinx_files.read_dictionary(path)
