#!/usr/bin/env bash
# Joint speech and text without alignment: a CTC head that learns from a tenth of the speech, and from
# text that nobody speaks.
#
#     bash egs/joint_speech_text/run.sh --encoder FOLDER   0.6 h of English, captions, one core
#     bash egs/joint_speech_text/run.sh --mini true        generated speech, a tiny encoder
# Stages: 0 data; 1 split by speaker and sentence, keep a share of the speech, and captions without the
# sentences of dev and test; 2 cache the encoder's states; 3 train a head on speech (start), and continue
# it on speech alone (speech), and on speech and text: without consistency (none), and with the rows of a
# transcript drawn to those of its speech under a uniform stretch (uniform) or the best alignment
# (best_alignment); 4 decode; 5 report.
# --stage N, --stop-stage N   first and last stage (0 and 5)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech/english)
# --parts "NAME ..."          corpora (cathy cmu_arctic speechocean762 an4)
# --captions FILE             sentences without speech (SPEECHALIGN_DATA/multi30k/train.en.gz)
# --share X                   share of the speech that is trained on (0.1; mini: 0.5)
# --seeds "N ..."             seeds of weights and batches (1 2 3; mini: 1)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
# A run that has ended is not trained again, and one that was interrupted continues.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=5
encoder=openai/whisper-base
speech_dir=
parts="cathy cmu_arctic speechocean762 an4"
captions=
share=
seeds=
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
manifests=() short=() layer=6
split=(--test 0.09 --dev 0.04 --known 0 --share 0.35)
for speaker in slt bdl; do split+=(--test-speaker "cmu_arctic/$speaker"); done
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") seeds=${seeds:-1} learners=en-gb short=(--steps 3) layer=2
  share=${share:-0.5} corpus=$exp/data/generated/manifest.jsonl encoder=$exp/data/encoder
  captions=$exp/data/generated/text.txt split=(--test 0.2 --dev 0.1 --known 0 --most 0.1)
else
  exp=$(absolute "${exp:-$PWD/exp/full}") seeds=${seeds:-1 2 3} learners=speechocean762
  share=${share:-0.1} corpus=$exp/data/all.jsonl
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech/english}")
  captions=$(absolute "${captions:-$SPEECHALIGN_DATA/multi30k/train.en.gz}")
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi
data=$exp/data store=$exp/states systems=(speech none uniform best_alignment)
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }
if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$data/generated" --utterances 32 --unspoken 100
    "$python" ../robust_english/local/00_tiny_encoder.py "$encoder"
  else
    for part in $parts; do manifests+=("$speech_dir/$part/manifest.jsonl"); done
    need "${manifests[@]}" "$captions"
    "$python" ../english_gmm/local/00_join_manifests.py "$corpus" "${manifests[@]}"
  fi
fi
if stage 1 "split by speaker and sentence, keep a share"; then
  step split_speakers "$corpus" "$data" "${split[@]}"
  mv "$data/train.jsonl" "$data/all_train.jsonl"
  grep -v "$learners" "$data/test.jsonl" >"$data/native.jsonl"
  grep "$learners" "$data/test.jsonl" >"$data/learners.jsonl"
  "$python" local/01_tenth.py "$data/all_train.jsonl" "$captions" "$data" --share "$share" \
    --without "$data/dev.jsonl" --without "$data/test.jsonl"
fi
if stage 2 "states"; then
  step encode_states "$corpus" "$store" --encoder "$encoder" --layer "$layer"
fi
if stage 3 "heads"; then
  for seed in $seeds; do
    step train_joint_speech_text "$store" "$data" "$exp/$seed" conf/start.yaml --seed "$seed" "${short[@]}"
    step train_joint_speech_text "$store" "$data" "$exp/$seed" conf/{speech,none,uniform,best_alignment}.yaml \
      --init "$exp/$seed/start/model" --seed "$seed" "${short[@]}"
  done
fi
if stage 4 "decode"; then
  runs=()
  for seed in $seeds; do for name in "${systems[@]}"; do runs+=(--run "$exp/$seed/$name"); done; done
  step decode_states "$store" "$data"/{dev,native,learners}.jsonl "${runs[@]}"
fi
if stage 5 "report"; then "$python" local/05_report.py "$exp" "$seeds" | tee "$exp/RESULTS.md"; fi
