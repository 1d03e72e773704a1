"""Transcripts of recordings, by Whisper and by CTC models.

`load_transcriber` makes a `Transcriber` of a model; `speechalign.pipeline.transcribe_corpus` runs
it over a corpus.
"""

from speechalign.transcription.transcriber import TRANSCRIBERS, Transcriber, load_transcriber
from speechalign.transcription.transcript import Transcript, cut_loops

__all__ = ["TRANSCRIBERS", "Transcriber", "Transcript", "cut_loops", "load_transcriber"]
