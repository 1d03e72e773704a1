#!/usr/bin/env bash
# Every family of aligners, and aligners of others, on the same gold speech, clean and in noise.
#
#     bash egs/aligner_comparison/run.sh --encoder FOLDER --whisper FOLDER    timit-dev, emodb-dev
#     bash egs/aligner_comparison/run.sh --mini true                          the shipped examples
#
# Stages: 0 gold corpora, and subsets of one for training; 1 noise; 2 environments of the rivals;
# 3 align; 4 time what aligners take to start; 5 score, test differences; 6 plots; 7 report.
#
# --stage N, --stop-stage N   first and last stage (0 and 7)
# --gold "NAME=CORPUS:GOLD ..."  corpora and trees of times by hand (timit-dev, emodb-dev of
#                             SPEECHALIGN_DATA, and the shipped examples)
# --languages "NAME=CODE ..." languages of gold corpora that are not English (emodb-dev=de)
# --conditions "NAME,..."     noise, names of tools/bench/robustness.py
#                             (white 10 dB,white 0 dB,babble 5 dB)
# --sized NAME, --sizes "N ..."  gold corpus for training on subsets, and their recordings
#                             (timit-dev; 1 4 20)
# --more "CORPUS ..."         corpora that aligners which train get beside the one of --sized
# --only "NAME,..."           aligners (all in local/aligners.py)
# --rivals "NAME ..."         rivals to install (all in tools/rivals)
# --external "NAME=DIR ..."   trees of alignments made elsewhere: TextGrids, CTM, JSON
# --encoder DIR               openai/whisper-base, for english-whisper and german-whisper
# --whisper DIR               a Whisper model of Hugging Face, for the one that reads attention
# --rounds N                  how often each aligner is started in stage 4 (3)
# --jobs N                    aligners that run at the same time in stage 3 (2)
# --exp DIR                   output folder (exp/full or exp/mini)
# --mini true                 the shipped examples alone, clean and in one noise
# What has been aligned is kept; to align again, remove its folder in aligned/ of the output folder.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
stage=0
stop_stage=7
gold=
languages=emodb-dev=de
conditions=
sized=timit-dev
sizes="1 4 20"
more=
only=
rivals=
external=
encoder=
whisper=
rounds=
jobs=2
exp=
mini=false
. ../utils/parse_options.sh
. ./path.sh
absolute() { (cd "$called_from" && realpath -m "$1"); }
if "$mini"; then
  exp=$(absolute "${exp:-$PWD/exp/mini}") conditions=${conditions:-white 10 dB}
  rounds=${rounds:-1} rivals=${rivals:-none}
  only=${only:-english-sphinx,english-gmm,train-align,english}
else
  exp=$(absolute "${exp:-$PWD/exp/full}") rounds=${rounds:-3}
  conditions=${conditions:-white 10 dB,white 0 dB,babble 5 dB}
  data=$SPEECHALIGN_DATA
  if [ -z "$gold" ]; then
    need "$data"/{timit-dev,emodb-dev}/{corpus,gold}
    for name in timit-dev emodb-dev; do gold+=" $name=$data/$name/corpus:$data/$name/gold"; done
  fi
fi
examples=$repository/examples
gold+=" examples=$examples/english:$examples/gold"
if [ -z "$rivals" ]; then
  for script in "$repository"/tools/rivals/*.py; do
    [ "${script##*/}" = environment.py ] || rivals+=" $(basename "$script" .py)"
  done
fi
[ -z "$encoder" ] || encoder=$(absolute "$encoder")
[ -z "$whisper" ] || whisper=$(absolute "$whisper")
repeated() { # OPTION VALUE ...: put the option before each value, into the array "options"
  options=()
  for value in "${@:2}"; do options+=("$1" "$value"); done
}
split() { # TEXT: at its commas, into the array "parts"
  IFS=, read -r -a parts <<<"$1"
}
stage() { [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2; }

if stage 0 "gold"; then
  # shellcheck disable=SC2086
  repeated --gold $gold && golds=("${options[@]}")
  # shellcheck disable=SC2086
  repeated --language $languages
  codes=("${options[@]}")
  # shellcheck disable=SC2086
  repeated --more $more
  (cd "$called_from" && "$python" "$OLDPWD/local/00_gold.py" "$exp" "${golds[@]}" "${codes[@]}" \
    --sized "$sized" --sizes "$sizes" "${options[@]}")
fi
if stage 1 "noise"; then
  split "$conditions" && "$python" local/01_conditions.py "$exp" "${parts[@]}"
fi
if stage 2 "environments" && [ "$rivals" != none ]; then
  # shellcheck disable=SC2086
  PYTHON=$python local/02_environments.sh "$exp" $rivals
fi
split "$only" && repeated --only "${parts[@]}" && chosen=("${options[@]}")
values=(--value "encoder=$encoder" --value "whisper=$whisper")
if stage 3 "align"; then
  "$python" local/03_align.py "$exp" "${chosen[@]}" "${values[@]}" --jobs "$jobs"
fi
if stage 4 "start"; then
  "$python" local/04_time.py "$exp" "${chosen[@]}" "${values[@]}" --rounds "$rounds"
fi
if stage 5 "score"; then
  # shellcheck disable=SC2086
  repeated --external $external
  (cd "$called_from" && "$python" "$OLDPWD/local/05_score.py" "$exp" "${options[@]}")
fi
if stage 6 "plots"; then "$python" local/06_plot.py "$exp"; fi
if stage 7 "report"; then "$python" local/07_report.py "$exp" | tee "$exp/RESULTS.md"; fi
