"""What callers of a deployed stage do, and what they must be answered."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request

import check_pro
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from local_cloud import MAIL_FROM, fail, wait_for


def answered(request):
    """The status and text of an answer, whatever the status is."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Api:
    """A deployed stage. What was asked and answered is kept, to be compared."""

    def __init__(self, url, key):
        self.url, self.key, self.transcript = url, key, []

    def call(self, method, path, body=None, secret=None, key=None, headers=None):
        sent = {"content-type": "application/json", **(headers or {})}
        if secret:
            sent["x-project-secret"] = secret
        else:
            sent["authorization"] = f"Bearer {key or self.key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, headers=sent, data=data)
        status, text = answered(request)
        told = json.loads(text) if text.startswith("{") else text
        self.transcript.append((method, path, status, told))
        return status, told

    def expect(self, status, *arguments, **named):
        told, body = self.call(*arguments, **named)
        if told != status:
            fail(f"{arguments[0]} {arguments[1]}: {told} in place of {status}: {body}")
        return body


def issue(api, name, limits, terms=None):
    """A project called `name`, and the path of a license in it with these limits."""
    project = api.expect(201, "POST", "/v1/admin/projects", {"name": name})
    of_project = f"/v1/admin/projects/{project['projectId']}"
    policy = {"name": "P", "slug": "p", "type": "perpetual", "config": {"limits": limits}, **(terms or {})}
    made = api.expect(201, "POST", f"{of_project}/policies", policy)
    order = {"policyId": made["PolicyID"], "customer": {"email": "ada@example.com"}}
    issued = api.expect(201, "POST", f"{of_project}/licenses", order)
    return project, f"/v1/sdk/license/{issued['licenses'][0]['licenseKey']}"


def journey(api):
    """A vendor and a customer, over the gateway, with names that a path must encode."""
    limits = {"seats": {"enabled": True, "maxSeats": 2}, "tokens": {"enabled": True, "maxTokens": 100}, "devices": {"maxDevices": 20}}
    project, license = issue(api, "Deployed", limits)
    key, secret = license.rsplit("/", 1)[1], project["secretKey"]
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
    held = api.expect(
        200, "POST", f"/v1/accounts/{name}/holds",
        {"operationType": "x", "amount": 20, "expiresInSeconds": 600, "operationId": "hold#1?50%+"}, headers=of_account,
    )
    hold = urllib.parse.quote(held["hold"]["id"], safe="")
    api.expect(200, "POST", f"/v1/accounts/{name}/holds/{hold}/commit", {"amount": 3}, headers=of_account)
    balance = api.expect(200, "GET", f"/v1/accounts/{name}/balance", headers=of_account)["balance"]
    if balance != 90:
        fail(f"the account with an odd name has {balance}")
    api.expect(201, "POST", "/v1/organizations", {"organizationId": "acme & sons #1", "plan": "pro"}, headers=of_account)
    organization = "/v1/organizations/" + urllib.parse.quote("acme & sons #1", safe="")
    for user in ["ada lovelace+1", "ada?#%"]:
        api.expect(200, "PUT", f"{organization}/members/{urllib.parse.quote(user, safe='')}", headers=of_account)
    return project, license, secret, use


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
