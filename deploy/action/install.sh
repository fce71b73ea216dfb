#!/usr/bin/env bash
# Installs the gateway that this action is a part of, with the versions of its lock, where the other steps look for it.
set -euo pipefail

environment=$RUNNER_TEMP/gateway
if [ -x "$environment/bin/gateway" ]; then exit; fi # for another configuration of the same job
python3 -m venv "$environment"
install=("$environment/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps)
"${install[@]}" --only-binary :all: --require-hashes --requirement "$GITHUB_ACTION_PATH/requirements/runtime.lock"
"${install[@]}" --no-build-isolation "$GITHUB_ACTION_PATH"
"$environment/bin/gateway" --version
