#!/usr/bin/env bash
# Have eSpeak NG say the sources of TEXT; their features become BPE/NAME.speech.
#
#     local/01_speak.sh TEXT BPE
#
# The made-up words are read as Esperanto, in which every letter is a sound.
set -euo pipefail
. ./path.sh
text=$1 bpe=$2
for name in train dev test; do
  paste -d '|' "$text/$name.src" /dev/null /dev/null "$text/$name.tgt" | sed 's/|||/ ||| /' >"$text/$name.pairs"
  "$python" -m recipes.steps.speak_features "$bpe/$name.speech" --sentences "$text/$name.pairs" --language eo
done
