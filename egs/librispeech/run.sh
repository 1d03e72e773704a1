#!/usr/bin/env bash
# CTC models of phones, and what Align With Purpose makes of them.
#
#     bash egs/librispeech/run.sh                     Mini LibriSpeech; without network the mini corpus
#     bash egs/librispeech/run.sh --corpus-dir DIR    a LibriSpeech, or a folder with manifest.jsonl
#     bash egs/librispeech/run.sh --mini true         generated speech, small models, a few minutes
#
# Stages: 0 data, 1 manifests and validation, 2 features, 3 train a streaming and an offline model,
# 4 fine-tune the streaming model for low latency, 5 the offline model for fewer errors and with label
# priors, beside as many steps of plain CTC, 6 decode, 7 align to TextGrids, 8 score, 9 report.
#
# --stage N, --stop-stage N   first and last stage (0 and 9)
# --corpus-dir DIR            a local corpus
# --gold-dir DIR              speech (DIR/corpus) with times by hand (DIR/gold), to score alignments
# --mini true                 generated speech and small models
# --exp DIR                   where everything is written (exp/full, or exp/mini)
# --seeds "N ..."             of weights, batches and samples (1 2 3; mini corpus: 1)
# --jobs N                    recordings aligned at once (2)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=9
corpus_dir=
gold_dir=
mini=false
exp=
seeds=
jobs=2
. ../utils/parse_options.sh
. ./path.sh
. ./cmd.sh

absolute() { [ -z "$1" ] || (cd "$called_from" && realpath -m "$1"); }
read -r kind source seconds <<<"$(local/00_choose_corpus.sh "$mini" "$(absolute "$corpus_dir")")"
gold_dir=$(absolute "$gold_dir") exp=$(absolute "$exp")
if [ "$kind" = generated ] || [ -n "$seconds" ]; then
  size=mini conf=conf/mini tuning_steps=150 seeds=${seeds:-1}
else
  size=full conf=conf tuning_steps='' seeds=${seeds:-1 2 3} # As many as conf/ says.
fi
exp=${exp:-$PWD/exp/$size} data=$exp/data
case $kind in generated) source=$data/generated ;; download) source=$data/download/LibriSpeech ;; esac
# Boundaries are scored on gold_corpus, where nobody knows them against the embedded aligner's.
gold_corpus=$data/test.jsonl timit=$repository/../shared/data/timit-dev
if [ "$kind" = generated ]; then
  gold_dir=$data/gold
elif [ -n "$gold_dir" ] || [ -d "$timit" ]; then
  gold_corpus=${gold_dir:-$timit}/corpus gold_dir=${gold_dir:-$timit}/gold
else
  gold_dir=$exp/reference/test
fi
names=(streaming continued low_latency offline offline_continued min_wer label_priors)
models=() # Of all seeds.
for seed in $seeds; do models+=("${names[@]/#/$exp/$seed/}"); done

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }

train() { # SEED NAME CONFIG [options]: unless it is trained already
  [ ! -e "$exp/$1/$2/model/model.json" ] || return 0
  "${train_cmd[@]}" -m recipes.steps.train_ctc "$3" "$data/features" "$exp/$1/$2" --seed "$1" "${@:4}"
}

tune() { # NAME FROM: the model of each seed
  for seed in $seeds; do
    train "$seed" "$1" "conf/$1.yaml" --init "$exp/$seed/$2/model" ${tuning_steps:+--steps "$tuning_steps"}
  done
}

align() { # CORPUS MODEL OUT
  "$python" -m speechalign align "$1" "$2" "$3" --jobs "$jobs" --allow-partial --overwrite
}

if stage 0 "data"; then
  case $kind in
    generated) "$python" -m recipes.corpora.generated_speech "$source" --utterances 600 ;;
    download) "$python" -m recipes.corpora.librispeech download "$data/download" ;;
    *) echo "using $source" >&2 ;;
  esac
fi
if stage 1 "manifests and validation"; then
  local/01_make_manifests.sh "$kind" "$source" "$data" "$seconds"
fi
if stage 2 "features"; then
  for split in train dev test known; do
    "$python" -m recipes.steps.compute_features "$data/$split.jsonl" "$data/features/$split"
  done
fi
if stage 3 "train CTC"; then
  for seed in $seeds; do
    train "$seed" streaming "$conf/streaming.yaml"
    train "$seed" offline "$conf/offline.yaml" --init "$exp/$seed/streaming/model"
  done
fi
if stage 4 "fine-tune with AWP low latency"; then
  tune continued streaming
  tune low_latency streaming
fi
if stage 5 "fine-tune with AWP min WER, and with label priors"; then
  for name in offline_continued min_wer label_priors; do tune "$name" offline; done
fi
if stage 6 "decode"; then
  for model in "${models[@]}"; do
    for split in dev known test; do
      "$python" -m recipes.steps.decode_ctc "$model/model" "$data/features/$split" "$model/$split.json"
    done
  done
fi
if stage 7 "align to TextGrids"; then
  for split in dev known test; do
    align "$data/$split.jsonl" english-sphinx "$exp/reference/$split"
  done
  for model in "${models[@]}"; do align "$gold_corpus" "$model/model" "$model/gold"; done
fi
if stage 8 "score alignments and latency"; then
  for model in "${models[@]}"; do local/08_score.sh "$exp" "$gold_dir" "$model"; done
fi
if stage 9 "report"; then
  "$python" -m recipes.steps.report_ctc "$exp" "$seeds" "${names[@]}"
fi
