#!/usr/bin/env bash
# Align With Purpose on a real encoder: fewer word errors, and lower latency, of a CTC head of letters
# on the frozen states of Whisper base.
#
#     bash egs/align_with_purpose/run.sh --encoder FOLDER   9.1 h of English, one core, under two hours
#     bash egs/align_with_purpose/run.sh --mini true        generated speech, a tiny encoder
# Stages: 0 data; 1 split by speaker and sentence; 2 cache the encoder's states; 3 train a head with
# CTC; 4 print the oracle gap on the training data; 5 fine-tune it with each seed: plain CTC, Align With
# Purpose for word errors and for latency, expected risk (MWER); 6 choose the weight of the n-gram
# model; 7 decode the test sets, greedily and with it; 8 the gain by starting point and weight, on dev;
# 9 report.
# --stage N, --stop-stage N   first and last stage (0 and 9)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech/english)
# --parts "NAME ..."          corpora (cathy cmu_arctic speechocean762 an4)
# --captions FILE             sentences for the n-gram model (SPEECHALIGN_DATA/multi30k/train.en.gz)
# --seeds "N ..."             seeds of batches, dropout and samples in fine-tuning (1 2 3 4 5; mini: 1)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
# A run that has ended is not trained again, and one that was interrupted continues.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=9
encoder=openai/whisper-base
speech_dir=
parts="cathy cmu_arctic speechocean762 an4"
captions=
seeds=
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
manifests=() short=() layer=6 weights="0.2 0.4 0.6" lm_weight=0.6  # the best on dev
split=(--test 0.09 --dev 0.04 --known 0 --share 0.35)
for speaker in slt bdl; do split+=(--test-speaker "cmu_arctic/$speaker"); done
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") seeds=${seeds:-1} layer=2 learners=en-gb short=(--steps 4) weights=0.4 lm_weight=0.4
  corpus=$exp/data/generated/manifest.jsonl encoder=$exp/data/encoder
  captions=$exp/data/generated/text.txt
  split=(--test 0.2 --dev 0.1 --known 0 --most 0.1)
else
  exp=$(absolute "${exp:-$PWD/exp/full}") seeds=${seeds:-1 2 3 4 5} learners=speechocean762
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech/english}") corpus=$exp/data/all.jsonl
  captions=$(absolute "${captions:-$SPEECHALIGN_DATA/multi30k/train.en.gz}")
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi
data=$exp/data store=$exp/states
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }
if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$data/generated" --utterances 48 --unspoken 200
    "$python" ../robust_english/local/00_tiny_encoder.py "$encoder"
  else
    for part in $parts; do manifests+=("$speech_dir/$part/manifest.jsonl"); done
    need "${manifests[@]}" "$captions"
    "$python" ../english_gmm/local/00_join_manifests.py "$corpus" "${manifests[@]}"
  fi
fi
if stage 1 "split by speaker and sentence"; then
  step split_speakers "$corpus" "$data" "${split[@]}"
  head -400 "$data/train.jsonl" >"$data/train_part.jsonl"
  grep -v "$learners" "$data/test.jsonl" >"$data/native.jsonl"
  grep "$learners" "$data/test.jsonl" >"$data/learners.jsonl"
  case $captions in *.gz) gunzip -c "$captions" ;; *) cat "$captions" ;; esac >"$data/captions.txt"
fi
if stage 2 "states"; then
  step encode_states "$corpus" "$store" --encoder "$encoder" --layer "$layer" --copies 1
fi
decode() { # "RUN ..." "SPLIT ..." OPTION ...
  local runs=() files=() name
  for name in $1; do runs+=(--run "$exp/$name"); done
  for name in $2; do files+=("$data/$name.jsonl"); done
  step decode_states "$store" "${files[@]}" "${runs[@]}" "${@:3}"
}
each() { # NAME ...: their runs, for each seed
  local seed name
  for seed in $seeds; do for name in "$@"; do echo "$seed/$name"; done; done
}
if stage 3 "head"; then
  step train_state_ctc "$store" "$data" "$exp" conf/base.yaml --seed 1 "${short[@]}"
fi
if stage 4 "oracle gap"; then decode base "train_part dev" --samples 16; fi
if stage 5 "fine-tune"; then
  for seed in $seeds; do
    step train_state_ctc "$store" "$data" "$exp/$seed" --init "$exp/base/model" \
      conf/{continued,min_wer,mwer,low_latency}.yaml --seed "$seed" "${short[@]}"
  done
fi
text=(--text "$data/train.jsonl" --text "$data/captions.txt")
if stage 6 "n-gram weight"; then
  for weight in $weights; do
    decode "${seeds%% *}/continued" dev "${text[@]}" --lm-weight "$weight"
    echo "with weight $weight" >&2
  done
fi
if stage 7 "decode"; then
  mapfile -t tuned < <(each continued min_wer mwer)
  mapfile -t late < <(each low_latency)
  decode "base ${tuned[*]} ${late[*]}" "dev native learners"
  decode "${tuned[*]}" "native learners" "${text[@]}" --lm-weight "$lm_weight"
fi
if ! "$mini" && stage 8 "curve"; then local/08_curve.sh "$exp" "$seeds"; fi
if stage 9 "report"; then "$python" local/09_report.py "$exp" "$seeds" | tee "$exp/RESULTS.md"; fi
