"""A month passes: the schedules renew what is due, and licenses end."""

import http.client
import time

from deployed_journeys import Api, issue
from local_cloud import MAIL_FROM, Template, admin_key, architecture, errors_logged, fail, say, wait_for

ACCOUNTS = 20
MONTH_SECONDS = 31 * 24 * 60 * 60
# How often the local cloud looks which schedules are due; one that it sees for the first time has never been late.
TICK_SECONDS = 10


def a_month_passes(cloud, binaries):
    template = Template(cloud, binaries)
    cloud.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
    key, digest = admin_key()
    url, _, _ = template.deploy(
        "dev", {"AdminKeySha256": digest, "Architecture": architecture(), "MailFrom": MAIL_FROM, "Stage": "dev"}
    )
    deployed = time.monotonic()
    api = Api(url, key)
    thirty_days = {"time": {"mode": "duration", "durationDays": 30}}
    project, license = issue(api, "A month", thirty_days, {"type": "subscription", "recurringInterval": "month"})
    secret = project["secretKey"]
    told = api.expect(200, "POST", f"{license}/activate", {"hwid": "desk"}, secret=secret)
    if told["status"] != "active":
        fail(f"a new license: {told}")
    scope = {"x-project-id": project["projectId"]}
    for number in range(ACCOUNTS):
        account = f"a{number}"
        api.expect(201, "POST", "/v1/accounts", {"accountId": account, "tier": "Gift"}, headers=scope)
        api.expect(200, "POST", f"/v1/accounts/{account}/debit", {"operationType": "x", "amount": 40}, headers=scope)
    entries = [f"/v1/accounts/a{number}/entries" for number in range(ACCOUNTS)]

    def renewed():
        """How many accounts have a renewal among their entries. Entries are read as they are: no call gives what is due."""
        try:
            told = [api.expect(200, "GET", path, headers=scope)["entries"] for path in entries]
        except (OSError, http.client.HTTPException):
            # The local cloud drops connections when its clock leaps: they have waited for a month.
            return None
        return sum(any(entry["operationId"].startswith("service renewal:") for entry in some) for some in told)

    if renewed() != 0:
        fail("accounts were renewed before their time")
    time.sleep(max(0, deployed + TICK_SECONDS + 2 - time.monotonic()))
    cloud.move_clock(MONTH_SECONDS)
    # The hourly schedule finds itself late, sends its message, and the queue does the rest.
    wait_for("the accounts to be renewed by the schedule", lambda: renewed() == ACCOUNTS, seconds=300)
    balances = [api.expect(200, "GET", f"/v1/accounts/a{number}/balance", headers=scope)["balance"] for number in range(ACCOUNTS)]
    say(f"A month passed: the schedule renewed {ACCOUNTS} accounts, with nobody calling; balances {sorted(set(balances))}.")
    status, told = api.call("POST", f"{license}/heartbeat", {"hwid": "desk"}, secret=secret)
    if told.get("status") != "expired" and told.get("code") != "LICENSE_EXPIRED":
        fail(f"a license of thirty days after a month: {status} {told}")
    say("A license of thirty days has ended.")
    found = errors_logged(cloud, "dev")
    if found:
        fail("errors in the logs:\n" + "\n".join(found[:5]))
