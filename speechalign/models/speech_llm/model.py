"""A language model that listens: speech encoder, adapter, and any causal model of Hugging Face.

Source of the arrangement: V. T. Pham et al., "A comprehensive solution to connect speech encoder
and large language model for ASR", arXiv 2406.17272, 2024.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from speechalign.checks import check_samples, check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import BackendError, InputError
from speechalign.models import Attention
from speechalign.models.content import content_hash

try:
    import torch
    from torch import Tensor, nn
    from torch.nn.utils.rnn import pad_sequence
except ImportError as missing:
    raise BackendError(f"speech-llm: {missing}; pip install 'speechalign[hf]'") from None

from speechalign.losses.arguments import check_integers
from speechalign.models.speech_llm.adapter import Adapted, SpeechAdapter
from speechalign.models.speech_llm.config import SpeechLlmConfig
from speechalign.models.speech_llm.ctc_support import has_characters, supported_text
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.encoders import Encoded, SpeechEncoder
from speechalign.models.speech_llm.kept_tokens import KeptTokens, keep_tokens
from speechalign.models.speech_llm.matching_map import matching_map
from speechalign.models.speech_llm.output import Heard
from speechalign.models.speech_llm.scoring import score_texts
from speechalign.models.speech_llm.trained_parts import choose_trained
from speechalign.vocabulary import Piece

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_SOME = 4096  # tokens by which the size of embeddings is measured


def _contiguous(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    return (given[0].contiguous(),)


class SpeechLlm(nn.Module):
    """A causal language model whose prompt is the output of an adapter on speech.

    Times of words come from the encoder's CTC layer where that is of characters, and from
    `matching_map` otherwise.

    Parameters
    ----------
    encoder : SpeechEncoder
        From `load_encoder`.
    lm : transformers.PreTrainedModel
        A causal language model.
    tokenizer : transformers.PreTrainedTokenizerFast
        Of the language model, with a token for the end of a text.
    config : SpeechLlmConfig
        How they are joined.
    name, language, licence : str
        As `Model` has them.

    Raises
    ------
    InputError
        The tokenizer has no end of text, or ``config.train`` names a part that there is not.
    """

    unit = "characters"
    normalised = True

    def __init__(
        self,
        encoder: SpeechEncoder,
        lm: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        config: SpeechLlmConfig,
        *,
        name: str = "speech-llm",
        language: str = "en",
        licence: str = "not told",
    ) -> None:
        super().__init__()
        if tokenizer.eos_token_id is None:
            raise InputError(f"{name}: the tokenizer has no token for the end of a text; set one")
        self.encoder = encoder
        self.lm = lm
        self.config = config
        self._tokens = KeptTokens(tokenizer, config.tokens)
        if config.tokens:
            keep_tokens(lm, config.tokens)
        self.end = self._tokens.number(tokenizer.eos_token_id)
        embed = lm.get_input_embeddings()
        with torch.no_grad():  # Some models scale the rows of the table.
            some = embed(torch.arange(min(embed.num_embeddings, _SOME), device=lm.device)).float()
        self.adapter = SpeechAdapter(
            encoder.width,
            some.shape[1],
            hidden=config.hidden,
            stack=config.stack,
            compress=config.compress,
            keep_blanks=config.keep_blanks,
            scale=float(some.square().mean().sqrt()),
        )
        begin = tokenizer.bos_token_id
        first = self.end if begin is None else self._tokens.number(begin)
        self._prompt = [first, *self.tokens(config.prompt)]
        choose_trained(self, config.train, rank=config.lora_rank, alpha=config.lora_alpha)
        for weights in lm.parameters():
            if not weights.requires_grad:
                weights.data = weights.data.to(getattr(torch, config.lm_dtype))
        # Of rows with gaps, torch computes scores in bfloat16 a hundred times slower on a CPU.
        lm.get_output_embeddings().register_forward_pre_hook(_contiguous)
        self._lock = Lock()
        self.name, self.language, self.licence = name, language, licence
        self.sample_rate = encoder.sample_rate
        self.grid = encoder.grid
        self.longest = encoder.longest or float("inf")
        self.vocabulary = encoder.vocabulary
        spells = self.vocabulary is not None and has_characters(self.vocabulary)
        self._letters = self.vocabulary if spells else None
        self.aligner = "attention" if self._letters is None else "ctc"

    @property
    def content_hash(self) -> str:
        """Hash of the weights of all parts, and of their settings."""
        return content_hash(self, self.config)

    def describe(self) -> Mapping[str, str]:
        """Return sizes and what is trained."""
        trained = sum(p.numel() for p in self.parameters() if p.requires_grad)
        return {
            "parameters": str(sum(p.numel() for p in self.parameters())),
            "trained": f"{trained} ({', '.join(self.config.train)})",
            "language model": type(self.lm).__name__,
        }

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text, without markers."""
        return [number for number, _, _ in self._tokens.cut(text)]

    def encode(self, waveforms: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, N) samples of (B,) lengths.

        Raises
        ------
        InputError
            A recording is too long, or the encoder is in half precision.
        """
        self._need_full_precision("encoder")
        lengths = check_integers(lengths, "lengths")
        longest = int(lengths.max())
        if longest > self.longest * self.sample_rate:
            raise InputError(
                f"samples: {self.name} hears {self.longest:g} s at once, the recording lasts "
                f"{longest / self.sample_rate:.1f} s; cut it into segments"
            )
        encoded: Encoded = self.encoder(waveforms, lengths)
        return encoded

    def adapt(self, encoded: Encoded) -> Adapted:
        """Make rows for the language model; InputError if the adapter is in half precision."""
        self._need_full_precision("adapter")
        blank = None if self.vocabulary is None else self.vocabulary.blank
        adapted: Adapted = self.adapter(encoded, blank=blank)
        return adapted

    def forward(
        self, waveforms: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor
    ) -> Heard:
        """Encode speech, and `read` it, with the errors of both.

        Parameters
        ----------
        waveforms : Tensor, shape (B, N), float32
            At ``sample_rate``; samples at and beyond a length are not read.
        lengths : Tensor, shape (B,), int32 or int64
            Samples of each recording, at least 1.
        targets, target_lengths
            As in `read`.
        """
        return self.read(self.encode(waveforms, lengths), targets, target_lengths)

    def read(self, encoded: Encoded, targets: Tensor, target_lengths: Tensor) -> Heard:
        """Read speech that is encoded, and transcripts, to the language model.

        Parameters
        ----------
        encoded : Encoded
            From `encode`, which an encoder that is not trained need do once only.
        targets : Tensor, shape (B, M), int32 or int64
            Tokens; those at and beyond a length are not read. An empty transcript teaches the
            model to end at once.
        target_lengths : Tensor, shape (B,), int32 or int64
            Tokens of each transcript.

        Returns
        -------
        Heard
            Cross-entropy, and what `matching_loss` and `ctc_loss` want to know.

        Raises
        ------
        InputError
            A target is no token; speech and text are more than the language model reads at once;
            or as `adapt` has it.
        """
        targets = check_integers(targets, "targets")
        target_lengths = check_integers(target_lengths, "target_lengths")
        adapted = self.adapt(encoded)
        embed = self.lm.get_input_embeddings()
        inside = torch.arange(targets.shape[1], device=targets.device) < target_lengths[:, None]
        wrong = inside & ((targets < 0) | (targets >= embed.num_embeddings))
        if wrong.any():
            b, i = torch.nonzero(wrong)[0].tolist()
            raise InputError(
                f"targets[{b}, {i}]: expected a token in [0, {embed.num_embeddings}), got "
                f"{int(targets[b, i])}; check target_lengths and the tokenizer"
            )
        read = embed(targets.where(inside, self.end))
        prompts, sizes = self._prompts(adapted), target_lengths.tolist()
        rows = [torch.cat([prompt, text[:m]]) for prompt, text, m in zip(prompts, read, sizes)]
        self._room(max(map(len, rows)) - 1)
        stop = targets.new_tensor([self.end])
        texts = [torch.cat([row[:m], stop]) for row, m in zip(targets, sizes)]
        said = score_texts(self.lm, rows, texts)
        return Heard(
            torch.stack([-one.mean() for one in said]),
            pad_sequence(said, batch_first=True),
            adapted.rows.float(),
            adapted.lengths,
            read.float(),
            encoded,
            adapted,
        )

    @torch.inference_mode()
    def transcribe(
        self,
        samples: np.ndarray,
        *,
        beams: int = 1,
        length_penalty: float = 1.0,
        no_repeat: int = 0,
        most_tokens: int = 200,
        support: float | None = None,
    ) -> str:
        """Write down what is said.

        Parameters
        ----------
        samples : ndarray, shape (N,), float32
            At ``sample_rate``.
        beams, length_penalty, no_repeat, most_tokens, support
            As `Decoding` has them.

        Returns
        -------
        str
            Possibly empty.

        Raises
        ------
        InputError
            The recording cannot be used or is too long; an option is out of its range; or
            ``support`` is asked for and the encoder has no CTC layer of characters.
        """
        decoding = Decoding(beams, length_penalty, no_repeat, most_tokens, support)
        waveforms, lengths = self._batch_of_one(samples)
        with self._lock:
            texts: list[str] = self.write(self.encode(waveforms, lengths), decoding)
        return texts[0]

    @torch.inference_mode()
    def write(self, encoded: Encoded, decoding: Decoding) -> list[str]:
        """Write down what is said in each recording of a batch that is encoded.

        Raises
        ------
        InputError
            As `transcribe` and `adapt` have it.
        """
        if decoding.support is not None and self._letters is None:
            raise InputError(
                f"support: {self.name} has an encoder without a CTC layer of characters, so that "
                "no word can be checked; leave the option out"
            )
        prompts = self._prompts(self.adapt(encoded))
        found = decoding.tokens(
            self.lm, prompts, room=self._room(max(map(len, prompts))), end=self.end
        )
        texts = [" ".join(text.split()) for text in self._tokens.texts(found.tolist())]
        if decoding.support is None or self._letters is None or encoded.log_probs is None:
            return texts
        log_probs = encoded.log_probs.float().cpu().numpy()
        return [
            supported_text(row[:n], text, self._letters, threshold=decoding.support)
            for row, n, text in zip(log_probs, encoded.lengths.tolist(), texts)
        ]

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score the symbols of the encoder's CTC layer, as `EmittingModel` has it.

        Raises
        ------
        InputError
            It has none, or a recording cannot be used.
        """
        if self.vocabulary is None:
            raise InputError(f"{self.name}: has an encoder without a CTC layer; use `attend`")
        lengths = check_waveforms(waveforms, lengths)
        device = next(self.adapter.parameters()).device
        with self._lock, torch.inference_mode():
            found = self.encoder(*(torch.from_numpy(x).to(device) for x in (waveforms, lengths)))
        assert found.log_probs is not None
        log_probs, frames = found.log_probs.float().cpu().numpy(), found.lengths.cpu().numpy()
        return Emissions(log_probs, frames, self.grid, self.vocabulary)

    @torch.inference_mode()
    def attend(self, samples: np.ndarray, words: Sequence[str], *, language: str) -> Attention:
        """Tell the language model the words, and return which speech matches them.

        Parameters
        ----------
        samples : ndarray, shape (N,), float32
            At ``sample_rate``.
        words : Sequence[str]
            As they are written.
        language : str
            Not used: the model knows what it was trained for.

        Returns
        -------
        Attention
            With the log-probabilities of `matching_map` for weights.

        Raises
        ------
        InputError
            The recording cannot be used or is too long, or the adapter leaves nothing of it.
        """
        del language
        waveforms, lengths = self._batch_of_one(samples)
        pieces = [self._pieces(word, first=k == 0) for k, word in enumerate(words)]
        text = [piece.label for word in pieces for piece in word]
        targets = torch.tensor([text], dtype=torch.int64, device=waveforms.device)
        with self._lock:
            found = self(
                waveforms, lengths, targets, torch.tensor([len(text)], device=waveforms.device)
            )
        count, frames = int(found.speech_lengths[0]), int(found.encoded.lengths[0])
        if count == 0:
            raise InputError(
                f"samples: {self.name} hears nothing in the recording that it could align; take "
                "another model"
            )
        weights = matching_map(
            found.speech[0, :count], found.text[0], found.adapted.spans[0, :count], frames
        )
        log_probs = found.log_probs[0, : len(text)].double().cpu().numpy()
        return Attention(weights.cpu().numpy(), log_probs, tuple(pieces))

    def _prompts(self, adapted: Adapted) -> list[Tensor]:
        """Return what the language model reads ahead of a text: (N, d) rows of each recording."""
        given = self.lm.get_input_embeddings()(
            torch.tensor(self._prompt, device=adapted.rows.device)
        )
        rows = adapted.rows.to(given.dtype)
        return [torch.cat([row[:n], given]) for row, n in zip(rows, adapted.lengths.tolist())]

    def _need_full_precision(self, part: str) -> None:
        kind = next(getattr(self, part).parameters()).dtype
        if kind != torch.float32:
            raise InputError(
                f"{part}: expected float32 weights, got {str(kind).replace('torch.', '')}; "
                "of a speech LLM, only the language model may be in half precision, such as by "
                "model.lm.bfloat16(), or all of it inside torch.autocast"
            )

    def _batch_of_one(self, samples: np.ndarray) -> tuple[Tensor, Tensor]:
        check_samples(samples)
        device = next(self.adapter.parameters()).device
        waveforms = torch.from_numpy(samples.astype(np.float32, copy=False))[None].to(device)
        return waveforms, torch.tensor([len(samples)], device=device)

    def _room(self, count: int) -> int:
        """Return how many tokens the language model can read after so many; refuse too many."""
        limit = getattr(self.lm.config, "max_position_embeddings", None) or sys.maxsize
        if count >= limit:
            raise InputError(
                f"{self.name}: the language model reads {limit} rows and tokens at once, got "
                f"{count} and more to come; cut the recording into segments, or raise stack"
            )
        return int(limit) - count

    def _pieces(self, word: str, *, first: bool) -> tuple[Piece, ...]:
        """Cut a word into tokens, with a space before all but the first of a text."""
        space = 0 if first else 1
        return tuple(
            Piece(number, max(0, start - space), max(1, end - space))
            for number, start, end in self._tokens.cut(" " * space + word)
        )
