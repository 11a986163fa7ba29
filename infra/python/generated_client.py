"""The client that openapi-python-client makes of infra/openapi.json, on a flow of an account and of an organization.

Usage: generated_client.py FOLDER BASE_URL ADMIN_KEY PROJECT_ID, where FOLDER holds the package `ltlm_client`.
"""

import datetime
import sys

folder, url, key, project = sys.argv[1:]
sys.path.insert(0, folder)

from ltlm_client import AuthenticatedClient, models  # noqa: E402
from ltlm_client.api.accounts import account_entries, charge_account, create_account, debit_account, refund_account  # noqa: E402
from ltlm_client.api.organizations import create_access_token, create_organization  # noqa: E402
from ltlm_client.api.tokens import check_tokens, token_stats  # noqa: E402

vendor = AuthenticatedClient(base_url=url, token=key)


def call(route, *arguments, client=vendor, **options):
    """What a route answers, parsed."""
    return route.sync(*arguments, client=client, **options)


made = call(create_account, body=models.CreateAccountBody(account_id="ada", opening_balance=20), x_project_id=project)
assert isinstance(made, models.AccountData) and made.tokens_balance == 20, made
assert isinstance(made.created_at, datetime.datetime), made.created_at

charge = models.ChargeAccountBody(operation_type="image_generation", operation_id="gen-1")
charge.metadata = models.ChargeAccountBodyMetadataType0.from_dict({"model": "m"})
for replayed in (False, True):
    charged = call(charge_account, "ada", body=charge, x_project_id=project)
    assert isinstance(charged, models.AccountMovement), charged
    assert (charged.new_balance, charged.replayed) == (10, replayed), charged

debit = models.DebitAccountBody(operation_type="video", amount=500)
refused = call(debit_account, "ada", body=debit, x_project_id=project)
assert isinstance(refused, models.AccountInsufficientError), refused
assert (refused.details.required, refused.details.balance, refused.details.deficit) == (500, 10, 490), refused

refund = call(refund_account, "ada", body=models.RefundAccountBody(amount=4, reason="half"), x_project_id=project)
assert refund.new_balance == 14 and refund.refunded[0].operation_id == "gen-1", refund
entries = call(account_entries, "ada", limit=2, x_project_id=project)
assert [(entry.amount, entry.category.value) for entry in entries.entries] == [(4, "refunded"), (-10, "spent")], entries

call(create_organization, body=models.CreateOrganizationBody(organization_id="acme", plan="pro"), x_project_id=project)
session = call(create_access_token, body=models.CreateAccessTokenBody(organization_id="acme"), x_project_id=project)
member = AuthenticatedClient(base_url=url, token=session.access_token)
use = models.CheckTokensBody(organization_id="acme", feature_used="generate_goal", action=models.CheckTokensBodyAction.DEDUCT)
used = call(check_tokens, body=use, client=member)
assert isinstance(used, models.TokenUse) and used.remaining_balance == 17, used
assert call(token_stats, client=member, organization_id="acme").total_balance == 247
print("The generated Python client works.")
