"""Read damaged files of every kind, and write and read generated ones.

Usage: python tools/fuzz.py [--cases 100000] [--seed 0] [--only NAME ...]

Half of the cases of a target are files that were valid before pieces of them were removed,
repeated, replaced, or joined by what readers stumble over: reading one returns a value or raises a
``SpeechAlignError``. The others are generated values: what is read after writing has the words that
were written, and is read the same after writing it again.

Prints a line for each target, and the smallest case of each fault; exits 1 if there is any. The
test suite runs 2,000 cases.
"""

from __future__ import annotations

import argparse
import codecs
import gzip
import json
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from strategies import alignments  # noqa: E402

from speechalign import Alignment, Interval, write_alignment  # noqa: E402
from speechalign.corpus import Utterance, read_corpus  # noqa: E402
from speechalign.errors import FormatError, SpeechAlignError, SpeechAlignWarning  # noqa: E402
from speechalign.files.textgrid import read_textgrid  # noqa: E402
from speechalign.files.tier_names import split, split_layer  # noqa: E402
from speechalign.formats import FORMATS, find_format, read_alignments  # noqa: E402
from speechalign.pipeline.manifest import MANIFEST, Manifest  # noqa: E402
from speechalign.pipeline.result import Status, UtteranceResult  # noqa: E402
from speechalign.text.dictionary import Dictionary, read_dictionary, write_dictionary  # noqa: E402
from speechalign.text.normal_form import normal_form  # noqa: E402
from speechalign.text.word import Token, Word  # noqa: E402

# Hypothesis remembers every case of a run; a new run forgets them.
_CASES_OF_A_RUN = 1000

_NASTY = [
    "nan", "inf", "-inf", "1e999", "-1", "-0.0", "0", "1e-320", "9" * 400, "9" * 5000, "٣", "1_0",
    '"', '""', "'", "\\", "\0", "\ufeff", "\r", "\n", "\n\n", "\t", " ", "\u00a0", "\u2028",
    "\u0085", "\x1c", "{", "}", "[", "]", "[" * 3000, "null", "true", "{}", "[]", ",", ":", ";;",
    "\\ud800", "\\u0000", "<", ">", "&amp;", "&#0;", "&#55296;", "<i>", "<v Ann>", "<00:00:01.000>",
    "-->", "00:00:01,000 --> 00:00:00,000", "99999999999:00:00.000 --> 00:01.000", "NOTE", "! x",
    "<exists>", "<absent>", '"IntervalTier"', '"TextTier"', "<space>", "()", "(2)", "é", "e\u0301",
    "漢", "😀", "../x", "/", "|", "words", "words (2)", "Ann - words", "x" * 300,
]  # fmt: skip
_NASTY_BYTES = [
    *(text.encode() for text in _NASTY),
    codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\xff", b"\xe9", b"\xed\xa0\x80",
    b"\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", struct.pack(">d", float("nan")),
]  # fmt: skip

