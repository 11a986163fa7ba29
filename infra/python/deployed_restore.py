"""A table that was copied, as a restored backup is: under a new stack with a key of its own, and in place of the one there was."""

import os
import subprocess

from deployed_journeys import Api, Device
from local_cloud import deploy, errors_logged, fail, resources, say

# Items that one call writes, which is what DynamoDB takes.
ITEMS_PER_CALL = 25


def physical(cloud, stack, name):
    return resources(cloud, stack)[name]["PhysicalResourceId"]


def copied(cloud, table, name):
    """A copy of a table, with a stream of its own: the stream's ARN, and how many items there are."""
    dynamodb = cloud.client("dynamodb")
    source = dynamodb.describe_table(TableName=table)["Table"]
    index = ("IndexName", "KeySchema", "Projection")
    dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=source["KeySchema"],
        AttributeDefinitions=source["AttributeDefinitions"],
        GlobalSecondaryIndexes=[{part: one[part] for part in index} for one in source["GlobalSecondaryIndexes"]],
    )
    count = 0
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        items = page["Items"]
        for start in range(0, len(items), ITEMS_PER_CALL):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + ITEMS_PER_CALL]]
            left = dynamodb.batch_write_item(RequestItems={name: puts})["UnprocessedItems"]
            if left:
                fail(f"items were not copied: {left}")
        count += len(items)
    # Like a restored table it gets its stream afterwards: what is in it already is told to nobody once more.
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    dynamodb.update_table(TableName=name, StreamSpecification=stream)
    return dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"], count


def into_a_new_stack(cloud, template, parameters, dev, project, license, consumed, binaries):
    """As in another region: a new stack with a key of its own takes the copy, and rewraps the keys in it while the old key lives."""
    stream, count = copied(cloud, physical(cloud, "ltlm-dev", "Table"), "ltlm-restored")
    previous = cloud.client("kms").describe_key(KeyId=physical(cloud, "ltlm-dev", "Key"))["KeyMetadata"]["Arn"]
    url, made, _ = template.deploy("prod", {
        **parameters, "Stage": "prod", "ExistingTable": "ltlm-restored", "ExistingTableStreamArn": stream, "PreviousKeyArn": previous,
    })
    if "Table" in made or "Key" not in made:
        fail("the new stack must take the table, and make a key")
    restored = Api(url, dev.key)
    consumed(restored)
    device = Device(restored, project, license.rsplit("/", 1)[1], "restored")
    status, told = device.call("validate")
    if status != 500:
        fail(f"before keys are rewrapped nothing can be signed: {status} {told}")
    command = [str(binaries / "ltlm"), "--url", url, "projects", "rewrap", "--previous-key", previous]
    environment = {**os.environ, "LTLM_ADMIN_KEY": dev.key}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    if done.returncode != 0:
        fail(f"projects rewrap: {done.stdout} {done.stderr}")
    status, told = device.call("validate")
    if status != 200:
        fail(f"after keys were rewrapped: {status} {told} {done.stdout} {errors_logged(cloud, 'prod')}")
    used = {"hwid": "desk", "amount": 1, "action": "x", "operationId": "restored-1"}
    left = restored.expect(200, "POST", f"{license}/consume", used, secret=project["secretKey"])["tokensRemaining"]
    dev.expect(200, "POST", f"{license}/consume", {**used, "operationId": "dev-1", "amount": 2}, secret=project["secretKey"])
    again = restored.expect(200, "POST", f"{license}/consume", used, secret=project["secretKey"])["tokensRemaining"]
    if left != again:
        fail("two stacks share a table")
    say(f"A new stack took a copy of the table ({count} items), with a key of its own: licenses and secrets work.")


def in_place(cloud, template, parameters, dev, consumed):
    """As after damage: the stack goes on with the copy in place of its table, under its address and with its key."""
    former = physical(cloud, "ltlm-dev", "Table")
    stream, _ = copied(cloud, former, "ltlm-in-place")
    parameters = {**parameters, "ExistingTable": "ltlm-in-place", "ExistingTableStreamArn": stream}
    deploy(cloud, "ltlm-dev", template.release(2), parameters)
    if former not in cloud.client("dynamodb").list_tables()["TableNames"]:
        fail("the former table is gone")
    dev.expect(201, "POST", "/v1/admin/projects", {"name": "After the restore"})
    consumed(dev)
    names = [
        item.get("name", {}).get("S") for page in cloud.client("dynamodb").get_paginator("scan").paginate(TableName="ltlm-in-place")
        for item in page["Items"]
    ]
    if "After the restore" not in names:
        fail("the live functions go on writing to the former table")
    say("The stack went on with a copy in place of its table, which stays.")
    return parameters
