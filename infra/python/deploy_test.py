"""Deploys template.yaml into a local cloud (MiniStack, with IAM enforced) and shows what only a deployment shows.

Usage: deploy_test.py <folder of the built functions> <folder to work in>

The functions are the real binaries, started by launchers in place of packages. What the local cloud lacks is changed by the list
DEVIATIONS, which is printed; an entry that no longer applies fails the test.
"""

import copy
import hashlib
import io
import json
import os
import pathlib
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-west-1"
BUCKET = "ltlm-deploy-test"
LIMIT_SECONDS = 240
SERVERLESS = "AWS::Serverless::Function"


def say(text):
    print(text, flush=True)


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def functions(template):
    return {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == SERVERLESS}


def statements(template):
    for properties in functions(template).values():
        for policy in properties.get("Policies", []):
            for statement in policy["Statement"]:
                # A statement may be there by condition: Fn::If [condition, statement, nothing].
                branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
                yield from (branch for branch in branches if "Action" in branch)


# What is changed of the template, and why. Each says how many places it changed.


def drop_deployment_preferences(template):
    return sum(p.pop("DeploymentPreference", None) is not None for p in functions(template).values())


def plain_gateway(template):
    api = template["Resources"]["Api"]
    if api["Type"] != "AWS::Serverless::HttpApi":
        return 0
    template["Resources"]["Api"] = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"Name": {"Ref": "AWS::StackName"}, "ProtocolType": "HTTP"},
    }
    template["Resources"]["ApiStage"] = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
    }
    return 1


def lenient_encryption_context(template):
    count = 0
    for statement in statements(template):
        condition = statement.get("Condition", {})
        if any(key.startswith("kms:EncryptionContext") for key in condition.get("StringEquals", {})):
            condition["StringEqualsIfExists"] = condition.pop("StringEquals")
            count += 1
    return count


def name_send_message_batch(template):
    count = 0
    for statement in statements(template):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if "sqs:SendMessage" in actions:
            statement["Action"] = [*actions, "sqs:SendMessageBatch"]
            count += 1
    return count


def any_mail_identity(template):
    count = 0
    for statement in statements(template):
        if statement["Action"] == "ses:SendEmail":
            statement["Resource"] = "*"
            statement.pop("Condition", None)
            count += 1
    return count


def drop_queries(template):
    names = [name for name, r in template["Resources"].items() if r["Type"] == "AWS::Logs::QueryDefinition"]
    for name in names:
        del template["Resources"][name]
    return len(names)


def alarms_on_one_metric(template):
    count = 0
    for resource in template["Resources"].values():
        metrics = resource["Properties"].get("Metrics") if resource["Type"] == "AWS::CloudWatch::Alarm" else None
        if metrics:
            del resource["Properties"]["Metrics"]
            stat = metrics[0]["MetricStat"]
            resource["Properties"].update(stat["Metric"], Period=stat["Period"], Statistic=stat["Stat"])
            count += 1
    return count


DEVIATIONS = [
    (alarms_on_one_metric, "alarms know no arithmetic"),
    (drop_queries, "no AWS::Logs::QueryDefinition"),
    (drop_deployment_preferences, "no CodeDeploy: no canary"),
    (plain_gateway, "no import of an API's definition: routes come in a stack of their own"),
    (lenient_encryption_context, "IAM knows no kms:EncryptionContext"),
    (name_send_message_batch, "IAM wants sqs:SendMessageBatch by name"),
    (any_mail_identity, "IAM knows no ses:FromAddress"),
]


