"""Segments of speech: `Segmenter`, and its speech detectors."""

from speechalign.segmentation.segmenter import Segmenter, SpeechDetector

__all__ = ["Segmenter", "SpeechDetector"]
