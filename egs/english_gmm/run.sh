#!/usr/bin/env bash
# An English HMM-GMM from a flat start, compared with the embedded model on hand-labelled speech.
#
#     bash egs/english_gmm/run.sh                     train on 8.3 h, evaluate on a sample of TIMIT
#     bash egs/english_gmm/run.sh --mini true         generated speech for both, about a minute
#
# Stages: 0 data, 1 train, 2 align the gold corpus with this and with the embedded model, 3 score,
# 4 copy the model into the package (only if asked for).
#
# --stage N, --stop-stage N   first and last stage (0 and 3)
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech/english)
# --parts "NAME ..."          corpora, folders with manifest.jsonl (cathy cmu_arctic speechocean762)
# --gold-dir DIR              gold corpus: DIR/corpus, times in DIR/gold (SPEECHALIGN_DATA/timit-dev)
# --gaussians N               largest number of Gaussians of a state (16; 2 for mini)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 120 generated sentences for training and evaluation
# --jobs N                    number of threads (2)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=3
speech_dir=
parts="cathy cmu_arctic speechocean762"
gold_dir=
gaussians=
exp=
mini=false
jobs=2
. ../utils/parse_options.sh
. ./path.sh

absolute() { (cd "$called_from" && realpath -m "$1"); }
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") gaussians=${gaussians:-2}
  corpus=$exp/data/generated/manifest.jsonl
  gold_corpus=$corpus gold=$exp/data/generated/gold
else
  exp=$(absolute "${exp:-$PWD/exp/full}") gaussians=${gaussians:-16}
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech/english}")
  gold_dir=$(absolute "${gold_dir:-$SPEECHALIGN_DATA/timit-dev}")
  corpus=$exp/data/manifest.jsonl
  gold_corpus=$gold_dir/corpus gold=$gold_dir/gold
fi

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }

if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$exp/data/generated" --utterances 120
  else
    manifests=()
    for part in $parts; do manifests+=("$speech_dir/$part/manifest.jsonl"); done
    need "${manifests[@]}"
    "$python" local/00_join_manifests.py "$corpus" "${manifests[@]}"
  fi
fi

if stage 1 "train"; then
  "$python" -m speechalign train "$corpus" "$exp/model" \
    --gaussians "$gaussians" \
    --jobs "$jobs" \
    --name english-gmm \
    --licence "Apache-2.0; speech: CC0, CMU, OpenSLR 101; dictionary: CMU" |
    tee "$exp/training.txt"
fi

if stage 2 "align"; then
  need "$gold_corpus"
  for model in "$exp/model" english-sphinx; do
    "$python" -m speechalign align "$gold_corpus" "$model" "$exp/$(basename "$model")-times" \
      --jobs "$jobs" \
      --overwrite
  done
fi

if stage 3 "score"; then
  for name in model english-sphinx; do
    printf '## %s\n\n```\n' "$name"
    "$python" -m speechalign compare "$gold" "$exp/$name-times"
    printf '```\n\n'
  done | tee "$exp/RESULTS.md"
fi

if stage 4 "ship"; then
  shipped=$repository/speechalign/models/data/english_gmm
  rm -rf "$shipped"
  mkdir -p "$(dirname "$shipped")"
  cp -r "$exp/model" "$shipped"
  cp conf/MODEL_CARD.md "$shipped/MODEL_CARD.md"
  rm "$shipped/training_report.json"
fi
