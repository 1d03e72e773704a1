"""Shape of the network of a neural HMM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from speechalign.errors import InputError

FRONT = 5
"""Frames that the first convolution covers."""


@dataclass(frozen=True)
class NetConfig:
    """Sizes of a network: a convolution over mel bands, residual blocks, a layer of phones.

    Parameters
    ----------
    bands : int
        Mel bands every 10 ms.
    stack : int
        Frames of 10 ms that are one frame of the residual blocks; 1 where there is an encoder.
    stem : int
        Channels of the convolution before frames are stacked; 0 where they are not.
    channels : int
        Channels of the residual stack.
    hidden : int
        Channels inside a block.
    kernel : int
        Taps of a block's depthwise convolution; odd.
    dilations : tuple[int, ...]
        For each block, the frames from one tap to the next.
    encoder_width : int
        Width of the states of a pretrained encoder that the network hears too; 0 for none.

    Raises
    ------
    InputError
        A number is out of its range.
    """

    bands: int = 40
    stack: int = 1
    stem: int = 0
    channels: int = 256
    hidden: int = 512
    kernel: int = 7
    dilations: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    encoder_width: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))
        names = ("bands", "stack", "channels", "hidden", "kernel")
        sizes = {name: getattr(self, name) for name in names}
        sizes |= {f"dilations[{i}]": step for i, step in enumerate(self.dilations)}
        for name, value in sizes.items():
            if type(value) is not int or value < 1:
                raise InputError(f"{name}: expected an integer from 1 on, got {value!r}")
        if self.kernel % 2 == 0:
            raise InputError(f"kernel: expected an odd number, got {self.kernel}")
        for name in ("stem", "encoder_width"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise InputError(f"{name}: expected an integer from 0 on, got {value!r}")
        if (self.stack > 1) != (self.stem > 0):
            raise InputError(
                f"stem: expected channels where frames are stacked, and 0 where they are not; got "
                f"{self.stem} for a stack of {self.stack}"
            )
        if self.stack > 1 and self.encoder_width:
            raise InputError(f"stack: expected 1 with an encoder, got {self.stack}")

    @property
    def block_reach(self) -> int:
        """Return the number of frames on either side in the receptive field of a frame."""
        return sum(self.kernel // 2 * step for step in self.dilations)

    @property
    def reach(self) -> int:
        """Frames of 10 ms on either side in the receptive field of a frame."""
        return FRONT // 2 + self.stack * self.block_reach + self.stack - 1

    def keywords(self) -> dict[str, object]:
        """Return what `from_keywords` takes, as JSON has it."""
        return {**asdict(self), "dilations": list(self.dilations)}

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, object], *, source: str) -> NetConfig:
        """Build from a file's keywords; InputError names ``source`` and a key that is unknown."""
        known = [field.name for field in fields(cls)]
        for key in keywords:
            if key not in known:
                raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(known)}")
        try:
            return cls(**keywords)  # type: ignore[arg-type]
        except (InputError, TypeError) as error:
            raise InputError(f"{source}: {error}") from None
