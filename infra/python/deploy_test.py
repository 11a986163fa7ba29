"""Deploys template.yaml into a local cloud (MiniStack, with IAM enforced) and shows what only a deployment shows.

Usage: deploy_test.py <folder of the built functions> <folder to work in>

The functions are the real binaries, started by launchers in place of packages. What the local cloud lacks is changed by the list
DEVIATIONS, which is printed; an entry that no longer applies fails the test.
"""

import base64
import copy
import hashlib
import hmac
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
import check_pro
from botocore.config import Config
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-west-1"
BUCKET = "ltlm-deploy-test"
LIMIT_SECONDS = 240
MAIL_FROM = "licenses@example.com"
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


def launcher(binary, release):
    """A package that starts the built binary. Its hash and the release stand in it, so that new code is a new package."""
    digest = f"{hashlib.sha256(binary.read_bytes()).hexdigest()} {release}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", date_time=(2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f"#!/bin/sh\n# {digest}\nexec {binary}\n")
    return packed.getvalue()


def prepared(template, cloud, binaries, release):
    """The template with the packages of a release, changed as DEVIATIONS says."""
    template = copy.deepcopy(template)
    s3 = cloud.client("s3")
    for name, properties in functions(template).items():
        binary = template["Resources"][name].pop("Metadata")["BuildProperties"]["Binary"]
        package = launcher(binaries / binary, release)
        key = hashlib.sha256(package).hexdigest()
        s3.put_object(Bucket=BUCKET, Key=key, Body=package)
        properties["CodeUri"] = {"Bucket": BUCKET, "Key": key}
    for change, why in DEVIATIONS:
        count = change(template)
        if count == 0:
            fail(f"the deviation {change.__name__} applies to nothing any more: remove it")
        if release == 1:
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


