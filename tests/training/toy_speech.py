"""Speech of a toy language whose hidden states are known, as material to train on."""

from __future__ import annotations

import numpy as np

from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.training.material import Material, Spoken
from speechalign.training.progress import Progress

PHONES = ("a", "b", "c")
DICTIONARY = {
    "ab": (("a", "b"),),
    "ca": (("c", "a"),),
    "bc": (("b", "c"), ("b", "a", "c")),
    "cab": (("c", "a", "b"),),
}
SOURCE = Pronunciations("en", DICTIONARY)


class Quiet(Progress):
    """Progress that notes what it is told; stops after ``passes`` passes, if they are given."""

    def __init__(self, passes=None):
        self.iterations = []
        self.warnings = []
        self.passes = passes

    def warn(self, line):
        self.warnings.append(line)

    def finished(self, iteration):
        self.iterations.append(iteration)

    def stop_now(self, done, of):  # noqa: ARG002
        if len(self.iterations) == self.passes:
            raise KeyboardInterrupt


def material(folder, *, utterances=24, seed=0, mistaken=()):
    """Write cepstra, and return the material with the phone of each frame, -1 in pauses.

    The transcripts of the utterances in ``mistaken`` are those of others.
    """
    rng = np.random.default_rng(seed)
    means = 4 * rng.normal(size=(len(PHONES), 13))
    means[:, 0] = 8.0
    pause = np.zeros(13)
    pause[0] = -8.0
    frames, truth, spoken = [], [], []
    for number in range(utterances):
        words = rng.choice(sorted(DICTIONARY), size=5).tolist()
        labels = [-1] * int(rng.integers(8, 15))
        for word in words:
            variants = DICTIONARY[word]
            for phone in variants[0 if rng.random() < 0.8 else -1]:
                labels += [PHONES.index(phone)] * int(rng.integers(5, 13))
            if rng.random() < 0.3:
                labels += [-1] * int(rng.integers(6, 12))
        labels += [-1] * int(rng.integers(8, 15))
        centres = np.array([pause if label < 0 else means[label] for label in labels])
        frames.append(centres + rng.normal(size=centres.shape))
        begin = sum(map(len, truth))
        truth.append(np.array(labels))
        transcript = ["cab"] * 5 if number in mistaken else words
        said = tuple(DICTIONARY[word] for word in transcript)
        spoken.append(Spoken(f"u{number}", f"s{number % 2}", said, begin, len(labels), 30.0))
    folder.mkdir(exist_ok=True)
    path = folder / "cepstra.f32"
    np.concatenate(frames).astype(np.float32).tofile(path)
    return Material(tuple(spoken), (), path, f"toy {seed}"), np.concatenate(truth)
