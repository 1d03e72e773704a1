"""Mixtures of real speech: a primary speaker, and others in other rooms whom nobody transcribes.

    python -m recipes.corpora.speaker_mixtures data/train.jsonl data/mixed/train --seconds 15 \
        --count 300
    python -m recipes.corpora.speaker_mixtures data/test.jsonl data/mixed/test --seconds 600 \
        --count 10 --primary cmu_arctic/slt --pause 2 --drift 10

What it is: utterances of one speaker, in the order of a hash, with pauses; after some of them, or
over them, an utterance of another speaker, 6 to 16 dB quieter, dull, and in a room of 0.3 to 0.9 s.
With --drift, the primary speaker's level falls by up to so many dB and rises again, once in three
to five minutes. The same arguments write the same bytes. About 2 MB a minute.

    OUT/train-NNNN.wav                      16 kHz; the name begins with that of the manifest
    OUT/both.jsonl, OUT/each.jsonl,         a line for each mixture: the words of all with a mark
    OUT/primary.jsonl                       where the role changes, with one before each word, and
                                            those of the primary speaker alone
    OUT/turns/train-NNNN.TextGrid           tiers primary and other: who says what, and when; of two
                                            others at once, the first

Words of those who talk at once are in the order in which they begin, if all letters of an utterance
take equally long.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import soundfile

from recipes.program import run
from recipes.trainer.letters import words_of
from speechalign.alignment import Alignment, Interval
from speechalign.audio.augmentation import low_pass, reverberate
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.formats import write_alignment
from speechalign.text.speaker_roles import Turn, role_targets

SAMPLE_RATE = 16000
TARGETS = ("primary", "both", "each")
"""Names of the manifests."""
_LEVEL = 0.06  # of the primary speaker, root mean square
_QUIETER = (6.0, 16.0)  # dB
_ROOM, _DULL = (0.3, 0.9), (2500.0, 5000.0)  # s of reverberation, Hz of a low-pass
_INTERRUPTED, _OVER = 0.6, 0.3  # shares: turns another follows, and of these, those that overlap


@dataclass(frozen=True)
class Said:
    """An utterance in a mixture.

    Parameters
    ----------
    turn : Turn
        Words, role and start.
    samples : ndarray, shape (N,), float32
        Speech as it is in the mixture.
    """

    turn: Turn
    samples: np.ndarray

    @property
    def end(self) -> float:
        """Seconds."""
        return self.turn.start + len(self.samples) / SAMPLE_RATE


def mix(
    own: Iterable[Utterance],
    others: Sequence[Utterance],
    *,
    seconds: float,
    pause: float,
    drift: float,
    rng: np.random.Generator,
) -> list[Said]:
    """Choose and place the utterances of one mixture.

    Parameters
    ----------
    own : Iterable[Utterance]
        The primary speaker's; the mixture ends with them, or before ``seconds``.
    others : Sequence[Utterance]
        Of other speakers.
    seconds, pause, drift : float
        Length at most, mean pause, and the fall of the primary speaker's level in dB.
    rng : numpy.random.Generator
        Draws all else.

    Raises
    ------
    InputError
        There is nothing to mix.
    """
    period, phase = rng.uniform(180, 300), rng.uniform(0, 2 * np.pi)
    found: list[Said] = []
    now = float(rng.exponential(pause))
    for utterance in own:
        fall = drift * 0.5 * (1 + np.sin(2 * np.pi * now / period + phase)) if drift else 0.0
        speech = _at_level(_samples(utterance), _LEVEL * 10 ** (-fall / 20))
        if now + len(speech) / SAMPLE_RATE > seconds:
            break
        said = Said(Turn(now, tuple(words_of(utterance.text))), speech)
        found.append(said)
        now = said.end + float(rng.exponential(pause))
        if not others or rng.random() > _INTERRUPTED:
            continue
        other = others[int(rng.integers(len(others)))]
        level = _LEVEL * 10 ** (-rng.uniform(*_QUIETER) / 20)
        speech = low_pass(_samples(other), float(rng.uniform(*_DULL)), SAMPLE_RATE)
        speech = reverberate(speech, float(rng.uniform(*_ROOM)), SAMPLE_RATE, rng)
        over = rng.random() < _OVER
        start = float(rng.uniform(said.turn.start, said.end)) if over else now
        if start + len(speech) / SAMPLE_RATE > seconds:
            continue
        turn = Turn(start, tuple(words_of(other.text)), primary=False)
        found.append(Said(turn, _at_level(speech, level)))
        if not over:
            now = found[-1].end + float(rng.exponential(pause))
    if not found:
        raise InputError(
            f"an empty mixture: no utterance fits into {seconds} s; raise --seconds, or look at "
            "the corpus"
        )
    return found


def timed(said: Said) -> list[Turn]:
    """Return a turn for each word; letters of an utterance take equally long."""
    turn, seconds = said.turn, said.end - said.turn.start
    letters = np.cumsum([0, *(len(word) for word in turn.words)])
    starts = turn.start + seconds * letters[:-1] / letters[-1]
    return [Turn(start, (word,), turn.primary) for start, word in zip(starts.tolist(), turn.words)]


def _order(name: str) -> int:
    return zlib.crc32(name.encode())


def _samples(utterance: Utterance) -> np.ndarray:
    return utterance.waveform(SAMPLE_RATE).samples


def _at_level(samples: np.ndarray, level: float) -> np.ndarray:
    scaled: np.ndarray = samples * np.float32(level / (np.sqrt(np.mean(samples**2)) + 1e-9))
    return scaled


def write(
    said: Sequence[Said], out: Path, name: str, *, speaker: str
) -> Mapping[str, dict[str, object]]:
    """Write the sound and the turns of a mixture; return its lines of both manifests."""
    length = max(len(s.samples) + round(s.turn.start * SAMPLE_RATE) for s in said)
    mixed = np.zeros(length + SAMPLE_RATE // 2, np.float32)
    for s in said:
        begin = round(s.turn.start * SAMPLE_RATE)
        mixed[begin : begin + len(s.samples)] += s.samples
    duration = len(mixed) / SAMPLE_RATE
    tiers: dict[str, list[Interval]] = {"primary": [], "other": []}
    for s in sorted(said, key=lambda s: s.turn.start):
        tier = tiers["primary" if s.turn.primary else "other"]
        if not tier or tier[-1].end <= s.turn.start:
            tier.append(Interval(s.turn.start, s.end, " ".join(s.turn.words)))
    (out / "turns").mkdir(parents=True, exist_ok=True)
    write_alignment(Alignment(tiers, duration), out / "turns" / f"{name}.TextGrid")
    temporary = out / f"{name}.tmp"
    soundfile.write(temporary, mixed.clip(-1, 1), SAMPLE_RATE, subtype="PCM_16", format="WAV")
    temporary.replace(out / f"{name}.wav")
    line: dict[str, object] = {
        "audio_filepath": f"{name}.wav",
        "id": name,
        "speaker": speaker,
        "duration": duration,
    }
    turns = [turn for s in said for turn in timed(s)]
    return {
        "both": line | {"text": " ".join(role_targets(turns))},
        "each": line | {"text": " ".join(role_targets(turns, every_word=True))},
        "primary": line | {"text": " ".join(role_targets(turns, others=False))},
    }


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", required=True, type=click.IntRange(1), help="Number of mixtures.")
@click.option("--seconds", default=15.0, show_default=True, help="Length of a mixture at most.")
@click.option("--pause", default=0.5, show_default=True, help="Mean pause, seconds.")
@click.option("--drift", default=0.0, show_default=True, help="Fall of the primary's level, dB.")
@click.option(
    "--primary", "named", multiple=True, metavar="NAME",
    help="Primary speakers, who are never the others (default: every speaker).",
)  # fmt: skip
def main(
    manifest: Path,
    out: Path,
    count: int,
    seconds: float,
    pause: float,
    drift: float,
    named: tuple[str, ...],
) -> None:
    """Mix; each utterance of a primary speaker is used once at most."""
    utterances = [
        utterance
        for utterance in read_corpus(manifest)
        if utterance.problem is None and utterance.speaker and words_of(utterance.text)
    ]
    utterances.sort(key=lambda u: (_order(str(u.speaker)), str(u.speaker), _order(u.id)))
    found = {str(utterance.speaker) for utterance in utterances}
    strange = set(named) - found
    if strange or len(found) < 2:
        raise InputError(
            f"{manifest}: expected speech of at least two speakers{', ' if named else ''}"
            f"{', '.join(named)} among them; got {', '.join(sorted(found)[:5])} ..."
        )
    own = [utterance for utterance in utterances if utterance.speaker in (named or found)]
    if count > len(own):
        raise InputError(f"--count: expected at most {len(own)}, one for each utterance")
    lines: dict[str, list[dict[str, object]]] = {name: [] for name in TARGETS}
    out.mkdir(parents=True, exist_ok=True)
    length = 0.0
    for number in range(count):
        first, last = (k * len(own) // count for k in (number, number + 1))
        speaker = str(own[first].speaker)
        said = mix(
            [utterance for utterance in own[first:last] if utterance.speaker == speaker],
            [u for u in utterances if u.speaker != speaker and u.speaker not in named],
            seconds=seconds,
            pause=pause,
            drift=drift,
            rng=np.random.default_rng([_order(manifest.name), number]),
        )
        name = f"{manifest.stem}-{number:04d}"
        for target, line in write(said, out, name, speaker=speaker).items():
            lines[target].append(line)
        length += max(s.end for s in said)
    for name, kept in lines.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    click.echo(f"{out}: {count} mixtures, {length / 3600:.2f} h")


if __name__ == "__main__":
    run(main)