_SAMPLE = Alignment(
    {
        "utterances": [Interval(0, 1, 'Yes, "no" & <i>'), Interval(1.5, 3, "été 漢 😀")],
        "words": [Interval(0.125, 0.5, "Yes,", 0.75), Interval(1.5, 3, "été")],
        "words (2)": [Interval(0.25, 1, "over")],
        "phones": [Interval(0.125, 0.25, "Y"), Interval(0.25, 0.5, "EH1")],
    },
    4.0,
)
_SPEAKERS = Alignment(
    {"Ann - words": [Interval(0, 1, "a")], "Bob - words": [Interval(0.5, 2, "b c")]}, 2.0
)
_ROLLING = (
    "WEBVTT\nKind: captions\n\n00:00:00.160 --> 00:00:02.470 align:start\n \n"
    "one<00:00:00.480><c> two</c>\n\n00:00:02.470 --> 00:00:02.480\none two\n \n\n"
    "NOTE x\n\nid\n00:00:02.480 --> 00:00:05.110\none two\n<v.x Ann>th<i>r</i>ee"
    "<00:00:03.000> four\n"
)


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Parameters
    ----------
    suffix : str
        End of the file's name.
    samples : list[bytes]
        Valid files.
    read : Callable[[Path], object]
        The reader.
    values : SearchStrategy, optional
        What can be written.
    write : Callable[[object, Path], None], optional
        The writer.
    check : Callable[[object, object], None], optional
        Assert that a value that was read has all that was written.
    """

    suffix: str
    samples: list[bytes]
    read: Callable[[Path], object]
    values: SearchStrategy[object] | None = None
    write: Callable[[object, Path], None] | None = None
    check: Callable[[object, object], None] | None = None


@st.composite
def _damaged(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """Draw a file, and what has happened to it."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.sampled_from([1, 1, 1, 2, 8, 40, 10**6])))
        match draw(st.integers(0, 4)):
            case 0:
                del data[at:to]
            case 1:
                data[to:to] = data[at : min(to, at + 200)]
            case 2:
                data[at:to] = draw(st.sampled_from(_NASTY_BYTES))
            case 3:
                data[at:at] = draw(st.sampled_from(_NASTY_BYTES))
            case 4:
                data[at:to] = draw(st.binary(max_size=4))
    return bytes(data)


# --- formats


def _words(alignment: Alignment) -> list[str]:
    """Return the words of an alignment, or of its utterances, without order or white space."""
    for kind in ("words", "utterances"):
        tiers = [t for n, t in alignment.tiers.items() if split_layer(split(n)[1])[0] == kind]
        if any(tiers):
            return sorted(w for tier in tiers for i in tier for w in i.label.split())
    return []


def _check_words(found: object, written: object) -> None:
    assert isinstance(found, dict)
    assert isinstance(written, Alignment)
    alignment = next(iter(found.values()), Alignment({}, 0.0))
    assert _words(alignment) == _words(written), "words are lost"


def _writer(name: str) -> Callable[[object, Path], None]:
    def write(value: object, path: Path) -> None:
        alignment = next(iter(value.values())) if isinstance(value, dict) else value
        assert isinstance(alignment, Alignment)
        write_alignment(alignment, path, format=name)

    return write


def _format_target(name: str, folder: Path) -> Target:
    suffix = find_format("x", format=name).SUFFIXES[0]
    samples = []
    for alignment in (_SAMPLE, _SPEAKERS):
        try:
            write_alignment(alignment, folder / "sample", format=name)
        except FormatError:
            continue  # Audacity holds one speaker
        samples.append((folder / "sample").read_bytes())
    samples.append(samples[-1].decode("utf-8").replace("\n", "\r\n").encode("utf-16"))
    samples += {
        "vtt": [_ROLLING.encode()],
        "textgrid": [_binary(_SAMPLE), _chronological(_SAMPLE)],
    }.get(name, [])
    tiers = {"audacity": ["words", "phones"], "ctm": ["Ann - words", "Bob - words", "phones"]}
    if name in ("ass", "lrc", "srt", "ttml", "vtt"):  # Cues, of either words or utterances.
        values = alignments(tiers=["words"])
    else:
        values = alignments(tiers=tiers.get(name))
    return Target(
        suffix,
        samples,
        lambda path: read_alignments(path, format=name),
        values,
        _writer(name),
        _check_words,
    )


def _binary(alignment: Alignment) -> bytes:
    """Return a binary TextGrid, as Praat saves it."""

    def text(value: str) -> bytes:
        if value.isascii():
            return struct.pack(">H", len(value)) + value.encode("ascii")
        return struct.pack(">HH", 0xFFFF, len(value)) + value.encode("utf-16-be")

    size = len(alignment.tiers) + 1
    parts = [b"ooBinaryFile\x08TextGrid", struct.pack(">ddbi", 0, alignment.duration, 1, size)]
    for name in alignment.tiers:
        cells = list(alignment.contiguous(name))
        parts += [b"\x0cIntervalTier", text(name)]
        parts.append(struct.pack(">ddi", 0, alignment.duration, len(cells)))
        parts += [struct.pack(">dd", i.start, i.end) + text(i.label) for i in cells]
    parts += [b"\x08TextTier", text("clicks"), struct.pack(">ddi", 0, alignment.duration, 1)]
    parts.append(struct.pack(">d", 0.5) + text("click"))
    return b"".join(parts)


