#!/usr/bin/env bash
# Non-autoregressive translation with CTC, fine-tuned on the F1 of expected n-grams (NMLA).
#
#     bash egs/multi30k/run.sh                     Multi30k, German to English
#     bash egs/multi30k/run.sh --mini true         a generated language of another word order, minutes
#     bash egs/multi30k/run.sh --speech true       the generated language spoken by eSpeak NG
#
# Stages: 0 text, 1 pieces (and speech), 2 train with CTC, 3 train on from there for as many steps with
# CTC and with NMLA of n = 1 and 2, 4 translate (greedily, and with beam search and a 4-gram model),
# 5 score, 6 reordering against F1, 7 report.
#
# --stage N, --stop-stage N   first and last stage (0 and 7)
# --direction de-en|en-de     source and target language of Multi30k (de-en)
# --corpus-dir DIR            folder of Multi30k, downloaded if missing (SPEECHALIGN_DATA/multi30k)
# --mini true                 the generated language and small models
# --speech true               the generated language, translated from speech
# --exp DIR                   output folder (exp/de-en, exp/en-de, exp/mini or exp/speech)
# --seeds "N ..."             seeds of weights and batches (1 2 3; mini: 1)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=7
direction=de-en
corpus_dir=
mini=false
speech=false
exp=
seeds=
. ../utils/parse_options.sh
. ./path.sh

absolute() { (cd "$called_from" && realpath -m "$1"); }
if $mini; then
  name=mini conf=conf/mini pieces=400 tests=(test) seeds=${seeds:-1}
elif $speech; then
  name=speech conf=conf/speech pieces=400 tests=(test)
else
  name=$direction conf=conf pieces=2500 tests=(test2016 test2017)
fi
exp=$(absolute "${exp:-$PWD/exp/$name}") seeds=${seeds:-1 2 3}
corpus_dir=$(absolute "${corpus_dir:-$SPEECHALIGN_DATA/multi30k}")
text=$exp/data/text bpe=$exp/data/bpe
models=(ctc more_ctc nmla1 nmla2)

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }

if stage 0 "text"; then
  if $mini || $speech; then
    "$python" -m recipes.corpora.reordered_language "$text"
  else
    if [ ! -e "$corpus_dir/train.de.gz" ]; then
      "$python" -m recipes.corpora.multi30k download "$corpus_dir"
    fi
    "$python" -m recipes.corpora.multi30k prepare "$corpus_dir" "$text" --direction "$direction"
  fi
fi
if stage 1 "pieces"; then
  "$python" -m recipes.steps.encode_text "$text" "$bpe" --pieces "$pieces"
  if $speech; then local/01_speak.sh "$text" "$bpe"; fi
fi
# A run that has ended is not trained again, and one that was interrupted continues.
if stage 2 "train with CTC"; then
  for seed in $seeds; do
    "$python" -m recipes.steps.train_translation "$conf/ctc.yaml" "$bpe" "$exp/$seed/ctc" \
      --seed "$seed"
  done
fi
if stage 3 "train on with CTC, or with NMLA"; then
  for seed in $seeds; do
    for model in more_ctc nmla1 nmla2; do
      "$python" -m recipes.steps.train_translation "$conf/$model.yaml" "$bpe" \
        "$exp/$seed/$model" --seed "$seed" --init "$exp/$seed/ctc/model"
    done
  done
fi
if stage 4 "translate"; then
  for seed in $seeds; do
    for test in "${tests[@]}"; do
      for model in "${models[@]}"; do
        out=$exp/$seed/$model
        "$python" -m recipes.steps.translate "$out/model" "$bpe" "$test" "$out/$test.txt"
      done
      for model in more_ctc nmla2; do
        out=$exp/$seed/$model
        "$python" -m recipes.steps.translate "$out/model" "$bpe" "$test" "$out/$test.beam.txt" \
          --beam 16
      done
    done
  done
fi
if stage 5 "score"; then
  for seed in $seeds; do
    for test in "${tests[@]}"; do
      systems=()
      for model in "${models[@]}"; do systems+=("$model=$exp/$seed/$model/$test.txt"); done
      for model in more_ctc nmla2; do
        systems+=("$model, 4-gram=$exp/$seed/$model/$test.beam.txt")
      done
      "$python" local/score.py "$text/$test.tgt" "$exp/$seed/$test.json" "${systems[@]}"
    done
  done
fi
if stage 6 "reordering against F1"; then
  for seed in $seeds; do
    systems=()
    for model in "${models[@]}"; do systems+=("$model=$exp/$seed/$model/${tests[0]}.txt"); done
    "$python" local/reordering.py "$text" "${tests[0]}" "$exp/$seed/reordering.png" \
      "$exp/$seed/reordering.json" "${systems[@]}"
  done
fi
if stage 7 "report"; then
  "$python" local/report.py "$exp" "${tests[*]}" "$seeds" >"$exp/RESULTS.md"
  cat "$exp/RESULTS.md"
fi
