# shellcheck shell=bash
# Turn the options of a run.sh into variables.
#
# Source it after the defaults:
#
#     stage=0
#     corpus_dir=
#     . ../utils/parse_options.sh
#
# --corpus-dir DIR (or --corpus-dir=DIR) then sets corpus_dir. An option exists where the script has
# a line "name=...". A variable whose default is true or false takes nothing else. --help prints the
# comment at the head of the script. Anything unknown ends the script with status 2.

_options_fail() {
  echo "$(basename "$0"): $1; --help lists the options" >&2
  exit 2
}

_options_script=$0
# A script that changed into its own folder before.
[ -f "$_options_script" ] || _options_script=$(basename "$0")

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      awk 'NR == 1 && /^#!/ { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' \
        "$_options_script"
      exit 0
      ;;
    --?*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    --?*)
      _options_name=${1#--}
      _options_name=${_options_name//-/_}
      if ! [[ $_options_name =~ ^[a-z][a-z0-9_]*$ ]] ||
        ! grep -q "^${_options_name}=" "$_options_script"; then
        _options_fail "there is no option $1"
      fi
      [ $# -gt 1 ] || _options_fail "$1: expected a value"
      case ${!_options_name-} in
        true | false)
          case $2 in
            true | false) ;;
            *) _options_fail "$1: expected true or false, got $2" ;;
          esac
          ;;
      esac
      printf -v "$_options_name" %s "$2"
      shift 2
      ;;
    *) _options_fail "expected options only, got $1" ;;
  esac
done
unset _options_name _options_script
