"""Measure a model's systematic onset bias against gold alignments."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.formats.tree import match_recordings, read_tree
from speechalign.metrics.boundaries import statistics
from speechalign.models.calibration import Calibration
from speechalign.pipeline.align_corpus import align_corpus


def measure_bias(
    aligner: Aligner, utterances: Sequence[Utterance], gold: str | Path
) -> Calibration:
    """Align a corpus and compare the starts of its words with the true ones.

    Parameters
    ----------
    aligner : Aligner
        The loaded model.
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    gold : str or Path
        Folder of alignments with a tier ``words``, a file a recording.

    Returns
    -------
    Calibration
        The median difference, to be written to a file.

    Raises
    ------
    InputError
        No word of the corpus has a true time.

    Notes
    -----
    The median of hypothesis minus reference over the starts of words whose labels match. It is
    subtracted from all times, which leaves errors without a common direction.
    """
    with tempfile.TemporaryDirectory() as folder:
        align_corpus(utterances, aligner, folder)
        references = read_tree(Path(gold)).alignments
        hypotheses = read_tree(Path(folder)).alignments
    errors = [
        statistics(references[name], hypotheses[other]).start_errors
        for name, other in match_recordings(references, hypotheses).items()
        if other is not None
    ]
    late = np.concatenate(errors) if errors else np.empty(0)
    if late.size == 0:
        raise InputError(
            f"{gold}: no word of the corpus has a time there; give alignments with a tier 'words' "
            "and the same file names"
        )
    return Calibration(aligner.model.name, float(np.median(late)), late.size)
