"""Where in a recording somebody speaks: `Segmenter`, and the detectors that it may ask."""

from speechalign.segmentation.segmenter import Segmenter, SpeechDetector

__all__ = ["Segmenter", "SpeechDetector"]
