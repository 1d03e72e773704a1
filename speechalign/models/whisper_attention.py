"""Whisper: cross-attention of its decoder under teacher forcing."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from speechalign.checks import check_samples
from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models import Attention
from speechalign.models.attention_reader import AttentionReader, find_reader, joined, said
from speechalign.models.content import content_hash
from speechalign.models.device import choose_device, import_torch
from speechalign.models.frame_timing import convolution_grid
from speechalign.models.hf_folder import card, check_weights, model_type, no_progress_bars
from speechalign.models.hub import name_of
from speechalign.models.whisper_generation import (
    detect_languages,
    language_tokens,
    prompt_tokens,
    write,
)
from speechalign.vocabulary import Piece

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import WhisperForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

NAMES = ()

# Mel features, centred: each window is padded by half of itself; then two convolutions.
_LAYERS, _PADDING = [(400, 160), (3, 1), (3, 2)], [200, 1, 1]
_MEDIAN = 7  # frames of the filter over attention weights, where the model does not tell


class _Extractor(Protocol):
    sampling_rate: int
    n_samples: int

    def __call__(
        self, samples: np.ndarray | list[np.ndarray], **options: object
    ) -> Mapping[str, torch.Tensor]: ...


def recognises(source: str) -> bool:
    """Tell whether the source is a folder whose ``config.json`` says Whisper."""
    return model_type(source) == "whisper"


def load(
    source: str | Path, *, device: str | None = None, allow_pickle: bool = False
) -> WhisperAttention:
    """Load Whisper from a folder, as the Hugging Face hub has it.

    Parameters
    ----------
    source : str or Path
        Folder with configuration, weights, feature extractor and ``tokenizer.json``.
    device, allow_pickle
        As in `load_model`.

    Raises
    ------
    InputError
        A file is missing or damaged, or the weights are a pickle.
    BackendError
        transformers or the device is missing.
    """
    folder = Path(source)
    check_weights(folder, allow_pickle=allow_pickle)
    import_torch("hf")
    try:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoFeatureExtractor, WhisperForConditionalGeneration
    except ImportError as error:
        raise BackendError(
            f"{folder}: reading it needs transformers ({error}); pip install 'speechalign[hf]'"
        ) from None
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; copy all files of the model, as its "
                         "maker has them")  # fmt: skip
    try:
        tokenizer = Tokenizer.from_file(str(path))
        extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
        with no_progress_bars():
            network = WhisperForConditionalGeneration.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=None if allow_pickle else True,
                dtype=torch.float32,
                attn_implementation="eager",  # the others do not tell their weights
            )
    except Exception as error:  # tokenizers raises no narrower class
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder}: cannot be read as Whisper: {reason}") from None
    _choose_attention(network)
    target = choose_device(device)
    told = card(folder)
    return WhisperAttention(
        network.to(target).eval(),
        extractor,
        tokenizer,
        reader=find_reader(folder, decoder_size(network)),
        name=name_of(folder),
        licence=told.get("license") or "not told by the model card",
    )


def _choose_attention(network: WhisperForConditionalGeneration) -> None:
    """Choose torch's fused attention for the encoder, whose attention weights are not read."""
    encoder = network.get_encoder()
    encoder.config = copy.copy(encoder.config)
    for layer in encoder.layers:
        layer.self_attn.config = encoder.config
    encoder.set_attn_implementation("sdpa")


def decoder_size(network: WhisperForConditionalGeneration) -> tuple[int, int, int, int]:
    """Return layers, heads a layer, width and tokens of the decoder of a network."""
    config = network.config
    return (
        int(config.decoder_layers),
        int(config.decoder_attention_heads),
        int(config.d_model),
        int(config.vocab_size),
    )


