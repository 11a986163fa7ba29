"""`ltlm doctor` on a deployed stage: well, and after something was broken on purpose."""

import json
import os
import subprocess

from local_cloud import MAIL_FROM, REGION, fail, say


def examined(cloud, api, binaries):
    """The outcome of each check, and the exit code."""
    command = [
        str(binaries / "ltlm"), "--url", api.url, "doctor", "--aws", "--stage", "dev", "--mail-to", "ada@example.com",
        "--mail-from", MAIL_FROM, "--json",
    ]
    environment = {
        **os.environ, "AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION, "LTLM_ADMIN_KEY": api.key,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if not done.stdout.startswith(("[", "{")):
        fail(f"doctor: {done.stdout} {done.stderr}")
    told = json.loads(done.stdout)
    return {check["check"]: check["outcome"] for check in told["checks"]}, done.returncode


def what_is_wrong_is_told(cloud, api, binaries):
    statuses, code = examined(cloud, api, binaries)
    # There is no topic that alarms go to.
    wrong = {name: status for name, status in statuses.items() if status != "ok" and name != "alarms"}
    if code != 0 or wrong or statuses.get("alarms") != "warning":
        fail(f"a stage that is well: exit code {code}, {statuses}")
    alarms, scheduler = cloud.client("cloudwatch"), cloud.client("scheduler")
    hourly = scheduler.get_schedule(Name="ltlm-dev-renewals-hourly")
    taken = {name: hourly[name] for name in ["Name", "ScheduleExpression", "Target", "FlexibleTimeWindow"]}
    alarms.set_alarm_state(AlarmName="ltlm-dev-ServerErrors", StateValue="ALARM", StateReason="a test")
    scheduler.update_schedule(**taken, State="DISABLED")
    statuses, code = examined(cloud, api, binaries)
    if code != 1 or statuses["alarms"] != "failed" or statuses["scheduler"] != "failed":
        fail(f"a stage with a red alarm and a schedule that is off: exit code {code}, {statuses}")
    alarms.set_alarm_state(AlarmName="ltlm-dev-ServerErrors", StateValue="OK", StateReason="a test")
    scheduler.update_schedule(**taken, State="ENABLED")
    say(f"The doctor made {len(statuses)} checks, and told the two that failed.")
