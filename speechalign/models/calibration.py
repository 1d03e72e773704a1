"""The systematic bias of a model's times, measured once, kept in a file, and taken off."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from speechalign.errors import InputError
from speechalign.models import Model


@dataclass(frozen=True)
class Calibration:
    """Bias of the times of a model.

    Parameters
    ----------
    model : str
        Name of the model that it was measured on.
    bias : float
        Seconds by which its words begin too late, in the median; negative where too early.
    words : int
        How many words it was measured on.

    Examples
    --------
    >>> Calibration("small", 0.02, 400)
    Calibration(model='small', bias=0.02, words=400)
    """

    model: str
    bias: float
    words: int

    def bias_of(self, model: Model) -> float:
        """Return the bias, seconds; InputError for another model than it was measured on."""
        if model.name != self.model:
            raise InputError(
                f"calibration: was measured on {self.model!r}, not on {model.name!r}; measure that "
                "one with `speechalign model inspect --gold ... --save-calibration ...`"
            )
        return self.bias

    def write(self, path: str | Path) -> None:
        """Write it as JSON."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")


def read_calibration(path: str | Path) -> Calibration:
    """Read what `Calibration.write` wrote.

    Raises
    ------
    InputError
        There is no such file, or it is not a calibration.
    """
    try:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        found = Calibration(str(fields["model"]), float(fields["bias"]), int(fields["words"]))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: expected a calibration: a JSON object with model, bias and words"
        ) from None
    if not math.isfinite(found.bias) or abs(found.bias) > 1:
        raise InputError(f"{path}: bias: expected seconds between -1 and 1, got {found.bias}")
    return found