class WhisperAttention:
    """Whisper as a listener: which frames its decoder attends to for each token of a text.

    Parameters
    ----------
    network : WhisperForConditionalGeneration
        With attention that tells its weights.
    extractor : WhisperFeatureExtractor
        Of the same model.
    tokenizer : Tokenizer
        Of the same model.
    reader : AttentionReader or None
        Reader of times that was fitted to a decoder of this size; None where there is none.
    name, licence : str
        As `Model` has them.
    """

    aligner = "attention"

    def __init__(
        self,
        network: WhisperForConditionalGeneration,
        extractor: _Extractor,
        tokenizer: Tokenizer,
        *,
        reader: AttentionReader | None = None,
        name: str,
        licence: str,
    ) -> None:
        self.reader = reader
        self._network = network
        self._extractor = extractor
        self._tokenizer = tokenizer
        self._lock = Lock()
        self.name = name
        self.licence = licence
        self.sample_rate = int(extractor.sampling_rate)
        self.grid: FrameGrid = convolution_grid(
            _LAYERS, sample_rate=self.sample_rate, padding=_PADDING
        )
        self.longest = extractor.n_samples / self.sample_rate
        # The tokenizers of English models have the tokens of languages, too.
        several = getattr(network.generation_config, "is_multilingual", None)
        if several is None:
            several = tokenizer.token_to_id("<|en|>") is not None
        self.language = "mul" if several else "en"

    @property
    def content_hash(self) -> str:
        """Hash of the weights, and of how their attention is read."""
        return content_hash(self._network, self._heads(), str(self.reader))

    def describe(self) -> Mapping[str, str]:
        """Return size, and which heads are read, and how."""
        how = "with a filter fitted to speech" if self.reader else "as they are: times may be late"
        return {
            "parameters": str(sum(p.numel() for p in self._network.parameters())),
            "longest recording": f"{self.longest:g} s",
            "attention heads": " ".join(f"{layer}.{head}" for layer, head in self._heads()),
            "attention is read": how,
        }

    def attend(self, samples: np.ndarray, words: Sequence[str], *, language: str) -> Attention:
        """Tell the decoder the words, and return where it listens.

        Parameters
        ----------
        samples : ndarray, shape (N,), float32
            At ``sample_rate``, at most ``longest`` seconds.
        words : Sequence[str]
            As they are written, with casing and punctuation.
        language : str
            ISO 639-1 code.

        Returns
        -------
        Attention
            For each token and, last, for a pause, or the end of the text where there is no reader.

        Raises
        ------
        InputError
            The recording or the text is too long, or the model does not know the language.

        Notes
        -----
        The reader scores tokens by the attention that they get; tokens of punctuation, which are
        not said, are part of the one before. Without a reader, weights of the heads that the
        generation config calls alignment heads, or of all heads in the upper half of the layers,
        are smoothed over time by a median of 7 frames, and averaged over the heads.
        """
        heads = self.reader.heads if self.reader is not None else self._heads()
        attention, log_probs, pieces = self.cross_attention(
            samples, words, heads, language=language
        )
        if self.reader is not None:
            rows = np.flatnonzero(said(words, pieces))
            scores = self.reader.read(attention[:, rows], samples, stride=self.grid.stride)
            tokens = tuple(joined(word, own) for word, own in zip(words, pieces))
            return Attention(scores, log_probs[rows], tokens, self.reader.confidence)
        width = int(getattr(self._network.config, "median_filter_width", _MEDIAN))
        return Attention(_median(attention, width).mean(axis=0), log_probs, tuple(pieces))

    @property
    def device(self) -> str:
        """Type of the device that it runs on: ``cpu`` or ``cuda``."""
        return str(self._network.device.type)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that it knows."""
        return tuple(language_tokens(self._tokenizer)) if self.language == "mul" else ("en",)

    def check_prompt(self, prompt: str) -> None:
        """Raise an `InputError` if a prompt is too long for `generate`."""
        prompt_tokens(self._network, self._tokenizer, prompt)

    def generate(
        self,
        stretches: Sequence[np.ndarray],
        languages: Sequence[str | None],
        *,
        groups: Sequence[str],
        beams: int = 1,
        prompt: str | None = None,
        translate: bool = False,
    ) -> list[tuple[str, str, float]]:
        """Write down what is said.

        Parameters
        ----------
        stretches : Sequence of ndarray, shape (N,), float32
            At ``sample_rate``, at most ``longest`` seconds each.
        languages : Sequence[str or None]
            Code of each language, one of ``languages``; None to detect it.
        groups : Sequence[str]
            Stretches of one group have one language, the most probable for all of them together.
        beams, prompt, translate
            As `load_transcriber` has them.

        Returns
        -------
        list of (str, str, float)
            Text and language of each, and the mean natural-log probability of its tokens.
        """
        import torch

        features = self._extractor(
            list(stretches), sampling_rate=self.sample_rate, return_tensors="pt"
        )["input_features"]
        with self._lock, torch.inference_mode():
            encoded = self._encode(features.to(self._network.device))
            spoken = ["en" if self.language == "en" else language for language in languages]
            if None in spoken:
                tokens = language_tokens(self._tokenizer)
                scores = detect_languages(self._network, encoded, list(tokens.values()))
                codes = list(tokens)
                for group in set(groups):
                    rows = [k for k, own in enumerate(groups) if own == group]
                    best = codes[int(scores[rows].sum(0).argmax())]
                    for k in rows:
                        spoken[k] = spoken[k] or best
            found = cast("list[str]", spoken)
            written = write(
                self._network,
                self._tokenizer,
                encoded,
                languages=None if self.language == "en" else found,
                translate=translate,
                prompt=prompt,
                beams=beams,
            )
        return [(text, code, score) for (text, score), code in zip(written, found)]

    def _encode(self, features: torch.Tensor) -> BaseModelOutput:
        """Return the states of the encoder, (B, T, D); one by one on a CPU, for less memory."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        encoder = self._network.get_encoder()
        step = 1 if self.device == "cpu" else len(features)
        parts = [features[first : first + step] for first in range(0, len(features), step)]
        states = [encoder(part).last_hidden_state for part in parts]
        return BaseModelOutput(last_hidden_state=torch.cat(states))

    def cross_attention(
        self,
        samples: np.ndarray,
        words: Sequence[str],
        heads: Sequence[tuple[int, int]],
        *,
        language: str,
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[Piece, ...]]]:
        """Tell the decoder the words, and return where some heads attend.

        Parameters
        ----------
        samples, words, language
            As in `attend`.
        heads : Sequence[tuple[int, int]]
            Layer and number of each.

        Returns
        -------
        attention : ndarray, shape (heads, L + 1, T), float64
            For each of the L tokens, and last for the end of the text.
        log_probs : ndarray, shape (L,), float64
            Natural-log probability of each token, given those before it.
        pieces : list of tuple[Piece, ...]
            For each word, its tokens.

        Raises
        ------
        InputError
            As from `attend`.
        """
        import torch

        check_samples(samples)
        if len(samples) > self.longest * self.sample_rate:
            raise InputError(
                f"samples: {self.name} hears {self.longest:g} s at once, the recording lasts "
                f"{len(samples) / self.sample_rate:.1f} s; cut it into segments, or use a CTC model"
            )
        prompt = self._prompt(language)
        pieces = [self._pieces(word) for word in words]
        text = [cast(int, piece.label) for word in pieces for piece in word]
        end = self._token("<|endoftext|>")
        limit = int(self._network.config.max_target_positions)
        if len(prompt) + len(text) + 1 > limit:
            raise InputError(
                f"transcript: {self.name} takes {limit - len(prompt) - 1} tokens at once, got "
                f"{len(text)}; cut it into segments, or use a CTC model"
            )
        inputs = self._extractor(samples, sampling_rate=self.sample_rate, return_tensors="pt")[
            "input_features"
        ]
        device = next(self._network.parameters()).device
        tokens = torch.tensor([[*prompt, *text, end]], device=device)
        with self._lock, torch.inference_mode():
            heard = self._network(
                encoder_outputs=self._encode(inputs.to(device)),
                decoder_input_ids=tokens,
                output_attentions=True,
                use_cache=False,
            )
            log_probs = heard.logits[0].float().log_softmax(-1)
        weights = heard.cross_attentions
        frames = min(weights[0].shape[-1], -(-len(samples) // self.grid.stride))
        # The row of a token is the one that predicts the next.
        rows = slice(len(prompt) - 1, len(prompt) + len(text))
        attention = torch.stack([weights[layer][0, head, rows, :frames] for layer, head in heads])
        chosen = log_probs[rows][torch.arange(len(text)), torch.tensor(text)]
        return attention.double().cpu().numpy(), chosen.double().cpu().numpy(), pieces

    def _heads(self) -> list[tuple[int, int]]:
        """Return layer and head of the attention that follows the audio."""
        told = getattr(self._network.generation_config, "alignment_heads", None)
        if told is not None:
            return [(int(layer), int(head)) for layer, head in told]
        config = self._network.config
        layers = range(config.decoder_layers // 2, config.decoder_layers)
        return [(layer, h) for layer in layers for h in range(config.decoder_attention_heads)]

    def _token(self, text: str) -> int:
        number = self._tokenizer.token_to_id(text)
        if number is None:
            raise InputError(f"{self.name}: tokenizer.json has no {text}; copy all files of one "
                             "model")  # fmt: skip
        return int(number)

    def _prompt(self, language: str) -> list[int]:
        """Return the tokens before the text."""
        begin, plain = self._token("<|startoftranscript|>"), self._token("<|notimestamps|>")
        if self.language == "en":
            if language != "en":
                raise InputError(f"language: {self.name} knows English only, got {language!r}")
            return [begin, plain]
        spoken = self._tokenizer.token_to_id(f"<|{language.partition('-')[0]}|>")
        if spoken is None:
            raise InputError(
                f"language: {self.name} has to be told which language is spoken, one of those it "
                f"knows, got {language!r}; give it: --language en"
            )
        return [begin, int(spoken), self._token("<|transcribe|>"), plain]

    def _pieces(self, word: str) -> tuple[Piece, ...]:
        """Cut a word into tokens; a character may be of several."""
        found = self._tokenizer.encode(f" {word}", add_special_tokens=False)
        return tuple(
            Piece(number, max(0, start - 1), max(1, end - 1))
            for number, (start, end) in zip(found.ids, found.offsets)
        )


def _median(weights: np.ndarray, width: int) -> np.ndarray:
    """Smooth (H, L, T) weights over time by a median of so many frames, mirrored at the ends."""
    side = width // 2
    if weights.shape[2] <= side:
        return weights
    padded = np.pad(weights, ((0, 0), (0, 0), (side, side)), "reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * side + 1, axis=2)
    smooth: np.ndarray = np.median(windows, axis=-1)
    return smooth
