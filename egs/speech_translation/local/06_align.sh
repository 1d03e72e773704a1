#!/usr/bin/env bash
# Word times of `speechalign align`, with the tokens of the gold set; EXP/times for the scores.
#
#     local/06_align.sh EXP LANGUAGE [MODEL]
#
# English has a model; for another language without one, the synthesiser's times are taken again.
set -euo pipefail
. ./path.sh
exp=$1 language=$2 model=${3:-}
if [ -z "$model" ] && [ "${language%%-*}" != en ]; then
  echo "no model of $language (--aligner): the word times are the synthesiser's" >&2
  mkdir -p "$exp/times"
  cp "$exp/corpus/$language/textgrids/"*.TextGrid "$exp/times"
  echo "none: the synthesiser's times, as there is no model of $language" >"$exp/boundaries.txt"
  exit
fi
"$python" -m speechalign align "$exp/corpus/$language/wavs" ${model:+"$model"} "$exp/aligned"
"$python" local/06_relabel.py "$exp/aligned" "$exp/corpus/$language" "$exp/times" \
  >"$exp/boundaries.txt"
cat "$exp/boundaries.txt"
