"""A receiver of webhooks, as the Standard Webhooks library for Python would have it: takes what was sent, or raises."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.loads(sys.argv[1])
told = Webhook(given["secret"]).verify(given["body"], given["headers"])

for secret, body in (
    (given["secret"], given["body"].replace("order", "Order")),
    ("whsec_" + "A" * 43 + "=", given["body"]),
):
    try:
        Webhook(secret).verify(body, given["headers"])
    except WebhookVerificationError:
        continue
    sys.exit("a forged message was taken")

print(f"{told['type']} verified; a changed body and another secret refused")
