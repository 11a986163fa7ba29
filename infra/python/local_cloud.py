"""A local cloud (MiniStack, with IAM enforced), and template.yaml deployed into it.

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
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-west-1"
BUCKET = "ltlm-deploy-test"
# Longest that all of a test may take.
LIMIT_SECONDS = 420
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


# How long a process goes on with the clock that it read last.
CLOCK_SECONDS = 1

# Debian's package faketime. Preloaded, it lets a process and all that it starts see a clock of our own.
CLOCK_LIBRARIES = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class Cloud:
    """A running local cloud; with `has_clock` its clock can be moved."""

    def __init__(self, folder, has_clock=False):
        self.folder = folder
        self.clock = folder / "clock" if has_clock else None
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
        if self.clock:
            self.move_clock(0)
            environment |= {
                "LD_PRELOAD": str(CLOCK_LIBRARIES[0]), "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                # The library parses the file without a lock: threads that parse it at each look at the clock see times that never were.
                "FAKETIME_CACHE_DURATION": str(CLOCK_SECONDS),
            }
        program = pathlib.Path(__file__).parent / "run_cloud.py"
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(
            [sys.executable, str(program)], cwd=folder, env=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
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
        """A client of one of the cloud's services. Its requests carry the cloud's time, which a moved clock is ahead of ours."""
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, read_timeout=120)
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test",
            config=config,
        )

    def move_clock(self, seconds):
        """Lets the cloud and its functions see a clock that is ahead of ours. Returns when all of them see it."""
        # Put in place at once: the clock is read while it is written.
        new = self.folder / "clock.new"
        new.write_text(f"+{seconds}")
        new.replace(self.clock)
        time.sleep(2 * CLOCK_SECONDS)

    def processes(self, function):
        """Process ids of a function that run just now."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            is_ours = f"AWS_ENDPOINT_URL={self.url}".encode() in environment
            if is_ours and f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in environment:
                found.append(int(folder.name))
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=15)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)


def launcher(binary, release):
    """A package that starts the built binary. The release stands in it, so that a new one is new code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", date_time=(2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f"#!/bin/sh\n# release {release}\nexec {binary}\n")
    return packed.getvalue()


def adapted(template, is_listed):
    """A copy of the template, changed as DEVIATIONS says."""
    template = copy.deepcopy(template)
    for change, why in DEVIATIONS:
        count = change(template)
        if count == 0:
            fail(f"the deviation {change.__name__} applies to nothing any more: remove it")
        if is_listed:
            say(f"  changed in {count} places: {change.__name__} ({why})")
    return template


def prepared(template, cloud, binaries, release):
    """The adapted template with the packages of a release."""
    template = adapted(template, is_listed=release == 1 and not cloud.clock)
    s3 = cloud.client("s3")
    for name, properties in functions(template).items():
        binary = template["Resources"][name].pop("Metadata")["BuildProperties"]["Binary"]
        package = launcher(binaries / binary, release)
        key = hashlib.sha256(package).hexdigest()
        s3.put_object(Bucket=BUCKET, Key=key, Body=package)
        properties["CodeUri"] = {"Bucket": BUCKET, "Key": key}
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
    integrations = definition["components"]["x-amazon-apigateway-integrations"]
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            used = operation["x-amazon-apigateway-integration"]["$ref"].rsplit("/", 1)[1]
            uri = integrations[used]["uri"]["Fn::Sub"]
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


def wait_for(what, is_done, seconds=30):
    until = time.monotonic() + seconds
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


def live_versions(cloud, stage):
    """The version of each function that its alias leads to."""
    client = cloud.client("lambda")
    names = [f["FunctionName"] for page in client.get_paginator("list_functions").paginate() for f in page["Functions"]]
    of_stage = [name for name in names if name.startswith(f"ltlm-{stage}-")]
    return {name: client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] for name in of_stage}


# How a line of an error begins: the local cloud asks for no JSON lines, AWS does.
ERROR_LINE = re.compile(r'^\s*ERROR\b|"level":"ERROR"|^thread .* panicked')


def errors_logged(cloud, stage):
    """The errors in the logs of a stage's functions."""
    logs = cloud.client("logs")
    found, lines = [], 0
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/ltlm-{stage}-"):
        for group in page["logGroups"]:
            for told in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                messages = [event["message"] for event in told["events"]]
                lines += len(messages)
                found += [f"{group['logGroupName']}: {message[:300]}" for message in messages if ERROR_LINE.search(message)]
    if lines == 0:
        fail(f"the functions of {stage} logged nothing: errors would not be seen")
    return found


def architecture():
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def admin_key():
    """A new administrator key, and its SHA-256."""
    key = "ltlm_admin_" + secrets.token_hex(16)
    return key, hashlib.sha256(key.encode()).hexdigest()


class Template:
    """template.yaml, prepared for the local cloud."""

    def __init__(self, cloud, binaries):
        self.cloud, self.binaries = cloud, binaries
        self.source = yaml_parse(pathlib.Path("template.yaml").read_text())
        self.definition = self.source["Resources"]["Api"]["Properties"]["DefinitionBody"]
        cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.releases = {}

    def release(self, number):
        """The template with packages of its own for this release."""
        if number not in self.releases:
            self.releases[number] = prepared(self.source, self.cloud, self.binaries, number)
        return copy.deepcopy(self.releases[number])

    def deploy(self, stage, parameters):
        """Deploys release 1 as a new stage: its base URL, resources, and number of routes."""
        deploy(self.cloud, f"ltlm-{stage}", self.release(1), parameters)
        made = resources(self.cloud, f"ltlm-{stage}")
        api = made["Api"]["PhysicalResourceId"]
        routes = deploy_routes(self.cloud, f"ltlm-{stage}", self.definition, stage, api)
        # Without a stage, as on AWS: a path that begins with the name of a stage is of that stage, any other of $default.
        return f"{self.cloud.url}/_aws/execute-api/{api}", made, routes
