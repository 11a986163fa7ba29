"""Deploys template.yaml into a local cloud and shows what only a deployment shows.

Usage: deploy_test.py <folder of the built programs> <folder to work in> [--all]
       deploy_test.py --packaged <folder of sam> <folder of cargo-lambda> <folder to work in>

With --all nothing is left out: what needs a program that is missing fails. The second form deploys release packages.
"""

import copy
import json
import pathlib
import secrets
import signal
import sys
import time

import deployed_chaos
import deployed_compare
import deployed_doctor
import deployed_packaged
import deployed_restore
import deployed_time
from deployed_journeys import Api, journey, mails_arrive, payment_messages_are_judged, pro_journey, schedules_run
from local_cloud import (
    CLOCK_LIBRARIES, LIMIT_SECONDS, MAIL_FROM, Cloud, Template, admin_key, architecture, deploy, errors_logged, fail, is_there,
    live_versions, say, wait_for,
)


def two_stages(cloud, template, parameters):
    """dev and staging beside each other, with schedules of their own."""
    apis = {}
    for stage in ["dev", "staging"]:
        url, made, routes = template.deploy(stage, {**parameters, "Stage": stage})
        apis[stage] = Api(url, None)
        say(f"{stage}: {len(made)} resources, {routes} routes")
    for api in apis.values():
        api.expect(200, "GET", "/health")
        api.expect(200, "GET", "/api/health")
    schedules = [s["Name"] for s in cloud.client("scheduler").list_schedules()["Schedules"]]
    wanted = {f"ltlm-{stage}-renewals-{when}" for stage in apis for when in ["nightly", "hourly"]}
    if set(schedules) != wanted:
        fail(f"schedules {schedules} in place of {sorted(wanted)}")
    say("Two stages lie side by side, with their own schedules.")
    return apis["dev"], apis["staging"]


def parameters_reach_live_code(cloud, template, parameters, dev, consumed):
    """A new administrator key, and nothing else: the old key ends, the new one works."""
    former = dev.key
    key, digest = admin_key()
    parameters = {**parameters, "AdminKeySha256": digest}
    deploy(cloud, "ltlm-dev", template.release(1), parameters)
    dev.key = key
    dev.expect(200, "GET", "/v1/admin/projects")
    dev.expect(401, "GET", "/v1/admin/projects", key=former)
    consumed(dev)
    say("A change of nothing but a parameter reached the live functions: the new key works, the old one does not.")
    return parameters


def code_reaches_live(cloud, template, parameters, dev, consumed):
    versions = live_versions(cloud, "dev")
    deploy(cloud, "ltlm-dev", template.release(2), parameters)
    stale = [name for name, version in live_versions(cloud, "dev").items() if versions[name] == version]
    if stale:
        fail(f"new code did not reach {stale}")
    consumed(dev)
    say("New code reached every live function, and the data are there.")


def permissions_count(cloud, template, parameters, dev):
    """Without dynamodb:PutItem an account cannot be made: IAM is enforced here, so the other permissions were needed too."""
    broken = copy.deepcopy(template.release(2))
    for policy in broken["Resources"]["AccountsFunction"]["Properties"]["Policies"]:
        policy["Statement"] = [s for s in policy["Statement"] if "dynamodb:PutItem" not in s.get("Action", [])]
    deploy(cloud, "ltlm-dev", broken, parameters)
    project = dev.expect(200, "GET", "/v1/admin/projects")["projects"][0]["projectId"]
    dev.expect(500, "POST", "/v1/accounts", {"accountId": "b", "tier": "Gift"}, headers={"x-project-id": project})
    say("A permission that is missing is missed: IAM is enforced.")


def deletion_keeps_the_table(cloud):
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    cloud.client("cloudformation").delete_stack(StackName="ltlm-staging-routes")
    cloud.client("cloudformation").delete_stack(StackName="ltlm-staging")
    wait_for("the stack to go", lambda: not is_there(cloud, "ltlm-staging"))
    if cloud.client("dynamodb").list_tables()["TableNames"] != tables:
        fail("a stack took its table with it")
    say("A stack that was deleted left its table.")


def in_our_time(cloud, binaries, work):
    say("Preparing template.yaml …")
    template = Template(cloud, binaries)
    cloud.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
    key, digest = admin_key()
    signing_key = "whsec_" + secrets.token_hex(16)
    payments = cloud.client("secretsmanager").create_secret(
        Name="payments", SecretString=json.dumps({"stripeSecretKey": "sk_test_1", "stripeWebhookSecret": signing_key})
    )["ARN"]
    parameters = {
        "AdminKeySha256": digest, "Architecture": architecture(), "MailFrom": MAIL_FROM, "PaymentSecretArn": payments,
    }
    dev, staging = two_stages(cloud, template, parameters)
    dev.key = staging.key = key
    parameters["Stage"] = "dev"
    project, license, secret, use = journey(dev)
    staging.expect(401, "POST", f"{license}/consume", use, secret=secret)
    say("A vendor and a customer went their way over the gateway; the other stage knows nothing of them.")
    deployed_compare.answers_are_the_embedded_engines(dev.transcript, journey, binaries, work)

    def consumed(api):
        told = api.expect(200, "POST", f"{license}/consume", use, secret=secret)
        if told["tokensRemaining"] != 95:
            fail(f"a use that was charged already: {told}")

    pro_journey(dev, project, license)
    say("A device spoke the encrypted face; answers open, and their signatures hold.")
    schedules_run(cloud, "dev")
    say("The renewals took what their schedules send.")
    payment_messages_are_judged(dev, signing_key)
    say("A signed payment message counts, another does not.")
    mails_arrive(cloud, dev, secret)
    say("A code went from the table through stream, queue and delivery into a mail.")
    deployed_doctor.what_is_wrong_is_told(cloud, dev, binaries)
    parameters = parameters_reach_live_code(cloud, template, parameters, dev, consumed)
    code_reaches_live(cloud, template, parameters, dev, consumed)
    deployed_restore.into_a_new_stack(cloud, template, parameters, dev, project, license, consumed, binaries)
    parameters = deployed_restore.in_place(cloud, template, parameters, dev, consumed)
    found = errors_logged(cloud, "dev") + errors_logged(cloud, "staging")
    if found:
        fail("errors in the logs:\n" + "\n".join(found[:5]))
    say("No function of the stages logged an error.")
    deployed_chaos.functions_are_killed(cloud, dev)
    permissions_count(cloud, template, parameters, dev)
    deletion_keeps_the_table(cloud)


def main(binaries, work, everything):
    started = time.monotonic()
    signal.alarm(LIMIT_SECONDS)
    with Cloud(work / "cloud") as cloud:
        in_our_time(cloud, binaries, work)
    if CLOCK_LIBRARIES:
        with Cloud(work / "cloud-ahead", has_clock=True) as cloud:
            deployed_time.a_month_passes(cloud, binaries)
    elif everything:
        fail("libfaketime is missing (Debian's package faketime)")
    else:
        say("Left out: a month that passes, which needs libfaketime (Debian's package faketime).")
    say(f"Deployed and tried in {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    if sys.argv[1] == "--packaged":
        deployed_packaged.packages_are_deployed(*(pathlib.Path(argument).resolve() for argument in sys.argv[2:5]))
    else:
        main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), "--all" in sys.argv[3:])
