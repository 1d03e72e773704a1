"""The aligners that are compared: one line each."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from speechalign.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Entry:
    """An aligner: a command that aligns the folder of a corpus into another folder.

    Parameters
    ----------
    languages : str
        ISO 639-1 codes, separated by spaces.
    family : str
        What kind of model it has.
    command : str
        Where ``$corpus``, ``$out``, ``$language``, ``$dictionary``, ``$encoder``, ``$whisper``,
        ``$python`` and ``$environments`` are filled in.
    trains : bool
        Whether it trains on the very recordings that it aligns.
    rival : str or None
        Name of the script in ``tools/rivals``, for one that runs in an environment of its own.
    noise : bool
        Whether it aligns noise, too; some take minutes for a corpus.
    """

    languages: str
    family: str
    command: str
    trains: bool = False
    rival: str | None = None
    noise: bool = True

    def filled_in(self, values: Mapping[str, str]) -> list[str]:
        """Return the command; InputError where it takes a value that is not given."""
        words = [Template(word) for word in shlex.split(self.command)]
        for name in dict.fromkeys(n for word in words for n in word.get_identifiers()):
            if not values.get(name):
                raise InputError(f"needs --{name} of run.sh")
        return [word.substitute(values) for word in words]


_ALIGN = "$python -m speechalign align $corpus {} $out -q -j 1 --allow-partial"
_TRAIN = (
    "$python -m speechalign train-align $corpus $out -q -j 1 --allow-partial --language $language"
)
_RIVAL = (
    f"$python {ROOT}/tools/rivals/environment.py run {{}} $environments $corpus $out "
    "--language $language --dictionary $dictionary"
)


def _ours(
    model: str, languages: str, family: str, options: str = "", *, noise: bool = True
) -> Entry:
    return Entry(languages, family, f"{_ALIGN.format(model)} {options}", noise=noise)


def _rival(
    name: str, languages: str, family: str, *, trains: bool = False, noise: bool = True
) -> Entry:
    return Entry(languages, family, _RIVAL.format(name), trains, name, noise)


ALIGNERS = {
    "english-sphinx": _ours("english-sphinx", "en", "HMM-GMM"),
    "english-gmm": _ours("english-gmm", "en", "HMM-GMM"),
    "german-gmm": _ours("german-gmm", "de", "HMM-GMM"),
    "train-align": Entry("en", "HMM-GMM", _TRAIN, trains=True),
    "train-align German": Entry("de", "HMM-GMM", f"{_TRAIN} --phones german", trains=True),
    "english": _ours("english", "en", "neural HMM"),
    "german": _ours("german", "de", "neural HMM"),
    "english-whisper": _ours("english-whisper", "en", "neural HMM", "--encoder $encoder"),
    "german-whisper": _ours("german-whisper", "de", "neural HMM", "--encoder $encoder"),
    "universal": _ours(
        "universal", "en de", "neural HMM", "--encoder $encoder --language $language"
    ),
    "english-ctc-small": _ours("english-ctc-small", "en", "CTC"),
    "MMS_FA": _ours("torchaudio:MMS_FA", "en de", "CTC", "--language $language"),
    "wav2vec 2.0 base": _ours("torchaudio:WAV2VEC2_ASR_BASE_960H", "en", "CTC"),
    "Whisper attention": _ours(
        "$whisper", "en de", "attention", "--language $language", noise=False
    ),
    "pocketsphinx": _rival("pocketsphinx_aligner", "en", "HMM-GMM"),
    "viter": _rival("viter", "en de", "HMM-GMM", trains=True),
    "MFA": _rival("mfa", "en de", "HMM-GMM"),
    "Gentle": _rival("gentle", "en", "HMM-DNN"),
    "aeneas": _rival("aeneas_aligner", "en de", "synthesis and DTW", noise=False),
}
"""By name. Another one is a line here; another rival, also a script in ``tools/rivals``."""
