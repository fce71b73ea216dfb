#!/usr/bin/env bash
# Shows the review in the pull request: the comment of the review before it is written anew, so that there is one of each
# configuration.
set -euo pipefail

review=$RUNNER_TEMP/gateway-review.md
# GitHub takes 65,536 characters; the summary of the job has all of it.
if [ "$(wc -m <"$review")" -gt 60000 ]; then
  { head -c 50000 "$review" | iconv -c -f UTF-8 -t UTF-8; printf '\n\n…\n\nThe rest is in the summary of the job.\n'; } >"$review.short"
  review=$review.short
fi
mark=$(head -n 1 "$review")
comments=repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments
known=$(MARK=$mark gh api --paginate "$comments" \
  --jq '.[] | select(.user.type == "Bot" and (.body | startswith(env.MARK))) | .id' | head -n 1)
if [ -n "$known" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$known" --field "body=@$review"
else
  gh api --silent --method POST "$comments" --field "body=@$review"
fi
