#!/usr/bin/env bash
# A German HMM-GMM from 1.76 h of one speaker, tested on other voices.
#
#     bash egs/german_gmm/run.sh              train on kerstin, test on synthetic speech
#     bash egs/german_gmm/run.sh --mini true  a few generated sentences for both, about a minute
#
# Stages: 0 speak the test sentences (eSpeak NG: their times are exact), 1 train on the corpus,
# 2 train on the test speech itself and align it, 3 align the test speech with the model of stage 1,
# as it is and adapted to the test speech, 4 score all, 5 copy the model of stage 1 into the package
# (only if asked for).
#
# --stage N, --stop-stage N   first and last stage (0 and 4)
# --corpus DIR                corpus to train on (SPEECHALIGN_DATA/speech/german/kerstin)
# --texts FILE                sentences of the test speech
#                             (SPEECHALIGN_DATA/multi30k/test_2016_flickr.de.gz)
# --sentences N               number of sentences of the test speech (200)
# --phones NAME               source of pronunciations: german, espeak or graphemes (german)
# --exp DIR                   output folder (exp/PHONES or exp/mini)
# --mini true                 forty generated sentences for training and test
# --jobs N                    number of threads (2)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=4
corpus=
texts=
sentences=200
phones=german
exp=
mini=false
jobs=2
. ../utils/parse_options.sh
. ./path.sh

absolute() { (cd "$called_from" && realpath -m "$1"); }
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") test=$exp/test
  texts=- sentences=40 corpus=$test/corpus
else
  exp=$(absolute "${exp:-$PWD/exp/$phones}") test=$exp/test
  texts=$(absolute "${texts:-$SPEECHALIGN_DATA/multi30k/test_2016_flickr.de.gz}")
  corpus=$(absolute "${corpus:-$SPEECHALIGN_DATA/speech/german/kerstin/manifest.jsonl}")
fi

stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }
options=(--language de --phones "$phones" --jobs "$jobs")

if stage 0 "speak"; then
  if ! "$mini"; then need "$texts" "$corpus"; fi
  "$python" local/00_speak_sentences.py "$texts" "$test" --sentences "$sentences"
fi

if stage 1 "train on the corpus"; then
  "$python" -m speechalign train "$corpus" "$exp/model" "${options[@]}" \
    --name german-gmm --licence CC0-1.0 |
    tee "$exp/training.txt"
fi

if stage 2 "train on the test speech"; then
  "$python" -m speechalign train-align "$test/corpus" "$exp/self" "${options[@]}" --overwrite
fi

if stage 3 "align"; then
  "$python" -m speechalign adapt "$test/corpus" "$exp/model" "$exp/adapted.model" --jobs "$jobs"
  "$python" -m speechalign align "$test/corpus" "$exp/model" "$exp/corpus" --jobs "$jobs" --overwrite
  "$python" -m speechalign align "$test/corpus" "$exp/adapted.model" "$exp/adapted" --jobs "$jobs" --overwrite
fi

if stage 4 "score"; then
  for trained_on in corpus adapted self; do
    printf '## %s\n\n```\n' "$trained_on"
    "$python" -m speechalign compare "$test/gold" "$exp/$trained_on"
    printf '```\n\n'
  done | tee "$exp/RESULTS.md"
fi

if stage 5 "ship"; then
  shipped=$repository/speechalign/models/data/german_gmm
  rm -rf "$shipped"
  mkdir -p "$(dirname "$shipped")"
  cp -r "$exp/model" "$shipped"
  rm "$shipped/training_report.json" # its text is training_report.txt
  cp conf/MODEL_CARD.md "$shipped/MODEL_CARD.md"
fi
