#!/usr/bin/env bash
# Word alignment from the attention of a small speech translation model, scored against gold links.
#
#     bash egs/speech_translation/run.sh                 English speech to French, 447 Hansard pairs
#     bash egs/speech_translation/run.sh --pair deen     English speech to German, 99 Europarl pairs
#     bash egs/speech_translation/run.sh --mini true     generated sentences, a few minutes
#
# Stages: 0 texts, 1 speech and word times, 2 features, 3 train a translation model, 4 contributions
# and links, 5 scores against chance and the diagonal, 6 the same with word times of our aligner,
# 7 plots and RESULTS.md. A stage that is complete is not run again.
#
# --stage N, --stop-stage N   first and last stage (0 and 7)
# --pair NAME                 gold set: NAME.gold (any format) and NAME.src-tgt of --gold-dir;
#                             languages and order of enfr, deen and roen are known (enfr)
# --source CODE, --target CODE, --swap true|false
#                             languages of another pair, and whether its second side is the speech
# --gold-dir DIR              folder of the gold set (SPEECHALIGN_DATA/word-alignment)
# --more-dir DIR              folder of more text for deen (SPEECHALIGN_DATA/multi30k)
# --limit N                   number of sentences to score, from the first on (all)
# --aligner MODEL             model of `speechalign align` for the source; English needs none
# --mini true                 a generated corpus, and a model that is trained in two minutes
# --exp DIR                   output folder (exp/PAIR or exp/mini)
# --threads N                 number of threads of training (1)
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")"
command="run.sh $*"
stage=0
stop_stage=7
pair=enfr
source=en-us
target=
swap=false
gold_dir=
more_dir=
limit=
aligner=
mini=false
exp=
threads=1
. ../utils/parse_options.sh
. ./path.sh

absolute() { [ -z "$1" ] || (cd "$called_from" && realpath -m "$1"); }
exp=$(absolute "$exp")
gold_dir=$(absolute "${gold_dir:-$SPEECHALIGN_DATA/word-alignment}")
more_dir=$(absolute "${more_dir:-$SPEECHALIGN_DATA/multi30k}")
[ "$mini" = true ] && pair=mini
more=()
case $pair in
  mini) target=de ;;
  enfr) target=fr ;;
  roen) target=ro swap=true ;;
  deen) target=de swap=true more=(--more "$more_dir/train.en.gz" "$more_dir/train.de.gz") ;;
esac
[ -n "$target" ] || { echo "run.sh: --pair $pair: give --source, --target and --swap" >&2; exit 2; }
exp=${exp:-exp/$pair}
config=conf/$pair.yaml
[ -e "$config" ] || config=conf/enfr.yaml
take=("$exp/text")
[ "$swap" = true ] && take+=(--swap)
[ -n "$limit" ] && take+=(--limit "$limit")
voices=$source,$source+f3,$source+m3
corpus=$exp/corpus times=$exp/corpus/$source/textgrids
mkdir -p "$exp"

stage() { # N "what": whether to run it
  [ "$stage" -le "$1" ] && [ "$1" -le "$stop_stage" ] && echo "stage $1: $2" >&2 && SECONDS=0
}
took() { # "what": note how long the stage took, unless it was noted before
  grep -qs "^$1	" "$exp/seconds.txt" || printf '%s\t%s\n' "$1" "$SECONDS" >>"$exp/seconds.txt"
}

if stage 0 "texts"; then
  if [ "$pair" = mini ]; then
    "$python" local/00_make_bilingual.py "$exp/text"
  else
    need "$gold_dir/$pair.gold" "$gold_dir/$pair.src-tgt" "${more[@]:1}"
    "$python" local/00_take_text.py "${take[@]}" --gold "$gold_dir/$pair.gold" \
      --sentences "$gold_dir/$pair.src-tgt" "${more[@]}"
  fi
fi
if stage 1 "speech and word times"; then
  "$python" -m recipes.corpora.speech_gold_alignment "$corpus" --gold "$exp/text/gold.talp" \
    --gold-base 1 --sentences "$exp/text/scored.txt" --source-language "$source" \
    --source-voices "$voices" --target-language "$target"
  took "1 speech and word times"
fi
if stage 2 "features"; then
  local/02_features.sh "$exp" "$source" "$voices"
  took "2 features"
fi
if stage 3 "train"; then
  "$python" -m recipes.steps.train_speech_translation "$config" "$exp/model" "$exp"/features/* \
    --threads "$threads"
  took "3 training"
fi
if stage 4 "contributions and links"; then
  "$python" -m recipes.steps.collect_contributions "$exp/model/model.pt" "$exp/features/scored" "$exp/contributions"
  for kind in attention norms; do local/04_link.sh "$exp" "$kind" "$times" "$kind"; done
  "$python" local/04_baselines.py "$corpus" "$source" "$exp/links"
  took "4 contributions and links"
fi
if stage 5 "scores"; then
  local/05_score.sh "$exp" "$times" chance diagonal diagonal_time attention norms
  took "5 scores"
fi
if stage 6 "word times of our aligner"; then
  local/06_align.sh "$exp" "$source" "$aligner"
  for kind in attention norms; do
    local/04_link.sh "$exp" "$kind" "$exp/times" "${kind}_aligner"
    local/05_score.sh "$exp" "$exp/times" "${kind}_aligner"
  done
  took "6 word times of our aligner"
fi
if stage 7 "plots and report"; then
  local/07_plot.sh "$exp" "$times"
  took "7 plots"
  "$python" local/07_report.py "$exp" "$exp/RESULTS.md" --command "$command"
fi
