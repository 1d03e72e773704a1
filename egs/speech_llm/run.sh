#!/usr/bin/env bash
# A speech LLM: the effect of a matching loss, and of measures against hallucinations.
#     bash egs/speech_llm/run.sh --encoder DIR --llm DIR|GGUF   read English, frozen Whisper base
#     bash egs/speech_llm/run.sh --mini true                    generated speech and models made here
# Stages: 0 speech, and recordings without speech; 1 models (mini) or states; 2 train: cross-entropy
# (plain), a matching or best-alignment loss beside it (matching; best_alignment, not mini), a matching
# loss in the steps of the adapter alone (matching_start, not mini), recordings without speech
# (nonspeech: plain, or 150 more steps of matching if not mini); 3 transcribe; 4 word times of matching; 5 report.
# --stage N, --stop-stage N   first and last stage (0 and 5)
# --speech-dir DIR            folder of the corpora (SPEECHALIGN_DATA/speech/english)
# --parts "NAME ..."          corpora (cathy cmu_arctic speechocean762 an4)
# --timit DIR                 corpus/ and gold/ of a test of another corpus (SPEECHALIGN_DATA/timit-dev)
# --encoder DIR, --llm DIR    folders, or org/name on the hub; the language model, or a GGUF file
# --mini true                 eSpeak NG's speech, and models of a few layers
# --utterances N              mini: number of spoken sentences (1560)
# --updates N                 number of updates of the weights (as in conf/; mini: 240)
# --exp DIR                   output folder (exp/full or exp/mini)
# --seeds "N ..."             seeds of weights and batches (1 2 3; mini: 1)
# --systems "NAME ..."        what is trained (all of stage 2)
# --guarded "NAME ..."        what transcribes with guarded decoding, too (plain nonspeech)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=5
speech_dir=
timit=
parts="cathy cmu_arctic speechocean762 an4"
encoder=openai/whisper-base
llm=HuggingFaceTB/SmolLM2-135M
mini=false
utterances=1560
updates=
exp=
seeds=
systems=
guarded="plain nonspeech"
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
if $mini; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") conf=conf/mini seeds=${seeds:-1}
  tests=(test other nonspeech) systems=${systems:-plain matching nonspeech} stored=() kept=()
else
  exp=$(absolute "${exp:-$PWD/exp/full}") conf=conf seeds=${seeds:-1 2 3}
  tests=(native learners timit noise5 noise0 babble nonspeech)
  systems=${systems:-plain matching matching_start best_alignment nonspeech}
  stored=(--states "$exp/states") kept=(--text "$exp/data/words.txt")
  timit=$(absolute "${timit:-$SPEECHALIGN_DATA/timit-dev}")
  speech_dir=$(absolute "${speech_dir:-$SPEECHALIGN_DATA/speech/english}")
  if [ -e "$called_from/$encoder" ]; then encoder=$(absolute "$encoder"); fi
  if [ -e "$called_from/$llm" ]; then llm=$(absolute "$llm"); fi
fi
if [[ $llm == *.gguf ]]; then gguf=$llm llm=$exp/lm; else gguf=; fi
data=$exp/data
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
step() { "$python" -m "recipes.$1" "${@:2}"; }
if stage 0 "speech, and recordings without speech"; then
  "$python" local/00_make_nonspeech.py "$data/nonspeech/train" --kinds "silence white hum"
  "$python" local/00_make_nonspeech.py "$data/nonspeech/test" --seed 1
  cp "$data/nonspeech/test/manifest.jsonl" "$data/nonspeech.jsonl"
  if $mini; then
    step corpora.generated_speech "$data/generated" --utterances "$utterances" --unspoken 5000
    "$python" local/00_split.py "$data/generated/manifest.jsonl" \
      "$data/nonspeech/train/manifest.jsonl" "$data"
  else
    local/00_split_corpora.sh "$data" "$speech_dir" "$parts" "$timit/corpus"
    "$python" local/00_words.py "$data/words.txt"
  fi
fi
if stage 1 "models, or states"; then
  if $mini; then
    for seed in $seeds; do
      "$python" local/01_make_models.py "$data/generated/text.txt" "$data/train.jsonl" \
        "$exp/$seed" --seed "$seed" ${updates:+--lm-steps "$updates" --encoder-steps "$updates"}
    done
  else
    if [ -n "$gguf" ]; then "$python" local/01_unpack_gguf.py "$gguf" "$llm"; fi
    step steps.encode_states "$data/all.jsonl" "$exp/states" --encoder "$encoder" --layer 6
  fi
fi
# A run that has ended is not trained again, and one that was interrupted continues.
if stage 2 "train"; then
  for seed in $seeds; do
    if $mini; then encoder=$exp/$seed/encoder llm=$exp/$seed/lm; fi
    for system in $systems; do
      begin=("${kept[@]}")
      if ! $mini && [ "$system" = nonspeech ]; then begin=(--init "$exp/$seed/matching/model"); fi
      step steps.train_speech_llm "$conf/$system.yaml" "$data/train.jsonl" "$data/dev.jsonl" \
        "$exp/$seed/$system" --encoder "$encoder" --lm "$llm" --seed "$seed" \
        ${updates:+--steps "$updates"} "${stored[@]}" "${begin[@]}"
    done
  done
fi
if stage 3 "transcribe what is not transcribed yet"; then
  # The check of words needs a CTC layer, which Whisper has not.
  guards=(--beams 4 --length-penalty 0.8 --no-repeat 3)
  if $mini; then guards+=(--support -10); else stored+=(--encoder "$encoder"); fi
  manifests=("${tests[@]/#/$data/}")
  transcribe() { # SYSTEM OPTION ...
    local out=$exp/$seed/$1
    step steps.transcribe "$out/model" "${manifests[@]/%/.jsonl}" "$out" "${stored[@]}" "${@:2}"
  }
  for seed in $seeds; do
    for system in $systems; do transcribe "$system"; done
    for system in $guarded; do transcribe "$system" --suffix .guarded "${guards[@]}"; done
  done
fi
if [[ " $systems " == *" matching "* ]] && stage 4 "word times"; then
  for seed in $seeds; do
    if $mini; then
      local/04_word_times.sh "$exp/$seed" "$data/test.jsonl" "$data/gold"
    else
      local/04_word_times.sh "$exp/$seed" "$timit/corpus" "$timit/gold"
    fi
  done
fi
if stage 5 "report"; then
  "$python" local/05_report.py "$exp" "$seeds" "${tests[*]}" | tee "$exp/RESULTS.md"
fi
