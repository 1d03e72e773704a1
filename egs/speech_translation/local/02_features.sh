#!/usr/bin/env bash
# Features of the scored sentences, and of the text to train on where there is more.
#
#     local/02_features.sh EXP LANGUAGE VOICES
set -euo pipefail
. ./path.sh
exp=$1 language=$2 voices=$3
mkdir -p "$exp/features"
"$python" -m recipes.steps.speak_features "$exp/features/scored" --language "$language" \
  --cuts "$exp/corpus/$language/cuts.jsonl"
if [ -s "$exp/text/more.txt" ]; then
  "$python" -m recipes.steps.speak_features "$exp/features/more" --language "$language" \
    --sentences "$exp/text/more.txt" --voices "$voices"
fi
