#!/usr/bin/env bash
# Models of English and German that hear through noise: a head on a pretrained encoder, and a small
# network that learns from it.
#
#     bash egs/robust_english/run.sh --encoder FOLDER   train on 9.1 h of English and 1.8 h of German
#     bash egs/robust_english/run.sh --mini true        generated speech, a tiny encoder
#
# Stages: 0 data; 1 label the frames by aligning with HMM-GMMs; 2 features and encoder states of
# clean and corrupted copies; 3 head on the encoder (teacher); 4 label the English frames again with
# it; 5 head on these labels; 6 small network (student), from the posteriors of the head; 7 pack the
# models and calibrate their confidence; 8 measure on clean and noisy gold speech; 9 report;
# 10 copy the models into the package (only if asked for).
#
# --stage N, --stop-stage N   first and last stage (0 and 9)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech)
# --parts "NAME ..."          English corpora (cathy cmu_arctic speechocean762 an4)
# --gold-dir DIR              English gold: DIR/corpus, times in DIR/gold (SPEECHALIGN_DATA/timit-dev)
# --german-gold-dir DIR       German gold, the same (SPEECHALIGN_DATA/emodb-dev)
# --copies N                  corrupted copies that the student hears (8; 1 for mini)
# --teacher-epochs X          (settings in conf/teacher.yaml)
# --student-epochs X          (settings in conf/student.yaml)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
#
# A stage that was cut short goes on when it is run again; what a stage has made is kept.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=9
encoder=openai/whisper-base
speech_dir=
parts="cathy cmu_arctic speechocean762 an4"
gold_dir=
german_gold_dir=
copies=8
teacher_epochs=
student_epochs=
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh

absolute() { (cd "$called_from" && realpath -m "$1"); }
conf=$PWD/conf
languages="en de"
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") copies=1 languages=en
  teacher_epochs=${teacher_epochs:-12} student_epochs=${student_epochs:-40}
  english=$exp/data/generated/manifest.jsonl german=
  english_gold=$english english_times=$exp/data/generated/gold
  encoder=$exp/data/encoder
  conf=$PWD/conf/mini
else
  exp=$(absolute "${exp:-$PWD/exp/full}")
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech}")
  english=$exp/data/english.jsonl german=$speech_dir/german/kerstin/manifest.jsonl
  gold_dir=$(absolute "${gold_dir:-$SPEECHALIGN_DATA/timit-dev}")
  german_gold_dir=$(absolute "${german_gold_dir:-$SPEECHALIGN_DATA/emodb-dev}")
  english_gold=$gold_dir/corpus english_times=$gold_dir/gold
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }

# Of a language: its corpus, the model whose phones and words are taken, its name in the package.
corpus() { case $1 in en) echo "$english" ;; de) echo "$german" ;; esac }
base() { case $1 in en) echo english-sphinx ;; de) echo german-gmm ;; esac }
name() { case $1 in en) echo english ;; de) echo german ;; esac }
licence() {
  case $1 in
    en) echo "Apache-2.0; speech: CC0, CMU, OpenSLR 101; dictionary: CMU" ;;
    de) echo "Apache-2.0; speech: CC0, CMU, OpenSLR 101" ;;
  esac
}

# each OPTION VALUE ...: OPTION LANGUAGE=VALUE for each language; {} in VALUE is the language
each() {
  local language
  for language in $languages; do printf '%s\n' "$1" "$language=${2//\{\}/$language}"; done
}

fit() { # SETTINGS OUT TARGET_EN POSTERIORS EPOCHS
  local options=() language
  for language in $languages; do
    options+=(--store "$language=$exp/frames/$language")
    case $language in
      en) options+=(--target "en=$3") ;;
      *) options+=(--target "$language=${3/labels2/labels}") ;;
    esac
  done
  [ -z "$4" ] || options+=(--posteriors "$4")
  [ -z "$5" ] || options+=(--epochs "$5")
  step fit_phone_net "$conf/$1.yaml" "$2" "${options[@]}"
}

if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$exp/data/generated" --utterances 60
    "$python" local/00_tiny_encoder.py "$encoder"
  else
    manifests=()
    for part in $parts; do manifests+=("$speech_dir/english/$part/manifest.jsonl"); done
    need "${manifests[@]}" "$german"
    "$python" ../english_gmm/local/00_join_manifests.py "$english" "${manifests[@]}"
  fi
fi

if stage 1 "labels"; then
  for language in $languages; do
    step label_frames "$(corpus "$language")" "$(base "$language")" "$exp/frames/$language" labels
  done
fi

if stage 2 "features"; then
  for language in $languages; do
    step corrupt_features "$(corpus "$language")" "$exp/frames/$language" --copies "$copies" \
      --encoder "$encoder"
  done
fi

if stage 3 "teacher"; then
  fit teacher "$exp/teacher1" labels posteriors1 "$teacher_epochs"
fi

if stage 4 "labels again"; then
  step label_frames "$english" "$(base en)" "$exp/frames/en" labels2 --posteriors posteriors1
fi

if stage 5 "teacher again"; then
  fit teacher "$exp/teacher2" labels2 posteriors2 "$teacher_epochs"
fi

if stage 6 "student"; then
  fit student "$exp/student" posteriors2 "" "$student_epochs"
fi

if stage 7 "pack and calibrate"; then
  for language in $languages; do
    packed=$exp/models/$(name "$language")
    step pack_phone_net "$exp/student" "$language" "$exp/frames/$language" posteriors2 \
      "$(base "$language")" "$packed" --name "$(name "$language")" \
      --licence "$(licence "$language")" --card "conf/$(name "$language").md"
    step calibrate_confidence "$packed" "$(corpus "$language")"
    step pack_phone_net "$exp/teacher2" "$language" "$exp/frames/$language" posteriors2 \
      "$(base "$language")" "$packed-whisper" --name "$(name "$language")-whisper" \
      --licence "$(licence "$language")" --card "conf/$(name "$language")-whisper.md" \
      --encoder "$encoder" --encoder-name openai/whisper-base
    step calibrate_confidence "$packed-whisper" "$(corpus "$language")" --encoder "$encoder"
  done
fi

if stage 8 "measure"; then
  bench() { # CORPUS GOLD NAME MODEL ...
    local models=() model
    for model in "${@:4}"; do models+=(--model "$model"); done
    "$python" ../../tools/bench/robustness.py --corpus "$1" --gold "$2" --json "$exp/$3.json" \
      --plot "$exp/$3.png" --encoder "$encoder" "${models[@]}" | tee "$exp/$3.txt"
  }
  bench "$english_gold" "$english_times" english english-sphinx "$exp/models/english" \
    "$exp/models/english-whisper"
  if ! "$mini"; then
    bench "$german_gold_dir/corpus" "$german_gold_dir/gold" german german-gmm \
      "$exp/models/german" "$exp/models/german-whisper"
  fi
fi

if stage 9 "report"; then
  "$python" local/09_report.py "$exp" >"$exp/RESULTS.md"
  cat "$exp/RESULTS.md"
fi

if stage 10 "ship"; then
  for language in $languages; do
    for model in "$(name "$language")" "$(name "$language")-whisper"; do
      shipped=$repository/speechalign/models/data/${model//-/_}
      rm -rf "$shipped"
      cp -r "$exp/models/$model" "$shipped"
    done
  done
fi
