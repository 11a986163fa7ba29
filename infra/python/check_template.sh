#!/usr/bin/env bash
# Checks template.yaml and infra/waf.yaml offline. Usage: check_template.sh <venv> <translated.json>; run from the repository's root.
# Warnings count: cfn-lint's exit code tells them, and none is ignored.
set -euo pipefail
venv=$1
out=$2
export SAM_CLI_TELEMETRY=0
"$venv/bin/sam" validate --lint --region eu-west-1
"$venv/bin/python" infra/python/translate.py template.yaml "$out"
"$venv/bin/cfn-lint" --region eu-west-1 -- "$out"
"$venv/bin/cfn-lint" --region us-east-1 -- infra/waf.yaml
