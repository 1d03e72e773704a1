"""AlignBatch: align the rows of a table, in any engine that maps batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, cast

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.corpus import Utterance
from speechalign.errors import AlignmentError, InputError, wrong_type
from speechalign.models import Model, SpeakerModel, load_model
from speechalign.pipeline.result import WRITTEN, UtteranceResult
from speechalign.pipeline.rows import KNOWN, TIERS, columns_of, utterances_of
from speechalign.pipeline.run import Run, align


class AlignBatch:
    """Align batches of rows; the model is loaded once in each process that it is sent to.

    It works as it stands in a loop, in ``datasets.Dataset.map(..., batched=True)`` and in
    ``ray.data.Dataset.map_batches``.

    Parameters
    ----------
    model : str, Path, Model, Aligner or callable
        Name or path of an acoustic model, which each process loads for itself; or a function
        without arguments that returns an `Aligner`. A loaded model or aligner does as long as the
        batches stay in this process, or as it can be pickled.
    language : str or None
        ISO 639 code of the text, for a model that reads several languages.
    device : str or None
        ``cpu``, ``cuda`` or ``cuda:1`` ...; None for the GPU where the model can use one.
    tiers : Sequence[str]
        Columns of times to add: ``words``, ``phones`` (what the words consist of: characters or
        tokens, with a model that knows no phones), or both.
    columns : Mapping[str, str] or None
        Names of columns that are called otherwise, such as ``{"text": "sentence"}``.
    errors : {"row", "raise"}
        What becomes of a row that cannot be aligned: a row with a ``reason``, or an exception.

    Raises
    ------
    InputError
        An argument is of a wrong type or value. A model that cannot be loaded is an error of the
        first batch.

    Examples
    --------
    >>> import speechalign
    >>> align_batch = speechalign.AlignBatch("english-sphinx")
    >>> rows = align_batch(
    ...     {
    ...         "id": ["tea"],
    ...         "text": ["Two cups of tea cost $5.50, and the view is free."],
    ...         "audio": ["examples/english/slt/tea.flac"],
    ...     }
    ... )
    >>> rows["status"], rows["words"][0][0]["text"]
    (['aligned'], 'Two')
    """

    def __init__(
        self,
        model: str | Path | Model | Aligner | Callable[[], Aligner] = DEFAULT_MODEL,
        *,
        language: str | None = None,
        device: str | None = None,
        tiers: Sequence[str] = TIERS,
        columns: Mapping[str, str] | None = None,
        errors: str = "row",
    ) -> None:
        if isinstance(tiers, str) or not set(tiers) <= set(TIERS):
            raise InputError(f"tiers: expected some of {', '.join(TIERS)}; got {tiers!r}")
        if errors not in ("row", "raise"):
            raise InputError(f"errors: expected 'row' or 'raise', got {errors!r}")
        unknown = set(columns or {}) - set(KNOWN)
        if unknown:
            raise InputError(
                f"columns: expected keys among {', '.join(KNOWN)}; got {', '.join(sorted(unknown))}"
            )
        named = isinstance(model, str | os.PathLike)
        if not named and (language is not None or device is not None):
            raise wrong_type(
                "model", "a name or path, as language or device is given", model,
                "give them where it is loaded",
            )  # fmt: skip
        self._model = model
        self._language, self._device = language, device
        self._tiers, self._columns, self._errors = tuple(tiers), dict(columns or {}), errors
        self._run: Run | None = None
        self._speakers: dict[str, Aligner] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_run": None, "_speakers": {}}

    def __repr__(self) -> str:
        return f"AlignBatch({self._model!r})"

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Align a batch.

        Parameters
        ----------
        batch : Mapping[str, Sequence]
            Columns of equal length: ``id``; ``text``; ``audio``, the bytes of a sound file, its
            path, or samples with ``sampling_rate`` (or what Hugging Face's `Audio` is); where
            they exist, ``offset`` and ``duration`` of the utterance in the sound file (seconds) and
            ``speaker``. Others are passed on.

        Returns
        -------
        dict
            The same columns with ``status``, ``reason``, ``confidence`` and those of ``tiers``, as
            `speechalign.pipeline.rows.columns_of` returns them.

        Raises
        ------
        InputError
            A column is missing.
        BackendError
            A package that the model needs is missing.
        AlignmentError
            With ``errors="raise"``, the first row that could not be aligned.
        """
        own = {name: batch[given] for name, given in self._columns.items() if given in batch}
        results = self.align(utterances_of({**batch, **own}))
        if self._errors == "raise":
            for result in results:
                if result.status not in WRITTEN:
                    raise AlignmentError(f"{result.utterance}: {result.reason}")
        return {**batch, **columns_of(results, self._tiers)}

    def align(self, utterances: Sequence[Utterance]) -> list[UtteranceResult]:
        """Align utterances, as `__call__` does rows; return the result of each."""
        run = self.run
        for speaker in {u.speaker for u in utterances if u.speaker} - self._speakers.keys():
            self._speakers[speaker] = run.aligner.for_speaker(speaker, None)
        return list(align(utterances, run))

    @property
    def run(self) -> Run:
        """Return the settings shared by all utterances; load the model on first use."""
        if self._run is None:
            aligner = self._aligner()
            if isinstance(aligner.model, SpeakerModel) and aligner.model.by_speaker:
                raise InputError(
                    f"{aligner.model.name} normalises by speaker, for which it must hear all "
                    "recordings of each: align the corpus with align_corpus, or use another model"
                )
            self._run = Run(
                aligner,
                aligner.settings(),
                manifest=None,
                format_options={},
                overwrite=False,
                stopped=Event(),
                batch_seconds=aligner.batch_seconds,
                by_speaker=self._speakers,
            )
        return self._run

    def _aligner(self) -> Aligner:
        model = self._model
        if isinstance(model, Aligner):
            return model
        if isinstance(model, str | os.PathLike):
            return Aligner(load_model(model, device=self._device), language=self._language)
        if hasattr(model, "aligner"):  # It may be callable, as networks are.
            return Aligner(cast(Model, model))
        return model()
