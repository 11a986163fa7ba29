"""Hooks of schemathesis: requests meet a license that works, also after one of them has ended the last."""

import json
import os
import re

import requests
import schemathesis

URL = os.environ["LTLM_FUZZ_URL"]
VENDOR = {"Authorization": "Bearer " + os.environ["LTLM_FUZZ_ADMIN_KEY"]}
POLICY = os.environ["LTLM_FUZZ_POLICY"]
PROJECT = os.environ["LTLM_FUZZ_PROJECT"]

BACKEND = ("/v1/accounts", "/v1/renewals", "/v1/organizations", "/v1/access-tokens")

license_key = None


def is_name(text):
    """Is it the name of an operation, as the document says?"""
    return isinstance(text, str) and re.fullmatch("[!-~]{1,128}", text) is not None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts the license of the day where the configuration put the first one, and says what no schema can."""
    for name in ("key", "licenseKey"):
        if license_key and (case.path_parameters or {}).get(name) == os.environ["LTLM_FUZZ_LICENSE"]:
            case.path_parameters[name] = license_key
    # The key is for all projects, so a vendor's backend must name one, which a key of one project need not.
    if case.path.startswith(BACKEND):
        case.headers.setdefault("x-project-id", PROJECT)
    # The two names of an operation must agree. One that is not a name stays, and is refused.
    header, named = case.headers.get("Idempotency-Key"), None
    if isinstance(case.body, dict):
        named = case.body.get("operationId")
    if is_name(header) and is_name(named):
        case.body["operationId"] = header


@schemathesis.hook
def after_call(context, case, response):
    """A license whose state was changed makes room for a new one."""
    global license_key
    changed = case.method.upper() == "PATCH" and case.path.startswith("/v1/admin/licenses/{licenseKey}")
    if not changed or response.status_code != 200 or not isinstance(case.body, dict) or not case.body.get("state"):
        return
    order = {"policyId": POLICY}
    answer = requests.post(f"{URL}/v1/admin/projects/{PROJECT}/licenses", json=order, headers=VENDOR, timeout=30)
    license_key = json.loads(answer.content)["licenses"][0]["licenseKey"]
