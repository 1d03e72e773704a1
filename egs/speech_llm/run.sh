#!/usr/bin/env bash
# A speech LLM (an encoder of speech joined to a language model): the effect of a matching loss, and of
# measures against hallucinations.
#
#     bash egs/speech_llm/run.sh                   LibriSpeech, models of the Hugging Face hub
#     bash egs/speech_llm/run.sh --mini true       generated speech and models made here, minutes
#
# Stages: 0 speech and recordings without speech, 1 models (mini), 2 train with cross-entropy (plain),
# with cross-entropy and the matching loss (matching), and with cross-entropy on recordings without
# speech too (nonspeech), 3 transcribe, 4 word times of matching, 5 report.
#
# --stage N, --stop-stage N   first and last stage (0 and 5)
# --corpus-dir DIR            folder of LibriSpeech or Mini LibriSpeech (the latter, downloaded)
# --encoder NAME, --lm NAME   folders, or org/name on the hub (facebook/wav2vec2-base-960h and
#                             HuggingFaceTB/SmolLM2-135M; fetched when first used)
# --mini true                 eSpeak NG's speech, and models of a few layers
# --utterances N              mini: number of spoken sentences (1560)
# --updates N                 number of updates of the weights (as in conf/; mini: 240)
# --exp DIR                   output folder (exp/librispeech or exp/mini)
# --seeds "N ..."             seeds of weights and batches (1 2 3; mini: 1)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=5
corpus_dir=
encoder=facebook/wav2vec2-base-960h
lm=HuggingFaceTB/SmolLM2-135M
mini=false
utterances=1560
updates=
exp=
seeds=
. ../utils/parse_options.sh
. ./path.sh

[ -z "$corpus_dir" ] || corpus_dir=$(cd "$called_from" && realpath "$corpus_dir")
[ -z "$exp" ] || exp=$(cd "$called_from" && realpath -m "$exp")
if $mini; then
  name=mini conf=conf/mini tests=(test other nonspeech) seeds=${seeds:-1}
else
  name=librispeech conf=conf tests=(test nonspeech) seeds=${seeds:-1 2 3}
fi
exp=${exp:-$PWD/exp/$name}
data=$exp/data
systems=(plain matching nonspeech)

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }

if stage 0 "speech, and recordings without speech"; then
  "$python" local/00_make_nonspeech.py "$data/nonspeech/train" --kinds "silence white hum"
  "$python" local/00_make_nonspeech.py "$data/nonspeech/test" --seed 1
  cp "$data/nonspeech/test/manifest.jsonl" "$data/nonspeech.jsonl"
  if $mini; then
    "$python" -m recipes.corpora.generated_speech "$data/generated" --utterances "$utterances" \
      --unspoken 5000
    "$python" local/00_split.py "$data/generated/manifest.jsonl" \
      "$data/nonspeech/train/manifest.jsonl" "$data"
  else
    if [ -z "$corpus_dir" ]; then
      "$python" -m recipes.corpora.librispeech download "$data/download"
      corpus_dir=$data/download/LibriSpeech
    fi
    "$python" -m recipes.corpora.librispeech prepare "$corpus_dir" "$data/librispeech"
    "$python" local/00_lower.py "$data/librispeech" "$data/nonspeech/train/manifest.jsonl" "$data"
  fi
fi
if stage 1 "models" && $mini; then
  for seed in $seeds; do
    "$python" local/01_make_models.py "$data/generated/text.txt" "$data/train.jsonl" "$exp/$seed" \
      --seed "$seed" ${updates:+--lm-steps "$updates" --encoder-steps "$updates"}
  done
fi
# A run that has ended is not trained again, and one that was interrupted continues.
if stage 2 "train"; then
  for seed in $seeds; do
    if $mini; then encoder=$exp/$seed/encoder lm=$exp/$seed/lm; fi
    for system in "${systems[@]}"; do
      "$python" -m recipes.steps.train_speech_llm "$conf/$system.yaml" "$data/train.jsonl" \
        "$data/dev.jsonl" "$exp/$seed/$system" --encoder "$encoder" --lm "$lm" --seed "$seed" \
        ${updates:+--steps "$updates"}
    done
  done
fi
if stage 3 "transcribe what is not transcribed yet"; then
  for seed in $seeds; do
    for test in "${tests[@]}"; do
      for system in "${systems[@]}"; do
        out=$exp/$seed/$system
        [ -e "$out/$test.jsonl" ] ||
          "$python" -m recipes.steps.transcribe "$out/model" "$data/$test.jsonl" "$out/$test.jsonl"
      done
      for system in plain nonspeech; do
        out=$exp/$seed/$system
        [ -e "$out/$test.guarded.jsonl" ] ||
          "$python" -m recipes.steps.transcribe "$out/model" "$data/$test.jsonl" \
            "$out/$test.guarded.jsonl" \
            --beams 4 --length-penalty 0.8 --no-repeat 3 --support -10
      done
    done
  done
fi
if stage 4 "word times"; then
  for seed in $seeds; do
    model=$exp/$seed/matching/model
    "$python" -m speechalign align "$data/test.jsonl" "$model" "$exp/$seed/times" --jobs 1
    if $mini; then
      "$python" local/04_map_times.py "$model" "$data/test.jsonl" "$exp/$seed/map_times"
      for times in times map_times; do
        "$python" -m speechalign compare "$data/gold" "$exp/$seed/$times" >"$exp/$seed/$times.txt"
      done
    fi
  done
fi
if stage 5 "report"; then
  "$python" local/05_report.py "$exp" "$seeds" "${tests[*]}" >"$exp/RESULTS.md"
  cat "$exp/RESULTS.md"
fi
