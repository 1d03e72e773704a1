#!/usr/bin/env bash
# CTC models of phones, fine-tuned with Align With Purpose and with label priors.
#
#     bash egs/librispeech/run.sh                    Mini LibriSpeech, downloaded
#     bash egs/librispeech/run.sh --corpus english   8 hours of cathy, CMU ARCTIC, speechocean762
#     bash egs/librispeech/run.sh --mini true        generated speech, small models, a few minutes
# Stages: 0 data, 1 manifests and validation, 2 features, 3 train a streaming and an offline model,
# 4 fine-tune the streaming model for low latency, 5 the offline model for fewer errors and with label
# priors, beside as many steps of plain CTC, 6 decode, 7 align to TextGrids, 8 score, 9 report.
#
# --stage N, --stop-stage N   first and last stage (0 and 9)
# --corpus NAME               corpus: librispeech or english (librispeech, or as --mini without network)
# --corpus-dir DIR            folder of the corpus (english: SPEECHALIGN_DATA/speech/english;
#                             librispeech: Mini LibriSpeech, downloaded)
# --parts "NAME ..."          english: its folders to use (cathy cmu_arctic speechocean762)
# --gold-dir DIR              gold corpus for boundaries: DIR/corpus, times in DIR/gold (the test set,
#                             with the times of english-sphinx)
# --mini true                 generated speech with exact times, and small models
# --exp DIR                   output folder (exp/english, exp/librispeech or exp/mini)
# --seeds "N ..."             seeds of weights, batches and samples (1 2 3; mini: 1)
# --jobs N                    number of recordings aligned at once (2)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=9
corpus=
corpus_dir=
parts="cathy cmu_arctic speechocean762"
gold_dir=
mini=false
exp=
seeds=
jobs=2
. ../utils/parse_options.sh
. ./path.sh
. ./cmd.sh

absolute() { [ -z "$1" ] || (cd "$called_from" && realpath -m "$1"); }
about=
if "$mini"; then corpus=mini; fi
[ -n "$corpus" ] || local/00_find_librispeech.sh "$corpus_dir" ||
  { corpus=mini && about="NOT LibriSpeech, which cannot be downloaded now. "; }
corpus=${corpus:-librispeech}
exp=$(absolute "$exp") exp=${exp:-$PWD/exp/$corpus} data=$exp/data
corpus_dir=$(absolute "$corpus_dir") gold_dir=$(absolute "$gold_dir")
conf=conf tuning=() models=() sources=() gold_corpus=$data/test.jsonl gold=$exp/reference/test
case $corpus in
  english) for part in $parts; do sources+=("${corpus_dir:-$SPEECHALIGN_DATA/speech/english}/$part"); done ;;
  librispeech) sources=("${corpus_dir:-$data/download/LibriSpeech}") ;;
  mini) sources=("$data/generated") conf=conf/mini tuning=(--steps 150) seeds=${seeds:-1} gold=$data/gold ;;
  *) echo "run.sh: --corpus: expected librispeech or english, got $corpus" >&2 && exit 2 ;;
esac
if [ -n "$gold_dir" ]; then gold_corpus=$gold_dir/corpus gold=$gold_dir/gold; fi
seeds=${seeds:-1 2 3}
names=(streaming continued low_latency offline offline_continued min_wer label_priors)
for seed in $seeds; do models+=("${names[@]/#/$exp/$seed/}"); done

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
about+="Speech: ${sources[*]}. Boundaries are measured against $gold."
echo "$about Everything is written to $exp." >&2

if stage 0 "data"; then
  if [ "$corpus" = mini ]; then
    "$python" -m recipes.corpora.generated_speech "$data/generated" --utterances 600
  elif [ "$corpus" = librispeech ] && [ -z "$corpus_dir" ]; then
    "$python" -m recipes.corpora.librispeech download "$data/download"
  fi
  need "${sources[@]}"
fi
if stage 1 "manifests and validation"; then
  local/01_make_manifests.sh "$corpus" "$data" "${sources[@]}"
fi
if stage 2 "features"; then
  for split in train dev test known; do
    "$python" -m recipes.steps.compute_features "$data/$split.jsonl" "$data/features/$split"
  done
fi
# A run that has ended is not trained again, and one that was interrupted continues.
if stage 3 "train with CTC"; then
  for seed in $seeds; do
    "${train[@]}" "$conf/streaming.yaml" "$data/features" "$exp/$seed/streaming" --seed "$seed"
    "${train[@]}" "$conf/offline.yaml" "$data/features" "$exp/$seed/offline" --seed "$seed" --init "$exp/$seed/streaming/model"
  done
fi
if stage 4 "fine-tune with AWP low latency"; then
  for seed in $seeds; do
    for name in continued low_latency; do
      "${train[@]}" "conf/$name.yaml" "$data/features" "$exp/$seed/$name" --seed "$seed" --init "$exp/$seed/streaming/model" "${tuning[@]}"
    done
  done
fi
if stage 5 "fine-tune with AWP min WER, and with label priors"; then
  for seed in $seeds; do
    for name in offline_continued min_wer label_priors; do
      "${train[@]}" "conf/$name.yaml" "$data/features" "$exp/$seed/$name" --seed "$seed" --init "$exp/$seed/offline/model" "${tuning[@]}"
    done
  done
fi
if stage 6 "decode"; then
  for model in "${models[@]}"; do
    for split in dev known test; do
      "$python" -m recipes.steps.decode_ctc "$model/model" "$data/features/$split" "$model/$split.json"
    done
  done
fi
if stage 7 "align to TextGrids"; then
  align=("$python" -m speechalign align --jobs "$jobs" --allow-partial --overwrite)
  for split in dev known test; do
    "${align[@]}" "$data/$split.jsonl" english-sphinx "$exp/reference/$split"
  done
  for model in "${models[@]}"; do "${align[@]}" "$gold_corpus" "$model/model" "$model/gold"; done
fi
if stage 8 "score alignments and latency"; then
  for model in "${models[@]}"; do local/08_score.sh "$exp" "$gold" "$model"; done
fi
if stage 9 "report"; then
  "$python" -m recipes.steps.report_ctc "$exp" "$seeds" "${names[@]}" --about "$about"
fi
echo "$about Everything is written to $exp." >&2
