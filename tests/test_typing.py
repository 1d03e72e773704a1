"""What a type checker sees of the package in a user's file."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import speechalign
from speechalign.losses import LOSSES

ROOT = Path(__file__).resolve().parents[1]

MAIN = """\
import numpy as np
import speechalign
from speechalign import Alignment, Interval
from speechalign.metrics import compare_alignments, score_links

def first(alignment: Alignment) -> Interval:
    return alignment.tiers["words"][0]

reveal_type(first(speechalign.read_alignment("a.TextGrid")).label)
reveal_type(speechalign.align("a.wav", "Hello").confidence)
reveal_type(speechalign.load_model("english-gmm").sample_rate)
reveal_type(speechalign.Alignment({}, 1.0).crop(0.5).at(0.1))
reveal_type(speechalign.align(np.zeros(9), "Hello", sample_rate=16000).to_dict())
for word in speechalign.align("a.wav", "Hello"):
    reveal_type(word.start)
reveal_type(speechalign.align_corpus("corpus"))
reveal_type(speechalign.align_corpus("corpus", "english-gmm", "out"))
reveal_type(speechalign.score([(Alignment({}, 1), None)]).both.mean)
reveal_type(speechalign.score([(["a"], ["b"])], metric="word-errors").error_rate)
reveal_type(compare_alignments("gold", "ours").pooled.both.mean)
reveal_type(score_links("gold.talp", "ours.talp", metric="saer").sentences["1"].error_rate)
"""

REVEALED = [
    "str",
    "float",
    "int",
    "dict[str, speechalign.alignment.Interval]",
    "dict[str, object]",
    "float",
    "typing.Iterator[speechalign.pipeline.result.UtteranceResult]",
    "speechalign.pipeline.result.CorpusResult",
    "float | None",
    "float | None",
    "float | None",
    "float",
]

MISTAKES = """\
import speechalign
speechalign.aling("a.wav", "Hello")
speechalign.align("a.wav", "Hello", modle="english-gmm")
speechalign.Interval("0", 1, "a")
speechalign.align("a.wav", "Hello").alignment.tires
"""

FOUND = [
    'Module has no attribute "aling"',
    'Unexpected keyword argument "modle" for "align"',
    'Argument 1 to "Interval" has incompatible type "str"; expected "float"',
    '"Alignment" has no attribute "tires"',
]


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Return a function that type-checks a user's file, and returns each line with its message."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("user")

    def check(code):
        (folder / "user.py").write_text(code)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--no-error-summary",
             "--ignore-missing-imports", "--follow-imports=silent", "--hide-error-codes",
             "user.py"],
            capture_output=True, text=True, check=False, cwd=folder,
            env=os.environ | {"MYPYPATH": str(ROOT)},
        )  # fmt: skip
        assert not done.stderr
        lines = re.findall(r"^user\.py:(\d+): (\w+): (.*)$", done.stdout, re.M)
        assert done.stdout.count("\n") == len(lines), done.stdout
        return [(int(number), kind, message) for number, kind, message in lines]

    return check


def test_a_users_file_has_types(check):
    found = check(MAIN)
    assert {kind for _, kind, _ in found} == {"note"}
    assert [message for *_, message in found] == [f'Revealed type is "{t}"' for t in REVEALED]


def test_mistakes_of_a_user_are_found(check):
    errors = [(number, message) for number, kind, message in check(MISTAKES) if kind == "error"]
    assert [number for number, _ in errors] == [2, 3, 4, 5]
    for (_, message), wanted in zip(errors, FOUND):
        assert message.startswith(wanted)


@pytest.mark.parametrize(
    ("module", "names"),
    [("speechalign", speechalign.__all__), ("speechalign.losses", list(LOSSES))],
)
def test_every_public_name_has_a_type(check, module, names):
    found = check(f"import {module}\n" + "".join(f"reveal_type({module}.{n})\n" for n in names))
    assert {kind for _, kind, _ in found} == {"note"}
    assert [number for number, *_ in found] == list(range(2, 2 + len(names)))
    for name, (*_, message) in zip(names, found):
        wanted = "str" if name == "__version__" else "(def|overload)"
        assert re.match(f'Revealed type is "{wanted}', message, re.I), (name, message)
