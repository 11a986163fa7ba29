"""The way of a vendor: release packages by `sam build`, deployed by `sam deploy` with guided answers as arguments."""

import json
import os
import pathlib
import subprocess
import time

from deployed_journeys import Api, journey, mails_arrive, pro_journey
from local_cloud import (
    BUCKET, MAIL_FROM, REGION, Cloud, Template, adapted, admin_key, architecture, deploy_routes, errors_logged, fail, functions, resources,
    say,
)

# Smallest package of a function that can be real, in bytes: an empty one is answered for by the local cloud itself.
PACKAGE_BYTES_MIN = 500_000


def sam(cloud, folder, path, *arguments):
    """Runs sam, with cargo-lambda on its path, against the local cloud."""
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud.url, "SAM_CLI_TELEMETRY": "0", "PATH": f"{path}:{os.environ['PATH']}",
    }
    started = time.monotonic()
    done = subprocess.run([str(folder / "sam"), *arguments], env=environment, check=False)
    if done.returncode != 0:
        fail(f"sam {arguments[0]} ended with {done.returncode}")
    say(f"sam {arguments[0]} took {time.monotonic() - started:.0f} s.")


def packages_are_deployed(sam_folder, cargo_lambda_folder, work):
    with Cloud(work / "cloud-packaged") as cloud:
        template = Template(cloud, None)
        cloud.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
        changed = adapted(template.source, is_listed=True)
        for properties in functions(changed).values():
            properties["CodeUri"] = str(pathlib.Path.cwd())
        source, built = work / "template.json", work / "built"
        source.write_text(json.dumps(changed))
        sam(cloud, sam_folder, cargo_lambda_folder, "build", "--template-file", str(source), "--build-dir", str(built), "--parameter-overrides",
            f"Architecture={architecture()}")
        key, digest = admin_key()
        sam(cloud, sam_folder, cargo_lambda_folder, "deploy", "--template-file", str(built / "template.yaml"), "--stack-name", "ltlm-dev", "--s3-bucket", BUCKET,
            "--region", REGION, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-confirm-changeset",
            "--parameter-overrides", f"AdminKeySha256={digest}", f"Architecture={architecture()}", f"MailFrom={MAIL_FROM}", "Stage=dev")
        api = resources(cloud, "ltlm-dev")["Api"]["PhysicalResourceId"]
        deploy_routes(cloud, "ltlm-dev", template.definition, "dev", api)
        deployed = [f for page in cloud.client("lambda").get_paginator("list_functions").paginate() for f in page["Functions"]]
        sizes = {f["FunctionName"]: f["CodeSize"] for f in deployed}
        small = [name for name, size in sizes.items() if size < PACKAGE_BYTES_MIN]
        if small or len(sizes) != len(functions(changed)):
            fail(f"packages of {len(sizes)} functions; too small: {small}")
        dev = Api(f"{cloud.url}/_aws/execute-api/{api}", key)
        project, license, secret, _ = journey(dev)
        pro_journey(dev, project, license)
        mails_arrive(cloud, dev, secret)
        found = errors_logged(cloud, "dev")
        if found:
            fail("errors in the logs:\n" + "\n".join(found[:5]))
        say(f"{len(sizes)} release packages ({sum(sizes.values()) / 1e6:.0f} MB in all) were built and deployed by SAM, and work.")
