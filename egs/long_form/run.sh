#!/usr/bin/env bash
# Long recordings with a primary speaker and others: what CTC heads on a frozen encoder leave out.
#
#     bash egs/long_form/run.sh --encoder FOLDER   6 h of English and 3.6 h of mixtures, about an hour
#     bash egs/long_form/run.sh --mini true        generated speech, a tiny encoder
# Stages: 0 data; 1 split by speaker and sentence; 2 mixtures: of at most 16 s to train on, recordings
# of 10 minutes to test; 3 cache the encoder's states; 4 train a head on single speakers; 5 train it
# further on mixtures: on the words of the primary speaker alone, and on those of all, with marks
# where the role changes (both) or before each word (each);
# 6 decode the long recordings greedily and measure; 7 align the primary speaker's words with
# --allow insertions, and see whether the others are reported; 8 report.
# --stage N, --stop-stage N   first and last stage (0 and 8)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech/english)
# --parts "NAME ..."          corpora (cathy cmu_arctic speechocean762 an4)
# --seeds "N ..."             seeds of batches and dropout in stage 5 (1 2 3; mini: 1)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
# A run that has ended is not trained again, and one that was interrupted continues.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=8
encoder=openai/whisper-base
speech_dir=
parts="cathy cmu_arctic speechocean762 an4"
seeds=
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
manifests=() short=() layer=6 train=(--count 500) dev=(--count 40)
split=(--test 0.09 --dev 0.04 --known 0 --share 0.35)
test=(--count 10 --seconds 600 --pause 2 --drift 10)
for speaker in slt bdl; do
  split+=(--test-speaker "cmu_arctic/$speaker") test+=(--primary "cmu_arctic/$speaker")
done
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") seeds=${seeds:-1} layer=2 short=(--steps 4)
  corpus=$exp/data/generated/manifest.jsonl encoder=$exp/data/encoder
  split=(--test 0.2 --dev 0.2 --known 0 --most 0.1) train=(--count 8) dev=(--count 2)
  test=(--count 2 --seconds 40 --pause 1 --drift 10)
else
  exp=$(absolute "${exp:-$PWD/exp/full}") seeds=${seeds:-1 2 3} corpus=$exp/data/all.jsonl
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech/english}")
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi
data=$exp/data mixed=$exp/mixed states=$exp/states
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }
if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$data/generated" --utterances 48
    "$python" ../robust_english/local/00_tiny_encoder.py "$encoder"
  else
    for part in $parts; do manifests+=("$speech_dir/$part/manifest.jsonl"); done
    need "${manifests[@]}"
    "$python" ../english_gmm/local/00_join_manifests.py "$corpus" "${manifests[@]}"
  fi
fi
if stage 1 "split by speaker and sentence"; then
  step split_speakers "$corpus" "$data" "${split[@]}"
fi
if stage 2 "mixtures"; then
  mix() { "$python" -m recipes.corpora.speaker_mixtures "$data/$1.jsonl" "$mixed/$1" "${@:2}"; }
  mix train --seconds 16 "${train[@]}"
  mix dev --seconds 16 "${dev[@]}"
  mix test "${test[@]}"
  # A folder of manifests for each target: words of the primary speaker alone, and of all with marks.
  for target in primary both each; do
    mkdir -p "$data/$target"
    for part in train dev test; do
      sed "s#\"audio_filepath\": \"#&$mixed/$part/#" "$mixed/$part/$target.jsonl" \
        >"$data/$target/$part.jsonl"
    done
  done
fi
if stage 3 "states"; then
  step encode_states "$corpus" "$states/alone" --encoder "$encoder" --layer "$layer" --copies 1
  cat "$data"/both/{train,dev,test}.jsonl >"$data/both/all.jsonl"
  step encode_states "$data/both/all.jsonl" "$states/mixed" --encoder "$encoder" --layer "$layer"
fi
if stage 4 "head of single speakers"; then
  step train_state_ctc "$states/alone" "$data" "$exp" conf/alone.yaml --seed 1 "${short[@]}"
fi
if stage 5 "heads of mixtures"; then
  for seed in $seeds; do
    for target in primary both each; do
      step train_state_ctc "$states/mixed" "$data/$target" "$exp/$seed/$target" conf/mixed.yaml \
        --seed "$seed" --init "$exp/alone/model" "${short[@]}"
    done
  done
fi
if stage 6 "decode"; then
  runs=(--run "$exp/alone")
  for seed in $seeds; do
    for name in {primary,both,each}/mixed; do runs+=(--run "$exp/$seed/$name"); done
  done
  step decode_long "$states/mixed" "$mixed/test" "${runs[@]}"
fi
if stage 7 "align"; then
  "$python" -m speechalign align "$mixed/test/primary.jsonl" "$exp/aligned" --allow insertions \
    --allow-partial --overwrite
fi
if stage 8 "report"; then "$python" local/08_report.py "$exp" "$seeds" | tee "$exp/RESULTS.md"; fi