def answered(request):
    """The status and text of an answer, whatever the status is."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


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
        status, text = answered(request)
        return status, json.loads(text) if text.startswith("{") else text

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
    return project, license, secret, use


def wait_for(what, is_done):
    until = time.monotonic() + 30
    while not is_done():
        if time.monotonic() > until:
            fail(f"waited for {what}")
        time.sleep(0.2)


def is_there(cloud, stack):
    client = cloud.client("cloudformation")
    try:
        return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] != "DELETE_COMPLETE"
    except client.exceptions.ClientError:
        return False


def mails_arrive(cloud, api, secret):
    """A customer asks for a code, and the queue is empty afterwards."""
    api.expect(200, "POST", "/v1/sdk/auth/customer-login-request", {"email": "ada@example.com"}, secret=secret)

    def has_mail():
        _, mails = answered(f"{cloud.url}/_ministack/ses/messages")
        return "ada@example.com" in mails and MAIL_FROM in mails

    wait_for("a mail with a code", has_mail)
    sqs, count = cloud.client("sqs"), "ApproximateNumberOfMessages"
    queues = sqs.list_queues(QueueNamePrefix="ltlm-dev").get("QueueUrls", [])
    if len(queues) != 5:
        fail(f"queues {sorted(queues)} in place of five")

    def are_empty():
        told = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count]) for url in queues]
        return all(queue["Attributes"][count] == "0" for queue in told)

    wait_for("the queues to be empty", are_empty)


def payment_messages_are_judged(api, signing_key):
    """A message of the payment provider counts if it is signed, and not otherwise."""
    body = json.dumps({"id": "evt_1", "object": "event", "type": "ping", "livemode": True, "data": {"object": {}}}).encode()
    at = int(time.time())
    for key, wanted in [(signing_key, 200), ("another", 400)]:
        mac = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"{api.url}/v1/payments/stripe", method="POST", data=body,
            headers={"content-type": "application/json", "stripe-signature": f"t={at},v1={mac}"},
        )
        status, _ = answered(request)
        if status != wanted:
            fail(f"a payment message: {status} in place of {wanted}")


class Device:
    """A device that speaks the encrypted face as the existing client does."""

    def __init__(self, api, project, license_key, hwid):
        self.api, self.license_key, self.hwid = api, license_key, hwid
        self.secret, self.key = project["secretKey"], bytes.fromhex(project["secretKey"])
        self.public_key = load_pem_public_key(project["publicKey"].encode())
        self.nonce = "unknown"

    def call(self, route, **data):
        """The status, and the data of an answer that opens and whose signature holds."""
        plain = json.dumps({"data": {"key": self.license_key, "hwid": self.hwid, **data}, "nonce": self.nonce, "hwid": self.hwid})
        vector = secrets.token_bytes(16)
        padder = PKCS7(128).padder()
        sealer = Cipher(algorithms.AES(self.key), modes.CBC(vector)).encryptor()
        text = sealer.update(padder.update(plain.encode()) + padder.finalize()) + sealer.finalize()
        request = urllib.request.Request(
            f"{self.api.url}/api/v1/sdk/pro/license/{route}", method="POST",
            data=json.dumps({"blob": f"{vector.hex()}:{text.hex()}"}).encode(),
            headers={"content-type": "application/json", "x-project-secret": self.secret},
        )
        status, text = answered(request)
        if status != 200:
            return status, text
        members = json.loads(check_pro.decrypt(self.key, text))
        signature = base64.b64decode(members.pop("signature"))
        self.public_key.verify(signature, check_pro.canonical(members).replace("\\/", "/").encode())
        self.nonce = members["server_nonce"]
        return 200, members["data"]


def pro_journey(api, project, license):
    device = Device(api, project, license.rsplit("/", 1)[1], "pro-desk")
    for route, data in [("validate", {}), ("heartbeat", {}), ("consume", {"amount": 3, "action": "x"})]:
        used = device.nonce
        status, told = device.call(route, **data)
        if status != 200:
            fail(f"pro {route}: {status} {told}")
    if told["tokensRemaining"] != 92:
        fail(f"pro consume: {told['tokensRemaining']} left")
    device.nonce = used
    status, told = device.call("consume", amount=3, action="x")
    if status != 409:
        fail(f"a nonce that was used: {status} {told}")


def schedules_run(cloud, stage):
    """What the schedules send is taken, each by the version that is live."""
    scheduler, functions = cloud.client("scheduler"), cloud.client("lambda")
    for when in ["nightly", "hourly"]:
        target = scheduler.get_schedule(Name=f"ltlm-{stage}-renewals-{when}")["Target"]
        answer = functions.invoke(FunctionName=target["Arn"], Payload=target["Input"].encode())
        told = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer or answer["StatusCode"] != 200:
            fail(f"the {when} renewals: {told}")


def live_versions(cloud, stage):
    """The version of each function that its alias leads to."""
    client = cloud.client("lambda")
    names = [f["FunctionName"] for page in client.get_paginator("list_functions").paginate() for f in page["Functions"]]
    of_stage = [name for name in names if name.startswith(f"ltlm-{stage}-")]
    return {name: client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] for name in of_stage}


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
        stack_template = prepared(template, cloud, binaries, 1)
        cloud.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
        key, digest = admin_key()
        signing_key = "whsec_" + secrets.token_hex(16)
        payments = cloud.client("secretsmanager").create_secret(
            Name="payments", SecretString=json.dumps({"stripeSecretKey": "sk_test_1", "stripeWebhookSecret": signing_key})
        )["ARN"]
        apis = {}
        for stage in ["dev", "staging"]:
            parameters = {
                "AdminKeySha256": digest, "Architecture": architecture(), "Stage": stage, "MailFrom": MAIL_FROM,
                "PaymentSecretArn": payments,
            }
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
        project, license, secret, use = journey(apis["dev"])
        apis["staging"].expect(401, "POST", f"{license}/consume", use, secret=secret)
        say("A vendor and a customer went their way over the gateway; the other stage knows nothing of them.")

        pro_journey(apis["dev"], project, license)
        say("A device spoke the encrypted face; answers open, and their signatures hold.")
        schedules_run(cloud, "dev")
        say("The renewals took what their schedules send.")
        payment_messages_are_judged(apis["dev"], signing_key)
        say("A signed payment message counts, another does not.")
        mails_arrive(cloud, apis["dev"], secret)
        say("A code went from the table through stream, queue and courier into a mail.")

        new_key, new_digest = admin_key()
        parameters = {**parameters, "AdminKeySha256": new_digest, "Stage": "dev"}
        deploy(cloud, "ltlm-dev", stack_template, parameters)
        apis["dev"].expect(200, "GET", "/v1/admin/projects", key=new_key)
        apis["dev"].expect(401, "GET", "/v1/admin/projects", key=key)
        told = apis["dev"].expect(200, "POST", f"{license}/consume", use, secret=secret)
        if told["tokensRemaining"] != 95:
            fail(f"after the change: {told}")
        say("A change of nothing but a parameter reached the live functions: the new key works, the old one does not.")

        versions = live_versions(cloud, "dev")
        deploy(cloud, "ltlm-dev", prepared(template, cloud, binaries, 2), parameters)
        stale = [name for name, version in live_versions(cloud, "dev").items() if versions[name] == version]
        if stale:
            fail(f"new code did not reach {stale}")
        told = apis["dev"].expect(200, "POST", f"{license}/consume", use, secret=secret)
        if told["tokensRemaining"] != 95:
            fail(f"after new code: {told}")
        say("New code reached every live function, and the data are there.")

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

        tables = cloud.client("dynamodb").list_tables()["TableNames"]
        cloud.client("cloudformation").delete_stack(StackName="ltlm-staging-routes")
        cloud.client("cloudformation").delete_stack(StackName="ltlm-staging")
        wait_for("the stack to go", lambda: not is_there(cloud, "ltlm-staging"))
        if cloud.client("dynamodb").list_tables()["TableNames"] != tables:
            fail("a stack took its table with it")
        say("A stack that was deleted left its table.")
        say(f"Deployed and tried in {time.monotonic() - started:.0f} s.")
    finally:
        cloud.stop()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
