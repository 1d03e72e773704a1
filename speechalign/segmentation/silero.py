"""Probability of speech by Silero's network, which ships with the package ``silero-vad`` (MIT).

https://github.com/snakers4/silero-vad: a recurrent network over frames of 32 ms, run by
onnxruntime. Of the package, only the file of the network is read.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechalign.errors import BackendError

_FRAME, _CONTEXT, _STATE = 512, 64, (2, 1, 128)  # samples; the network's memory


class SileroDetector:
    """Tell speech by Silero's network.

    Raises
    ------
    BackendError
        ``silero-vad`` or ``onnxruntime`` is missing; ``pip install 'speechalign[vad]'`` brings
        both.
    """

    name = "silero"
    sample_rate = 16000
    step = _FRAME / sample_rate

    def __init__(self) -> None:
        spec = find_spec("silero_vad")
        if spec is None or not spec.submodule_search_locations:
            raise BackendError("silero needs silero-vad; pip install 'speechalign[vad]'")
        try:
            from onnxruntime import InferenceSession, SessionOptions
        except ModuleNotFoundError as error:
            raise BackendError(
                f"silero needs {error.name}; pip install 'speechalign[vad]'"
            ) from None
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        network = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
        if not network.is_file():
            raise BackendError(f"{network}: missing; pip install --force-reinstall silero-vad")
        self._session = InferenceSession(str(network), options, providers=["CPUExecutionProvider"])

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Return the probability of speech in each frame, as `SpeechDetector` says."""
        padded = np.pad(samples, (_CONTEXT, -len(samples) % _FRAME))
        state = np.zeros(_STATE, np.float32)
        rate = np.array(self.sample_rate, np.int64)
        found = []
        for begin in range(0, len(samples), _FRAME):
            frame = padded[None, begin : begin + _CONTEXT + _FRAME]
            score, state = self._session.run(None, {"input": frame, "state": state, "sr": rate})
            found.append(float(score[0, 0]))
        return np.array(found)
