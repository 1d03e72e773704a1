#!/usr/bin/env bash
# Models of English and German that hear through noise: a head on a pretrained encoder, and a small
# network that learns from it.
#
#     bash egs/robust_english/run.sh --encoder FOLDER   train on 9.1 h of English and 1.8 h of German
#     bash egs/robust_english/run.sh --mini true        generated speech, a tiny encoder
# Stages: 0 data; 1 label the frames by aligning with HMM-GMMs; 2 features and encoder states of
# clean and corrupted copies; 3 head on the encoder (teacher); 4 label the English frames again with
# it; 5 head on these labels; 6 small network (student), from the posteriors of the head; 7 pack the
# models and calibrate their confidence; 8 measure on clean and noisy gold speech; 9 report;
# 10 copy the models into the package (only if asked for).
# --stage N, --stop-stage N   first and last stage (0 and 9)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech)
# --parts "NAME ..."          English corpora (cathy cmu_arctic speechocean762 an4)
# --gold-dir DIR              English gold: DIR/corpus, times in DIR/gold (SPEECHALIGN_DATA/timit-dev)
# --german-gold-dir DIR       German gold, the same (SPEECHALIGN_DATA/emodb-dev)
# --copies N, --teacher-epochs X, --student-epochs X   corrupted copies (8), and passes (those of conf/)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
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
conf=$PWD/conf languages="en de" manifests=()
declare -A corpus base=([en]=english-sphinx [de]=german-gmm) name=([en]=english [de]=german)
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") copies=1 languages=en conf=$PWD/conf/mini
  corpus=([en]=$exp/data/generated/manifest.jsonl)
  gold=${corpus[en]} gold_times=$exp/data/generated/gold encoder=$exp/data/encoder
else
  exp=$(absolute "${exp:-$PWD/exp/full}")
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech}")
  corpus=([en]=$exp/data/english.jsonl [de]=$speech_dir/german/kerstin/manifest.jsonl)
  gold_dir=$(absolute "${gold_dir:-$SPEECHALIGN_DATA/timit-dev}")
  german_gold_dir=$(absolute "${german_gold_dir:-$SPEECHALIGN_DATA/emodb-dev}")
  gold=$gold_dir/corpus gold_times=$gold_dir/gold
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }
fit() { # SETTINGS OUT TARGET_OF_ENGLISH EPOCHS OPTION ...: only English is labelled again
  local options=(--store "en=$exp/frames/en" --target "en=$3")
  if ! "$mini"; then options+=(--store "de=$exp/frames/de" --target "de=${3/labels2/labels}"); fi
  [ -z "$4" ] || options+=(--epochs "$4")
  step fit_phone_net "$conf/$1.yaml" "$2" "${options[@]}" "${@:5}"
}
if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$exp/data/generated" --utterances 60
    "$python" local/00_tiny_encoder.py "$encoder"
  else
    for part in $parts; do manifests+=("$speech_dir/english/$part/manifest.jsonl"); done
    need "${manifests[@]}" "${corpus[de]}"
    "$python" ../english_gmm/local/00_join_manifests.py "${corpus[en]}" "${manifests[@]}"
  fi
fi
for l in $languages; do
  if stage 1 "labels, $l"; then
    step label_frames "${corpus[$l]}" "${base[$l]}" "$exp/frames/$l" labels
  fi
  if stage 2 "features, $l"; then
    step corrupt_features "${corpus[$l]}" "$exp/frames/$l" --copies "$copies" --encoder "$encoder"
  fi
done
if stage 3 "teacher"; then
  fit teacher "$exp/teacher1" labels "$teacher_epochs" --posteriors posteriors1
fi
if stage 4 "labels again"; then
  step label_frames "${corpus[en]}" "${base[en]}" "$exp/frames/en" labels2 --posteriors posteriors1
fi
if stage 5 "teacher again"; then
  fit teacher "$exp/teacher2" labels2 "$teacher_epochs" --posteriors posteriors2
fi
if stage 6 "student"; then fit student "$exp/student" posteriors2 "$student_epochs"; fi
for l in $languages; do
  if stage 7 "pack and calibrate, $l"; then
    for model in "${name[$l]}" "${name[$l]}-whisper"; do
      net=$exp/student options=()
      case $model in *-whisper) net=$exp/teacher2 options=(--encoder "$encoder") ;; esac
      step pack_phone_net "$net" "$l" "$exp/frames/$l" posteriors2 "${base[$l]}" \
        "$exp/models/$model" --card "$PWD/conf/$model.md" "${options[@]}"
      step calibrate_confidence "$exp/models/$model" "${corpus[$l]}" "${options[@]}"
    done
  fi
done
if stage 8 "measure"; then
  bench() { # CORPUS GOLD OUT MODEL ...
    local models=() model
    for model in "${@:4}"; do models+=(--model "$model"); done
    "$python" ../../tools/bench/robustness.py --corpus "$1" --gold "$2" --json "$3.json" \
      --plot "$3.png" --encoder "$encoder" "${models[@]}"
  }
  own=$exp/models german_gold=$german_gold_dir
  bench "$gold" "$gold_times" "$exp/english" english-sphinx "$own/english" "$own/english-whisper"
  "$mini" || bench "$german_gold/corpus" "$german_gold/gold" "$exp/german" german-gmm \
    "$own/german" "$own/german-whisper"
fi
if stage 9 "report"; then "$python" local/09_report.py "$exp" | tee "$exp/RESULTS.md"; fi
if stage 10 "ship"; then
  for model in "$exp"/models/*; do
    shipped=$repository/speechalign/models/data/$(basename "${model//-/_}")
    rm -rf "$shipped" && cp -r "$model" "$shipped"
  done
fi
