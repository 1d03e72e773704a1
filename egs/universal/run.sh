#!/usr/bin/env bash
# A model of any language: articulatory attributes on a pretrained encoder.
#
#     bash egs/universal/run.sh --encoder FOLDER   train on English, German, Dutch and Russian
#     bash egs/universal/run.sh --mini true        generated speech, a tiny encoder
# Stages: 0 data; 1 label the frames by HMM-GMMs; 2 features and encoder states, clean and corrupted;
# 3 head of each round but the last, and labels by it; 4 head; 5 small network without an encoder;
# 6 head without one language, on the first labels; 7 measure on gold speech of other languages;
# 8 report; 9 copy the models into the package (only if asked for).
# --stage N, --stop-stage N   first and last stage (0 and 8)
# --encoder DIR               openai/whisper-base: its folder, or its name on the hub
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech)
# --parts "NAME ..."          English corpora (cathy cmu_arctic speechocean762 an4)
# --without CODE              language that stage 6 leaves out (de)
# --gold-dir DIR              IPA gold: DIR/corpus, times in DIR/gold (SPEECHALIGN_DATA/voxangeles-dev)
# --left-out-gold DIR         gold of the language that is left out (SPEECHALIGN_DATA/emodb-dev)
# --hours X                   hours that are drawn from each corpus at most (2)
# --rounds N                  heads that are trained; each labels the speech for the next (1)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 generated speech and an encoder with random weights
# A stage that was cut short is resumed when it is run again; finished outputs are kept.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=8
encoder=openai/whisper-base
speech_dir=
parts="cathy cmu_arctic speechocean762 an4"
without=de
gold_dir=
left_out_gold=
hours=2
rounds=1
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
conf=$PWD/conf languages="en de nl nl-be ru" manifests=()
declare -A source corpus base=([en]=english-sphinx [de]=german-gmm)
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") languages="en" conf=$PWD/conf/mini without=
  corpus=([en]=$exp/data/generated/manifest.jsonl) encoder=$exp/data/encoder
  gold=${corpus[en]} rounds=2 gold_times=$exp/data/generated/gold gold_options=(--language en)
else
  exp=$(absolute "${exp:-$PWD/exp/full}")
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech}")
  gold_dir=$(absolute "${gold_dir:-$SPEECHALIGN_DATA/voxangeles-dev}")
  left_out_gold=$(absolute "${left_out_gold:-$SPEECHALIGN_DATA/emodb-dev}")
  of() { echo "$speech_dir/$1/manifest.jsonl"; }
  source=([en]=$exp/data/english.jsonl [de]=$(of german/kerstin) [nl]=$(of dutch/nathalie)
    [nl-be]=$(of dutch/flemishguy) [ru]=$(of russian/nsh))
  for l in $languages; do corpus[$l]=$exp/data/$l.jsonl base[$l]=${base[$l]:-$exp/gmm/$l}; done
  gold=$gold_dir/corpus gold_times=$gold_dir/gold gold_options=()
  if [ -d "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
fi
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.steps.$1" "${@:2}"; }
measure() { # MODEL CORPUS GOLD OPTION ...
  "$python" ../../tools/bench/universal.py --model "$exp/models/$1" --corpus "$2" --gold "$3" \
    --json "$exp/measured/$1.json" "${@:4}" | tee "$exp/measured/$1.txt"
}
label() { # LANGUAGE ROUND OPTION ...: the phones of the frames, and their attributes
  local store=$exp/frames/$1 ipa=(--phones "$PWD/conf/phones.csv" --language "${1%%-*}")
  step label_frames "${corpus[$1]}" "${base[$1]}" "$store" "labels$2" "${ipa[@]}" "${@:3}"
  step articulate_frames "$store" "labels$2" "attributes$2" "${ipa[@]}"
}
build() { # NAME SETTINGS LANGUAGES ROUND OPTION ...: train a network on labels, pack and calibrate it
  local net=$exp/$1 card=universal temperature=1.5 stores=() labels=() speech=() heard=()
  if [ "$2" = small ]; then card=universal-small temperature=1; else heard=(--encoder "$encoder"); fi
  for l in $3; do
    stores+=(--store "$l=$exp/frames/$l" --target "$l=attributes$4")
    labels+=(--labels "$l=labels$4") speech+=("${l%%-*}=${corpus[$l]}")
  done
  step fit_phone_net "$conf/$2.yaml" "$net" "${stores[@]}" "${@:5}"
  step pack_articulatory "$net" "$exp/models/$1" "${stores[@]}" "${labels[@]}" \
    --card "$PWD/conf/$card.md" --temperature "$temperature" "${heard[@]}"
  step calibrate_confidence "$exp/models/$1" "${speech[@]}" --count 60 "${heard[@]}"
}
if stage 0 "data"; then
  if "$mini"; then
    "$python" -m recipes.corpora.generated_speech "$exp/data/generated" --utterances 40
    "$python" ../robust_english/local/00_tiny_encoder.py "$encoder"
  else
    for part in $parts; do manifests+=("$(of "english/$part")"); done
    need "${manifests[@]}" "${source[de]}" "${source[nl]}" "${source[nl-be]}" "${source[ru]}"
    "$python" ../english_gmm/local/00_join_manifests.py "${source[en]}" "${manifests[@]}"
    for l in $languages; do "$python" local/00_draw.py "${source[$l]}" "${corpus[$l]}" "$hours"; done
  fi
fi
for l in $languages; do
  if stage 1 "labels, $l"; then
    [[ ${base[$l]} != "$exp"/* || -d ${base[$l]} ]] ||
      "$python" -m speechalign train "${corpus[$l]}" "${base[$l]}" --language "${l%%-*}" \
        --phones espeak --licence "for labels only" --quiet
    label "$l" 1
  fi
  stage 2 "features, $l" || continue
  step corrupt_features "${corpus[$l]}" "$exp/frames/$l" --copies 1 --encoder "$encoder"
done
for ((n = 1; n < rounds; n++)); do
  stage 3 "round $n" || continue
  build "round$n" head "$languages" "$n" --posteriors "posteriors$n"
  for l in $languages; do
    label "$l" $((n + 1)) --posteriors "posteriors$n" --head "$exp/models/round$n"
  done
done
if stage 4 "head"; then build universal head "$languages" "$rounds"; fi
if stage 5 "small network"; then build universal_small small "$languages" "$rounds"; fi
rest=${languages//$without/}
if [ -n "$without" ] && stage 6 "without $without"; then build "without_$without" head "$rest" 1; fi
if stage 7 "measure" && mkdir -p "$exp/measured"; then
  measure universal "$gold" "$gold_times" "${gold_options[@]}" --encoder "$encoder"
  measure universal_small "$gold" "$gold_times" "${gold_options[@]}"
  [ -z "$without" ] || measure "without_$without" "$left_out_gold/corpus" "$left_out_gold/gold" \
    --language "$without" --encoder "$encoder"
fi
if stage 8 "report"; then "$python" local/08_report.py "$exp" | tee "$exp/RESULTS.md"; fi
if stage 9 "ship"; then cp -r "$exp"/models/universal{,_small} ../../speechalign/models/data; fi
