"""CTC models of Hugging Face: a folder with ``config.json``, as the hub has it.

Any architecture that ``transformers.AutoModelForCTC`` knows: Wav2Vec2, HuBERT, WavLM,
Wav2Vec2-BERT, Parakeet and others. ``FOLDER:LANGUAGE`` is a model with an adapter of each language,
as MMS has them, in that language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.language_codes import short_code
from speechalign.models.ctc.language_adapter import put_in, read_adapter, unknown_language
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.models.device import (
    Score,
    batch_seconds,
    choose_device,
    half_precision,
    import_torch,
    log_probs_on,
)
from speechalign.models.frame_timing import convolution_grid, measured_grid
from speechalign.models.hf_encoder import UNUSED_WEIGHTS
from speechalign.models.hf_folder import (
    CONFIG,
    card,
    check_weights,
    model_type,
    no_progress_bars,
    read_json,
)
from speechalign.models.hub import name_of
from speechalign.vocabulary import Piece, Vocabulary

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from speechalign.models.ctc.sample_network import SampleNetwork

NAMES = ()

_OTHERS = ("whisper",)  # families with a file of their own
_MEL = (400, 160)  # window and step of mel features, samples


class _Extractor(Protocol):
    sampling_rate: int
    do_normalize: bool

    def __call__(self, samples: list[np.ndarray], **options: object) -> Mapping[str, Tensor]: ...


def recognises(source: str) -> bool:
    """Tell whether the source is a folder with a ``config.json`` of no other family."""
    return model_type(_parted(source)[0]) not in (None, *_OTHERS)


def load(
    source: str | Path, *, device: str | None = None, allow_pickle: bool = False
) -> NetworkCtc:
    """Load a CTC model from its folder.

    Parameters
    ----------
    source : str or Path
        Folder with configuration, weights, feature extractor and vocabulary; with ``:LANGUAGE``
        behind it for one with adapters.
    device, allow_pickle
        As in `load_model`.

    Returns
    -------
    NetworkCtc
        Of characters, of pieces of words (``tokenizer.json``), or of phones.

    Raises
    ------
    InputError
        A file is missing or damaged, the weights are a pickle or incomplete, the model is no CTC
        model or has no such language, or its vocabulary has no blank.
    BackendError
        transformers or the device is missing.
    """
    folder, language = _parted(str(source))
    check_weights(folder, allow_pickle=allow_pickle)
    adapter = {}
    if language is not None:
        adapter = read_adapter(folder, language, allow_pickle=allow_pickle)
    extractor, network = _pretrained(folder, adapter, allow_pickle=allow_pickle)
    config = network.config.to_dict()
    vocabulary, unit, tokenise = read_vocabulary(folder, config, language)
    target = choose_device(device)
    network.to(target).eval()
    rate = int(extractor.sampling_rate)

    def logits(samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        rows = list(samples.cpu().numpy())
        if lengths is not None:
            rows = [row[:length] for row, length in zip(rows, lengths.tolist())]
        inputs = extractor(rows, sampling_rate=rate, return_tensors="pt", padding=True)
        found: Tensor = network(**{name: value.to(target) for name, value in inputs.items()}).logits
        return found

    samples_in = None
    if network.main_input_name == "input_values":
        samples_in = _of_samples(network, extractor)
    exact = log_probs_on(target, samples_in or logits)
    score = log_probs_on(target, samples_in or logits, half=half_precision(target))
    grid, reach = _grid(config, exact, rate)
    width = score(np.zeros((1, 2 * rate), np.float32)).shape[2]
    if width != len(vocabulary):
        raise InputError(
            f"{folder}: the vocabulary has {len(vocabulary)} symbols, the network scores {width}; "
            "copy all files of one model"
        )
    told = card(folder)
    return NetworkCtc(
        score,
        vocabulary,
        grid,
        reach=reach,
        name=name_of(folder) + (f":{language}" if language else ""),
        language=_language(folder, language, unit, vocabulary),
        licence=told.get("license") or "not told by the model card",
        unit=unit,
        facts={
            "architecture": type(network).__name__,
            "parameters": str(sum(p.numel() for p in network.parameters())),
            "device": str(target),
        },
        tokenise=tokenise,
        network=samples_in,
        batch_seconds=batch_seconds(target),
        exact=exact,
        weights=[network],
    )


def _parted(source: str) -> tuple[Path, str | None]:
    """Return the folder, and the language behind it if there is one."""
    folder, colon, language = source.rpartition(":")
    if colon and (Path(folder) / CONFIG).is_file():
        return Path(folder), language
    return Path(source), None


def read_vocabulary(
    folder: Path, config: Mapping[str, object], language: str | None = None
) -> tuple[Vocabulary, str, Callable[[str], tuple[Piece, ...]] | None]:
    """Read symbols, what they are, and what cuts words into them if the vocabulary alone cannot.

    Parameters
    ----------
    folder : Path
        With ``vocab.json`` or ``tokenizer.json``.
    config : Mapping
        Of the model, which tells the size and the blank.
    language : str or None
        Which vocabulary to take, where there are several; None for the one the tokenizer names.

    Raises
    ------
    InputError
        Both files are missing, one is damaged, or there is no blank.
    """
    settings_path = folder / "tokenizer_config.json"
    settings = read_json(settings_path) if settings_path.is_file() else {}
    tokenise = None
    if (folder / "vocab.json").is_file():
        target = language or cast("str | None", settings.get("target_lang"))
        columns = _columns(folder / "vocab.json", target)
        if (folder / "added_tokens.json").is_file():
            columns |= _columns(folder / "added_tokens.json", None)
        phones = settings.get("tokenizer_class") == "Wav2Vec2PhonemeCTCTokenizer"
        unit = "phones" if phones else "characters"
    elif (folder / "tokenizer.json").is_file():
        columns, tokenise = _tokenizer(folder / "tokenizer.json")
        unit = "tokens"
    else:
        raise InputError(f"{folder}: has no vocab.json and no tokenizer.json; copy all files of "
                         "the model, as its maker has them")  # fmt: skip
    size, blank = config.get("vocab_size"), config.get("pad_token_id")
    if not isinstance(size, int):
        raise InputError(f"{folder / CONFIG}: vocab_size: expected a number, got {size!r}")
    if not isinstance(blank, int) or not 0 <= blank < size:
        raise InputError(
            f"{folder / CONFIG}: pad_token_id, the blank: expected a column in [0, {size}), got "
            f"{blank!r}; a CTC model has a blank"
        )
    symbols = [f"<unused {column}>" for column in range(size)]
    for symbol, column in columns.items():
        if not 0 <= column < size:
            raise InputError(
                f"{folder}: symbol {symbol!r} has column {column}, and vocab_size is {size}; copy "
                "all files of one model"
            )
        symbols[column] = symbol
    return Vocabulary(symbols, blank=symbols[blank]), unit, tokenise


def _columns(path: Path, language: str | None) -> dict[str, int]:
    """Read symbols and their columns; of several languages, those of one."""
    found = read_json(path)
    several = [code for code, columns in found.items() if isinstance(columns, dict)]
    if several:
        if language not in several:
            raise unknown_language(path.parent, language, several)
        found = cast("dict[str, object]", found[language])
    wrong = [symbol for symbol, column in found.items() if type(column) is not int]
    if wrong or not found:
        raise InputError(f"{path}: expected a column for every symbol, got none for {wrong[:1]}")
    return cast("dict[str, int]", found)


def _tokenizer(path: Path) -> tuple[dict[str, int], Callable[[str], tuple[Piece, ...]]]:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise BackendError(f"{path}: reading it needs transformers; pip install 'speechalign[hf]'"
                           ) from None  # fmt: skip
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower class
        raise InputError(f"{path}: damaged: {error}; copy the file again") from None
    unknown = tokenizer.token_to_id("<unk>")

    def tokenise(word: str) -> tuple[Piece, ...]:
        found = tokenizer.encode(word, add_special_tokens=False)
        return tuple(
            Piece(None if column == unknown else column, start, end)
            for column, (start, end) in zip(found.ids, found.offsets)
            if end > start
        )

    return tokenizer.get_vocab(with_added_tokens=True), tokenise


def _pretrained(
    folder: Path, adapter: Mapping[str, Tensor], *, allow_pickle: bool
) -> tuple[_Extractor, PreTrainedModel]:
    """Load feature extractor and network through transformers, with the weights of an adapter."""
    import_torch("hf")
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoFeatureExtractor, AutoModelForCTC
    except ImportError as error:
        raise BackendError(
            f"{folder}: reading it needs transformers ({error}); pip install 'speechalign[hf]'"
        ) from None
    try:
        extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: has no feature extractor that can be read, preprocessor_config.json: "
            f"{str(error).splitlines()[0]}"
        ) from None
    try:
        with no_progress_bars():
            network, report = AutoModelForCTC.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=None if allow_pickle else True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{folder}: not a CTC model that can be read: {str(error).splitlines()[0]}"
        ) from None
    if adapter:
        put_in(network, adapter, folder=folder)
    missing = {key for key in report["missing_keys"] if key.split(".")[-1] not in UNUSED_WEIGHTS}
    missing -= set(adapter)
    if missing:
        raise InputError(
            f"{folder}: the weights lack {', '.join(sorted(missing)[:3])}; is it a model that was "
            "trained for CTC?"
        )
    return extractor, network


def _of_samples(network: PreTrainedModel, extractor: _Extractor) -> SampleNetwork:
    """Put what the feature extractor of a network of samples does before it, on its device."""
    from speechalign.models.ctc.sample_network import SampleNetwork

    epsilon = 1e-7 if extractor.do_normalize else None
    return SampleNetwork(network, epsilon=epsilon, masked=True)


def _grid(config: Mapping[str, object], score: Score, rate: int) -> tuple[FrameGrid, int]:
    """Return the frame grid, and how many samples the first frame needs.

    That of the convolutions over samples, where the model begins with them.
    """
    match config:
        case {"model_type": "wav2vec2" | "hubert" | "wavlm" | "wav2vec2-conformer" | "unispeech"
              | "unispeech-sat", "conv_kernel": list() as kernels, "conv_stride": list() as strides,
              "add_adapter": False}:  # fmt: skip
            grid = convolution_grid(list(zip(kernels, strides)), sample_rate=rate)
            return grid, 2 * grid.offset + grid.stride
        case {"model_type": "wav2vec2-bert", "add_adapter": False}:
            # Pairs of mel vectors; its extractor pads at the end, which a trial would mistake.
            return convolution_grid([_MEL, (2, 2)], sample_rate=rate), _MEL[0]

    def count(samples: int) -> int:
        noise = np.random.default_rng(0).normal(size=(1, samples)).astype(np.float32)
        try:
            return int(score(noise).shape[1])
        except (RuntimeError, ValueError):
            return 0  # too short for the network

    grid = measured_grid(count, sample_rate=rate)
    return grid, 2 * grid.offset + grid.stride


def _language(folder: Path, adapter: str | None, unit: str, vocabulary: Vocabulary) -> str:
    """Return the language of the text, as `Model` has it."""
    settings_path = folder / "tokenizer_config.json"
    settings = read_json(settings_path) if settings_path.is_file() else {}
    if unit == "phones":
        return str(settings.get("phonemizer_lang") or "en-us")
    target = adapter or settings.get("target_lang")
    if target:
        return short_code(str(target)).partition("-")[0]
    language = card(folder).get("language", "und")
    latin = all(symbol.isascii() for symbol in vocabulary.symbols if len(symbol) == 1)
    # Of several languages, a model without letters but a to z reads what is romanised.
    return "und" if language == "mul" and not latin else language