def _chronological(alignment: Alignment) -> bytes:
    """Return a chronological TextGrid, as Praat saves it."""

    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = [
        quoted("Praat chronological TextGrid text file"),
        f"0 {alignment.duration}   ! Time domain.",
        f"{len(alignment.tiers)}   ! Number of tiers.",
        *(f'"IntervalTier" {quoted(name)} 0 {alignment.duration}' for name in alignment.tiers),
    ]
    cells = [
        (interval, number, name)
        for number, name in enumerate(alignment.tiers, 1)
        for interval in alignment.contiguous(name)
    ]
    for interval, number, name in sorted(cells, key=lambda cell: (cell[0].start, cell[1])):
        lines.append(f"\n! {name}:\n{number} {interval.start!r} {interval.end!r}")
        lines.append(quoted(interval.label))
    return ("\n".join(lines) + "\n").encode()


def _other_textgrid(write: Callable[[Alignment], bytes]) -> Target:
    """Return the target of a form of TextGrids that this file writes, not the package."""

    def check(found: object, written: object) -> None:
        assert isinstance(written, Alignment)
        tiers = [(t.name, [(m.start, m.end, m.text) for m in t.marks]) for t in found.tiers]  # type: ignore[attr-defined]
        assert tiers == [
            (name, [(i.start, i.end, i.label) for i in written.contiguous(name)])
            for name in written.tiers
        ]

    def write_bytes(value: object, path: Path) -> None:
        if isinstance(value, Alignment):
            path.write_bytes(write(value))

    return Target(".TextGrid", [write(_SAMPLE)], read_textgrid, alignments(), write_bytes, check)


# --- corpora


def _corpus_target(layout: str, file: str, samples: list[str], folder: Path) -> Target:
    """Return the target of one file of a corpus; the others are beside it and valid."""
    home = folder / layout
    home.mkdir(exist_ok=True)
    soundfile.write(home / "x.wav", [[0.0, 0.0]] * 800, 8000)
    for name, content in _KALDI.items() if layout == "kaldi" else ():
        (home / name).write_text(content)

    def read(path: Path) -> list[Utterance]:
        (home / file).write_bytes(path.read_bytes())
        whole = home / file if layout in ("manifest", "lhotse") else home
        try:
            return read_corpus(whole, layout=layout)
        finally:
            if layout == "kaldi":
                (home / file).write_text(_KALDI[file])
            else:
                (home / file).unlink()

    data = [sample.encode() for sample in samples]
    if file.endswith(".gz"):
        data = [gzip.compress(sample, mtime=0) for sample in data]
    return Target(Path(file).suffix, data, read)


_KALDI = {
    "wav.scp": "x x.wav\n",
    "text": "u-1 hello there\nu-2 yes\n",
    "utt2spk": "u-1 u\nu-2 u\n",
    "segments": "u-1 x 0 0.05\nu-2 x 0.05 -1\n",
    "reco2file_and_channel": "x x A\n",
}
_MANIFEST = (
    '{"audio_filepath": "x.wav", "text": "a", "id": 1, "offset": 0, "duration": 0.05}\n'
    '{"audio_filepath": "x.wav", "text": "b", "speaker": "Ann", "offset": 0.05, "channel": 1}\n'
)
_CUTS = (
    json.dumps(
        {
            "type": "MonoCut", "id": "c", "start": 0.0, "duration": 0.1, "channel": 0,
            "recording": {
                "id": "x", "duration": 0.1, "num_samples": 800, "sampling_rate": 8000,
                "sources": [{"type": "file", "channels": [0, 1], "source": "x.wav"}],
                "transforms": [{"name": "Resample"}],
            },
            "supervisions": [
                {"id": "s", "recording_id": "x", "start": 0.0, "duration": 0.1, "channel": 0,
                 "text": "hello", "speaker": "Ann"},
            ],
        }
    )
    + "\n"
)  # fmt: skip


