"""Small neural HMMs with random weights."""

import numpy as np

from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.neural_hmm.phone_net import PhoneNet, shapes
from speechalign.text.articulation import ATTRIBUTES, COLUMNS
from speechalign.text.dictionary import Dictionary

PHONES = ("sil", "spn", "T", "IY", "K", "AH")
SIZES = {"bands": 20, "channels": 12, "hidden": 10, "kernel": 3, "dilations": (1, 2)}
STACKED = {**SIZES, "stack": 2, "stem": 8}


def random_net(config, phones=6, seed=0):
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 1 / np.sqrt(max(1, np.prod(shape[1:]))), shape).astype(np.float16)
        for name, shape in shapes(config, phones).items()
    }
    return PhoneNet(config, weights)


def neural_hmm(net, facts=None, **changed):
    count = net.phones
    return NeuralHmm(**{
        "net": net, "facts": facts, "name": "small", "language": "en", "licence": "none",
        "log_priors": np.log(np.arange(1.0, count + 1) / (count * (count + 1) / 2)),
        "prior_weight": 0.5, "phones": PHONES, "silence": "sil", "noise": "spn",
        "stay": np.full((count, 3), 0.6), "dictionary": {"tea": (("T", "IY"),)},
        "variant_priors": {}, "silence_probability": 0.5, "acoustic_scale": 0.3,
        "calibration": (1.0, 2.0), **changed,
    })  # fmt: skip


def articulatory_hmm(**changed):
    count = len(COLUMNS)
    return ArticulatoryHmm(**{
        "net": random_net(NetConfig(**SIZES), count), "name": "any", "language": "ipa",
        "licence": "none", "log_priors": np.full(count, -1.5), "prior_weight": 1.0,
        "temperature": 1.5,
        "durations": {manner: 8.0 for manner in ATTRIBUTES["manner"] if manner != "silence"},
        "phones": ("sil", "spn"), "silence": "sil", "noise": "spn", "stay": np.full((2, 3), 0.9),
        "dictionary": Dictionary({}), "variant_priors": {}, "silence_probability": 0.5,
        "acoustic_scale": 0.15, "calibration": (1.0, 2.0), "pronunciation": "ipa", **changed,
    })  # fmt: skip


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)
