"""Hooks of schemathesis: requests meet a license that works, also after one of them has ended the last."""

import json
import os

import requests
import schemathesis

URL = os.environ["LTLM_FUZZ_URL"]
VENDOR = {"Authorization": "Bearer " + os.environ["LTLM_FUZZ_ADMIN_KEY"]}
POLICY = os.environ["LTLM_FUZZ_POLICY"]
PROJECT = os.environ["LTLM_FUZZ_PROJECT"]

license_key = None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts the license of the day where the configuration put the first one."""
    for name in ("key", "licenseKey"):
        if license_key and (case.path_parameters or {}).get(name) == os.environ["LTLM_FUZZ_LICENSE"]:
            case.path_parameters[name] = license_key


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