# --- dictionaries

_DICTIONARY = (
    "tea\tT IY1\ntea(2)\t0.5\tT EY\ncafé 0.25 0.1 1.0 1 K AE F EY # x\n;;; comment\n\nl' L\n"
)


def _dictionaries() -> SearchStrategy[object]:
    """Draw dictionaries whose words and phones a line can hold."""
    piece = st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=6
    )
    words = piece.map(lambda text: normal_form(text).lower()).filter(
        lambda word: (
            len(word.split()) == 1
            and word == normal_form(word).lower()
            and not word.startswith(";;;")
            and not word.endswith(")")
        )
    )
    phones = st.lists(
        piece.filter(lambda phone: phone != "#" and len(phone.split()) == 1), min_size=1, max_size=4
    )
    variants = st.dictionaries(phones.map(tuple), st.just(0.0), min_size=1, max_size=3)
    return st.dictionaries(words, variants, min_size=1, max_size=5).map(Dictionary)


def _check_dictionary(found: object, written: object) -> None:
    assert dict(found) == dict(written)  # type: ignore[call-overload]


def _quiet(path: Path) -> Dictionary:
    return read_dictionary(path, warn=lambda _: None)


# --- the manifest of results


def _results() -> SearchStrategy[object]:
    """Draw results of several utterances, by their ids."""
    numbers = st.none() | st.floats(-1e6, 1e6)
    names = st.text(min_size=1, max_size=8)
    intervals = st.builds(
        lambda start, length, label: Interval(start, start + length, label),
        st.floats(0, 1e3),
        st.floats(1e-3, 1e3),
        st.text(max_size=5),
    )
    words = st.builds(
        lambda span, confidence, source, spoken, phones: Word(
            span.label,
            tuple(spoken),
            source,
            span=replace(span, confidence=confidence),
            phones=tuple(phones),
            tokens=(Token(span, 0, len(span.label)),),
        ),
        intervals,
        st.none() | st.floats(0, 1),
        st.sampled_from(["letters", "dictionary", "g2p", "noise", "unknown"]),
        st.lists(names, min_size=1, max_size=2),
        st.lists(intervals, max_size=2),
    )
    results = st.builds(
        UtteranceResult,
        utterance=names,
        recording=names,
        status=st.sampled_from([status for status in Status if status is not Status.REMOVED]),
        reason=st.none() | names,
        text=names,
        speaker=st.none() | names,
        start=st.floats(0, 1e4),
        end=numbers,
        channel=st.none() | st.integers(0, 9),
        audio=names,
        model=names,
        licence=st.none() | names,
        settings=st.dictionaries(names, names, max_size=2),
        outputs=st.lists(names, max_size=2).map(tuple),
        confidence=st.none() | st.floats(0, 1),
        words=st.lists(words, max_size=2).map(tuple),
    )
    return st.lists(results, max_size=3).map(lambda found: {r.utterance: r for r in found})


def _results_target(folder: Path) -> Target:
    home = folder / "results"
    home.mkdir(exist_ok=True)
    manifest = home / MANIFEST

    def write(value: object, path: Path) -> None:
        assert isinstance(value, dict)
        manifest.unlink(missing_ok=True)
        with Manifest(home).writing() as results:
            results.extend(value.values())
        path.write_bytes(manifest.read_bytes())

    def read(path: Path) -> object:
        manifest.write_bytes(path.read_bytes())
        Manifest(home).finish()
        return Manifest(home).read()

    def check(found: object, written: object) -> None:
        assert found == written

    spoken = Word("Yes,", ("yes",), "dictionary", span=Interval(0, 1, "Yes,", 0.5))
    result = UtteranceResult(
        "u", "r", Status.ALIGNED, None, "Yes,", "Ann", 0.0, 1.0, 0, "x.wav", "m", None,
        settings={"language": "en"}, outputs=("r.TextGrid",), outputs_sha256=("0",),
        words=(replace(spoken, phones=(Interval(0, 0.5, "Y"), Interval(0.5, 1, "EH"))),),
    )  # fmt: skip
    write({"u": result, "v": replace(result, utterance="v", words=())}, folder / "sample")
    return Target(".jsonl", [(folder / "sample").read_bytes()], read, _results(), write, check)


