"""Small models of real classes with random weights, saved as the hub has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

CTC_FAMILIES = ("wav2vec2", "hubert", "wav2vec2_bert", "parakeet", "onnx", "torchaudio")
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
_SIZES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip
_CONVOLUTIONS = {
    "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


def letters(folder: Path, **settings: object) -> None:
    """Write the vocabulary of English characters, as Wav2Vec2's tokenizer does."""
    vocabulary = {symbol: column for column, symbol in enumerate(LETTERS)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    settings = {"tokenizer_class": "Wav2Vec2CTCTokenizer", "pad_token": "<pad>", **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def card(folder: Path, licence: str = "apache-2.0", language: str = "en") -> None:
    """Write a model card."""
    text = f"---\nlicense: {licence}\nlanguage: {language}\n---\n# Small\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def wav2vec2(folder: Path) -> Path:
    """Save a Wav2Vec2ForCTC of two layers."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    config = Wav2Vec2Config(vocab_size=len(LETTERS), pad_token_id=0, **_SIZES, **_CONVOLUTIONS)
    _save(folder, Wav2Vec2ForCTC(config), Wav2Vec2FeatureExtractor())
    letters(folder)
    card(folder)
    return folder


def mms(folder: Path) -> Path:
    """Save a Wav2Vec2ForCTC with adapters of three languages, English in the weights themselves."""
    from safetensors.torch import save_file
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    columns = {
        language: {symbol: n for n, symbol in enumerate([*LETTERS[:5], *letters])}
        for language, letters in {
            "deu": "abcdefghijklmnopqrstuvwxyzäöüß", "eng": "abcdefghijklmnopqrstuvwxyz'",
            "rus": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        }.items()
    }  # fmt: skip
    for language in ("deu", "rus", "eng"):
        config = Wav2Vec2Config(
            vocab_size=len(columns[language]), pad_token_id=0, adapter_attn_dim=4,
            feat_extract_norm="layer", do_stable_layer_norm=True, **_SIZES, **_CONVOLUTIONS,
        )  # fmt: skip
        network = Wav2Vec2ForCTC(config)
        _save(folder, network, Wav2Vec2FeatureExtractor(return_attention_mask=True))
        weights = {key: value.contiguous() for key, value in network._get_adapters().items()}
        save_file(weights, folder / f"adapter.{language}.safetensors", {"format": "pt"})
    (folder / "vocab.json").write_text(json.dumps(columns), encoding="utf-8")
    settings = {"tokenizer_class": "Wav2Vec2CTCTokenizer", "target_lang": "eng"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    text = "---\nlicense: cc-by-nc-4.0\nlanguage:\n- de\n- en\n- ru\n---\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


def hubert(folder: Path) -> Path:
    """Save a HubertForCTC of two layers, with layer norm after every convolution."""
    from transformers import HubertConfig, HubertForCTC, Wav2Vec2FeatureExtractor

    config = HubertConfig(
        vocab_size=len(LETTERS), pad_token_id=0, feat_extract_norm="layer", **_SIZES,
        **_CONVOLUTIONS,
    )  # fmt: skip
    _save(folder, HubertForCTC(config), Wav2Vec2FeatureExtractor(return_attention_mask=True))
    letters(folder)
    return folder


def wavlm(folder: Path) -> Path:
    """Save a WavLMModel of two layers, without a CTC layer."""
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

    config = WavLMConfig(num_buckets=16, max_bucket_distance=32, **_SIZES, **_CONVOLUTIONS)
    _save(folder, WavLMModel(config), Wav2Vec2FeatureExtractor())
    return folder


def wav2vec2_bert(folder: Path) -> Path:
    """Save a Wav2Vec2BertForCTC of two layers, which hears mel features."""
    from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertForCTC

    config = Wav2Vec2BertConfig(
        vocab_size=len(LETTERS), pad_token_id=0, feature_projection_input_dim=160, **_SIZES
    )
    _save(folder, Wav2Vec2BertForCTC(config), SeamlessM4TFeatureExtractor())
    letters(folder)
    return folder


def parakeet(folder: Path) -> Path:
    """Save a ParakeetForCTC of two layers, whose symbols are pieces of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import ParakeetCTCConfig, ParakeetFeatureExtractor, ParakeetForCTC

    pieces = ["<unk>", "▁", "▁t", "▁th", "he", "ea", "ing", *"abcdefghijklmnopqrstuvwxyz'"]
    tokenizer = Tokenizer(
        models.Unigram([(piece, -float(5 + (len(piece) < 2))) for piece in pieces], unk_id=0)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    encoder = {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "subsampling_conv_channels": 8,
    }  # fmt: skip
    config = ParakeetCTCConfig(
        vocab_size=len(pieces) + 1, pad_token_id=len(pieces), encoder_config=encoder
    )
    _save(folder, ParakeetForCTC(config), ParakeetFeatureExtractor())
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def whisper(folder: Path) -> Path:
    """Save a multilingual Whisper of two layers, with a byte-level tokenizer."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the")]
    symbols = [*alphabet, *("".join(merge) for merge in merges)]
    tokenizer = Tokenizer(models.BPE({s: n for n, s in enumerate(symbols)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|transcribe|>",
               "<|translate|>", "<|startofprev|>", "<|notimestamps|>"]  # fmt: skip
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    end, begin = (tokenizer.token_to_id(token) for token in special[:2])
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=16, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, max_target_positions=64, pad_token_id=end, bos_token_id=end,
        eos_token_id=end, decoder_start_token_id=begin, suppress_tokens=None,
        begin_suppress_tokens=None,
    )  # fmt: skip
    network = WhisperForConditionalGeneration(config)
    network.generation_config.alignment_heads = [[1, 0], [1, 1]]
    _save(folder, network, WhisperFeatureExtractor())
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def onnx(folder: Path) -> Path:
    """Export the small Wav2Vec2ForCTC."""
    from speechalign.models import load_model
    from speechalign.models.ctc.onnx_export import export

    export(load_model(wav2vec2(folder.with_name("exported-wav2vec2"))), folder)
    return folder


class _Bundle:
    """What a small network of torchaudio is made of; the weights are in a file."""

    _path, _normalize_waveform, _model_type, _remove_aux_axis = "none.pth", True, "Wav2Vec2", None
    sample_rate = 16000
    _params: ClassVar = {
        "extractor_mode": "layer_norm",
        "extractor_conv_layer_config": [(8, 10, 5), *[(8, 3, 2)] * 4, *[(8, 2, 2)] * 2],
        "extractor_conv_bias": True, "encoder_embed_dim": 16, "encoder_projection_dropout": 0.0,
        "encoder_pos_conv_kernel": 16, "encoder_pos_conv_groups": 2, "encoder_num_layers": 2,
        "encoder_num_heads": 2, "encoder_attention_dropout": 0.0, "encoder_ff_interm_features": 32,
        "encoder_ff_interm_dropout": 0.0, "encoder_dropout": 0.0, "encoder_layer_norm_first": True,
        "encoder_layer_drop": 0.0, "aux_num_out": 28,
    }  # fmt: skip

    def get_labels(self, *, blank: str = "-") -> tuple[str, ...]:
        return (blank, *"aienoutsrmkldghybpwcvjzf'qx", "*")


def torchaudio(folder: Path) -> str:
    """Put a small network in place of MMS_FA, with weights in a file; return its name."""
    import torchaudio
    from safetensors.torch import save_file
    from torchaudio.models import wav2vec2_model

    torchaudio.pipelines.MMS_FA = _Bundle()
    network = wav2vec2_model(**_Bundle._params)
    _randomise(network)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "mms.safetensors")
    return f"torchaudio:MMS_FA@{folder / 'mms.safetensors'}"


def _save(folder: Path, network, extractor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _randomise(network)
    network.save_pretrained(folder)
    extractor.save_pretrained(folder)


def _randomise(network) -> None:
    """Give weights the size that keeps activations, so that scores depend on what is heard."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
