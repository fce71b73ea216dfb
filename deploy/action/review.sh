#!/usr/bin/env bash
# Checks, lints, tests and plans the configuration CONFIG; the review is Markdown in RUNNER_TEMP, and in the job's summary.
# Fails where it has mistakes, doubts (unless FAIL_ON_LINT is false), tests that fail, or no tests.
set -euo pipefail

export NO_COLOR=1
gateway=$RUNNER_TEMP/gateway/bin/gateway
review=$RUNNER_TEMP/gateway-review.md
said=$RUNNER_TEMP/gateway-said
failed=
CONFIG=${CONFIG%/}

# What commands print has words of the configuration in it, which may be a stranger's: GitHub takes no commands from it
# between these two lines. The second knows a word that nobody can guess.
show() {
  local word
  word=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  echo "::stop-commands::$word"
  cat "$said"
  echo "::$word::"
}

# Marks the lines that a command has named (FILE:LINE:COLUMN: words) in the files of the pull request.
annotate() {
  sed -nE "s/%/%25/g; s/^ *([^: ]+):([0-9]+):([0-9]+): (.*)$/::$1 file=\1,line=\2,col=\3::\4/p" "$said"
}

# Indented by four, so that nothing in it is Markdown.
quote() {
  printf '\n<details><summary>%s</summary>\n\n' "$1"
  sed 's/^/    /' "$said"
  printf '\n</details>\n'
}

run() {
  "$gateway" "$@" >"$said" 2>&1
}

heading() {
  printf '\n- %s: %s\n' "$1" "$2" >>"$review"
}

finish() {
  cat "$review" >>"$GITHUB_STEP_SUMMARY"
  exit "${failed:-0}"
}

name=${CONFIG//[^A-Za-z0-9._\/-]/_}
printf '<!-- gateway review of %s -->\n## Gateway: %s\n' "$name" "$name" >"$review"
echo "plan=unknown" >>"$GITHUB_OUTPUT"

if run check -- "$CONFIG"; then
  heading check passed
  show
else
  failed=1
  heading check '**failed**; nothing else was looked at'
  show
  annotate error
  quote 'What is wrong' >>"$review"
  finish
fi

if run lint -- "$CONFIG"; then
  heading lint 'nothing is doubtful'
  show
else
  level=warning
  if [ "$FAIL_ON_LINT" != false ]; then failed=1 level=error; fi
  heading lint 'something is doubtful'
  show
  annotate "$level"
  quote 'What is doubtful' >>"$review"
fi

if run test -- "$CONFIG"; then
  heading test passed
  show
else
  failed=1
  heading test '**failed**'
  show
  annotate error
fi
quote 'Tests' >>"$review"

# shellcheck disable=SC2153 # an input of the action
if ! base=$(git rev-parse --quiet --verify --short --end-of-options "$BASE^{commit}"); then
  echo '::warning::There is no revision to compare with: check out with fetch-depth: 2'
  heading plan 'there is no revision to compare with (check out with fetch-depth: 2)'
elif ! git cat-file -e "$base:./$CONFIG" 2>/dev/null; then
  heading plan "the configuration is new: $base has none"
else
  before=$(mktemp -d "$RUNNER_TEMP/before.XXXX")
  git archive "$base" | tar -x -C "$before"
  code=0
  run plan --check --markdown -- "$before/$CONFIG" "$CONFIG" || code=$?
  # As git names a file of another revision.
  sed -i "s|$before/|$base:|g" "$said"
  show
  case $code in
    0) echo "plan=same" >>"$GITHUB_OUTPUT"; heading plan "the same as in $base" ;;
    1) echo "plan=different" >>"$GITHUB_OUTPUT"; { echo; cat "$said"; } >>"$review" ;;
    *) heading plan "cannot be told: the configuration in $base has mistakes"; quote 'Which' >>"$review" ;;
  esac
fi
finish