def targets(folder: Path) -> dict[str, Target]:
    """Return all kinds of files; ``folder`` is for files that lie beside the damaged one."""
    found = {name: _format_target(name, folder) for name in FORMATS}
    found["textgrid-binary"] = _other_textgrid(_binary)
    found["textgrid-chronological"] = _other_textgrid(_chronological)
    grids = [
        _chronological(Alignment({"Ann": [Interval(0, 0.05, "a")], "notes": ()}, 0.1)).decode(),
        _chronological(Alignment({"A": [Interval(0, 0.05, "a")], "B": ()}, 0.1)).decode(),
        _chronological(_SPEAKERS).decode(),
    ]
    found["corpus-textgrid"] = _corpus_target("mfa", "x.TextGrid", grids, folder)
    found["corpus-manifest"] = _corpus_target("manifest", "m.jsonl", [_MANIFEST], folder)
    found["corpus-lhotse"] = _corpus_target("lhotse", "cuts.jsonl", [_CUTS], folder)
    found["corpus-lhotse-gz"] = _corpus_target("lhotse", "cuts.jsonl.gz", [_CUTS], folder)
    for name, content in _KALDI.items():
        found[f"corpus-kaldi-{name}"] = _corpus_target("kaldi", name, [content], folder)
    found["results"] = _results_target(folder)
    found["dictionary"] = Target(
        ".dict",
        [_DICTIONARY.encode()],
        _quiet,
        _dictionaries(),
        write_dictionary,  # type: ignore[arg-type]
        _check_dictionary,
    )
    return found


# --- running


def fuzz(target: Target, cases: int, start: int, folder: Path) -> tuple[int, list[str]]:
    """Try cases of one target.

    Returns
    -------
    tuple
        How many cases ended in an error of ours, and the faults, with the smallest case of each.
    """
    path = folder / f"case{target.suffix}"
    refused = 0
    faults: list[str] = []

    def read(data: bytes) -> None:
        nonlocal refused
        path.write_bytes(data)
        try:
            target.read(path)
        except SpeechAlignError as error:
            refused += 1
            words = str(error)
        else:
            return
        assert words.strip(), "an error without words"

    def round_trip(value: object) -> None:
        nonlocal refused
        assert target.write
        assert target.check
        try:
            target.write(value, path)
        except SpeechAlignError:
            refused += 1
            return
        first = target.read(path)
        target.check(first, value)
        if isinstance(first, dict) and not first:
            return
        target.write(first, path)
        second = target.read(path)
        target.check(second, value)
        assert first == second, "the second time, more is lost"

    half = cases if target.values is None else (cases + 1) // 2
    properties: list[tuple[Callable[..., None], SearchStrategy[object], int]] = [
        (read, _damaged(target.samples), half)
    ]
    if target.values is not None:
        properties.append((round_trip, target.values, cases - half))
    for check, strategy, wanted in properties:
        for number in range(0, wanted, _CASES_OF_A_RUN):
            limits = settings(
                max_examples=min(_CASES_OF_A_RUN, wanted - number),
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            )
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SpeechAlignWarning)
                    seed(start + number)(limits(given(strategy)(check)))()
            except Exception:
                faults.append(traceback.format_exc(limit=-6))
                break
    return refused, faults


def main(arguments: list[str]) -> int:
    """Run the cases; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    options = parser.parse_args(arguments)
    found = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = targets(folder)
        if options.only:
            chosen = {name: chosen[name] for name in options.only}
        each = -(-options.cases // len(chosen))
        for name, target in chosen.items():
            began = time.monotonic()
            refused, faults = fuzz(target, each, options.seed, folder)
            found += len(faults)
            took = time.monotonic() - began
            print(f"{name}: {each} cases, {refused} refused, {len(faults)} faults, {took:.0f} s")
            for fault in faults:
                print(fault)
    print(f"{each * len(chosen)} cases, {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