class Cloud:
    """A running local cloud."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": self.url,
            "GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION, "AUTH": "true", "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
            "TMPDIR": str(folder / "tmp"), "S3_DATA_DIR": str(folder / "s3"), "STATE_DIR": str(folder / "state"),
        }
        program = pathlib.Path(sys.executable).parent / "ministack"
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(
            [str(program)], cwd=folder, env=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/ready", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > until or self.process.poll() is not None:
                    fail("the local cloud does not start: see its log")
                time.sleep(0.2)

    def client(self, service):
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, read_timeout=120)
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test",
            config=config,
        )

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=15)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)


def launcher(binary):
    """A package that starts the built binary. Its hash stands in it, so that new code is a new package."""
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", date_time=(2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f"#!/bin/sh\n# {digest}\nexec {binary}\n")
    return packed.getvalue()


def prepared(template, cloud, binaries):
    """The template with its packages, changed as DEVIATIONS says."""
    template = copy.deepcopy(template)
    s3 = cloud.client("s3")
    for name, properties in functions(template).items():
        binary = template["Resources"][name].pop("Metadata")["BuildProperties"]["Binary"]
        package = launcher(binaries / binary)
        key = hashlib.sha256(package).hexdigest()
        s3.put_object(Bucket=BUCKET, Key=key, Body=package)
        properties["CodeUri"] = {"Bucket": BUCKET, "Key": key}
    for change, why in DEVIATIONS:
        count = change(template)
        if count == 0:
            fail(f"the deviation {change.__name__} applies to nothing any more: remove it")
        say(f"  changed in {count} places: {change.__name__} ({why})")
    return template


def deploy(cloud, stack, template, parameters):
    cloudformation = cloud.client("cloudformation")
    key = f"{stack}.json"
    cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    try:
        cloudformation.describe_stacks(StackName=stack)
        kind = "UPDATE"
    except cloudformation.exceptions.ClientError:
        kind = "CREATE"
    name = f"change-{secrets.token_hex(4)}"
    cloudformation.create_change_set(
        StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateURL=f"{cloud.url}/{BUCKET}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    until = time.monotonic() + 60
    while True:
        told = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if told["Status"] == "CREATE_COMPLETE":
            break
        if told["Status"] == "FAILED" or time.monotonic() > until:
            fail(f"{stack}: {told.get('StatusReason')}")
        time.sleep(0.2)
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=name)
    while True:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if status == f"{kind}_COMPLETE":
            return
        if "FAILED" in status or "ROLLBACK" in status or time.monotonic() > until:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events if "FAILED" in e["ResourceStatus"]]
            fail(f"{stack} is {status}: {reasons[:5]}")
        time.sleep(0.2)


def resources(cloud, stack):
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {r["LogicalResourceId"]: r for page in pages for r in page["StackResourceSummaries"]}


def deploy_routes(cloud, stack, definition, stage, api):
    """The routes of the definition, each to the alias that it names."""
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}
    count = 0
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            name = uri.split(":function:ltlm-${Stage}-")[1].split(":live")[0]
            integration = "Integration" + "".join(part.title() for part in name.split("-"))
            arn = f"arn:aws:lambda:{REGION}:000000000000:function:ltlm-{stage}-{name}:live"
            template["Resources"].setdefault(integration, {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {"ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": arn, "PayloadFormatVersion": "2.0"},
            })
            template["Resources"][f"Route{count}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": api, "RouteKey": f"{method.upper()} {path}",
                    "Target": {"Fn::Sub": "integrations/${" + integration + "}"},
                },
            }
            count += 1
    deploy(cloud, f"{stack}-routes", template, {})
    return count


class Api:
    """A deployed stage."""

    def __init__(self, url, key):
        self.url, self.key = url, key

    def call(self, method, path, body=None, secret=None, key=None, headers=None):
        sent = {"content-type": "application/json", **(headers or {})}
        if secret:
            sent["x-project-secret"] = secret
        else:
            sent["authorization"] = f"Bearer {key or self.key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, headers=sent, data=data)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read().decode()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            return error.code, json.loads(text) if text.startswith("{") else text

    def expect(self, status, *arguments, **named):
        told, body = self.call(*arguments, **named)
        if told != status:
            fail(f"{arguments[0]} {arguments[1]}: {told} in place of {status}: {body}")
        return body


def architecture():
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def admin_key():
    key = "ltlm_admin_" + secrets.token_hex(16)
    return key, hashlib.sha256(key.encode()).hexdigest()


def journey(api):
    """A vendor and a customer, over the gateway, with names that a path must encode."""
    project = api.expect(201, "POST", "/v1/admin/projects", {"name": "Deployed"})
    of_project = f"/v1/admin/projects/{project['projectId']}"
    policy = api.expect(201, "POST", f"{of_project}/policies", {
        "name": "P", "slug": "p", "type": "perpetual",
        "config": {"limits": {"seats": {"enabled": True, "maxSeats": 2}, "tokens": {"enabled": True, "maxTokens": 100},
                              "devices": {"maxDevices": 20}}},
    })
    issued = api.expect(201, "POST", f"{of_project}/licenses", {"policyId": policy["PolicyID"], "customer": {"email": "ada@example.com"}})
    key, secret = issued["licenses"][0]["licenseKey"], project["secretKey"]
    license = f"/v1/sdk/license/{key}"
    for hwid in ["desk", "desk#1", "desk?2", "50%", "a b+c", "Arbeitsplatz ü"]:
        api.expect(200, "POST", f"{license}/activate", {"hwid": hwid}, secret=secret)
    for hwid in ["desk#1", "desk?2", "50%", "a b+c", "Arbeitsplatz ü"]:
        told = urllib.parse.quote(hwid, safe="-._~")
        api.expect(204, "DELETE", f"/v1/admin/licenses/{key}/devices/{told}")
    left = api.expect(200, "GET", f"/v1/admin/licenses/{key}/devices")["devices"]
    if [device["hwid"] for device in left] != ["desk"]:
        fail(f"devices with odd names were not the ones removed: {left}")
    use = {"hwid": "desk", "amount": 5, "action": "x", "operationId": "use-1"}
    for path in [f"{license}/consume", f"/api{license}/consume"]:
        told = api.expect(200, "POST", path, use, secret=secret)
        if told["tokensRemaining"] != 95:
            fail(f"a use that was sent twice: {told}")
    of_account = {"x-project-id": project["projectId"]}
    api.expect(201, "POST", "/v1/accounts", {"accountId": "auth0|1 #50%?", "tier": "Gift"}, headers=of_account)
    name = urllib.parse.quote("auth0|1 #50%?", safe="")
    api.expect(200, "POST", f"/v1/accounts/{name}/debit", {"operationType": "x", "amount": 7}, headers=of_account)
    balance = api.expect(200, "GET", f"/v1/accounts/{name}/balance", headers=of_account)["balance"]
    if balance != 93:
        fail(f"the account with an odd name has {balance}")
    return license, secret, use


def errors_logged(cloud, stage):
    logs = cloud.client("logs")
    found = []
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/ltlm-{stage}-"):
        for group in page["logGroups"]:
            told = logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern="ERROR")
            found += [f"{group['logGroupName']}: {event['message'][:300]}" for event in told.get("events", []) if '"ERROR"' in event["message"]]
    return found


def main(binaries, work):
    started = time.monotonic()
    template = yaml_parse(pathlib.Path("template.yaml").read_text())
    definition = template["Resources"]["Api"]["Properties"]["DefinitionBody"]
    signal.alarm(LIMIT_SECONDS)
    cloud = Cloud(work)
    try:
        cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        say("Preparing template.yaml …")
        stack_template = prepared(template, cloud, binaries)
        key, digest = admin_key()
        apis = {}
        for stage in ["dev", "staging"]:
            parameters = {"AdminKeySha256": digest, "Architecture": architecture(), "Stage": stage, "MailFrom": "licenses@example.com"}
            deploy(cloud, f"ltlm-{stage}", stack_template, parameters)
            made = resources(cloud, f"ltlm-{stage}")
            api = made["Api"]["PhysicalResourceId"]
            routes = deploy_routes(cloud, f"ltlm-{stage}", definition, stage, api)
            apis[stage] = Api(f"{cloud.url}/_aws/execute-api/{api}/$default", key)
            apis[stage].expect(200, "GET", "/health")
            apis[stage].expect(200, "GET", "/api/health")
            say(f"{stage}: {len(made)} resources, {routes} routes")
        schedules = [s["Name"] for s in cloud.client("scheduler").list_schedules()["Schedules"]]
        wanted = {f"ltlm-{stage}-renewals-{when}" for stage in apis for when in ["nightly", "hourly"]}
        if set(schedules) != wanted:
            fail(f"schedules {schedules} in place of {sorted(wanted)}")
        say("Two stages lie side by side, with their own schedules.")
        license, secret, use = journey(apis["dev"])
        apis["staging"].expect(401, "POST", f"{license}/consume", use, secret=secret)
        say("A vendor and a customer went their way over the gateway; the other stage knows nothing of them.")

        new_key, new_digest = admin_key()
        parameters = {"AdminKeySha256": new_digest, "Architecture": architecture(), "Stage": "dev", "MailFrom": "licenses@example.com"}
        deploy(cloud, "ltlm-dev", stack_template, parameters)
        apis["dev"].expect(200, "GET", "/v1/admin/projects", key=new_key)
        apis["dev"].expect(401, "GET", "/v1/admin/projects", key=key)
        told = apis["dev"].expect(200, "POST", f"{license}/consume", use, secret=secret)
        if told["tokensRemaining"] != 95:
            fail(f"after the change: {told}")
        say("A change of nothing but a parameter reached the live functions: the new key works, the old one does not.")

        broken = copy.deepcopy(stack_template)
        for policy in broken["Resources"]["AccountsFunction"]["Properties"]["Policies"]:
            policy["Statement"] = [s for s in policy["Statement"] if "dynamodb:PutItem" not in s.get("Action", [])]
        found = errors_logged(cloud, "dev") + errors_logged(cloud, "staging")
        if found:
            fail("errors in the logs:\n" + "\n".join(found[:5]))
        deploy(cloud, "ltlm-dev", broken, parameters)
        project = apis["dev"].expect(200, "GET", "/v1/admin/projects", key=new_key)["projects"][0]["projectId"]
        apis["dev"].expect(
            500, "POST", "/v1/accounts", {"accountId": "b", "tier": "Gift"}, key=new_key, headers={"x-project-id": project}
        )
        say("A permission that is missing is missed: IAM is enforced.")
        say(f"Deployed and tried in {time.monotonic() - started:.0f} s.")
    finally:
        cloud.stop()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
