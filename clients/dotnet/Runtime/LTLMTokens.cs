using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace LTLM
{
    // Tokens, and what can be bought.
    public sealed partial class LTLMManager
    {
        /// <summary>Tokens left, uses that wait already taken off.</summary>
        public int GetTokenBalance()
        {
            return (int)Math.Max(int.MinValue, Math.Min(int.MaxValue, native.Balance()));
        }

        /// <summary>Is the balance at least so large? Asks the server first if told to, for five seconds at most.</summary>
        public void DoesHaveTokens(int required, Action<bool> onResult, bool forceRefresh = true)
        {
            Begin(forceRefresh ? "has_tokens" : "balance", forceRefresh ? Of("amount", required) : None, (told, error) =>
            {
                var isEnough = error == null && told is bool ? (bool)told : GetTokenBalance() >= required;
                if (onResult != null) onResult(isEnough);
            });
        }

        /// <summary>
        /// Uses tokens. Decided at once by what is known, recorded before this returns, and charged once, when the server can be reached.
        /// On an error nothing was used.
        /// </summary>
        public void ConsumeTokens(int amount, string action, Action<LicenseData> onConsumed = null, Action<string> onError = null)
        {
            Consume(amount, action, null, onConsumed, onError);
        }

        /// <summary>The same, with facts about the use.</summary>
        public void ConsumeTokens(
            int amount, string action, Dictionary<string, object> meta, Action<LicenseData> onConsumed = null, Action<string> onError = null)
        {
            Consume(amount, action, meta, onConsumed, onError);
        }

        /// <summary>The same; what it was for is <c>meta["action"]</c>, or "consume".</summary>
        public void ConsumeTokens(
            int amount, Dictionary<string, object> meta, Action<LicenseData> onSuccess = null, Action<string> onError = null)
        {
            object action = null;
            if (meta != null) meta.TryGetValue("action", out action);
            Consume(amount, action as string ?? "consume", meta, onSuccess, onError);
        }

        /// <summary>The same, for "consume".</summary>
        public void ConsumeTokens(int amount)
        {
            Consume(amount, "consume", null, null, null);
        }

        /// <summary>
        /// Uses tokens if the server agrees: the callback comes when it has charged them. The same operation id is charged once, however often
        /// it is sent. <c>OUTCOME_UNKNOWN</c> means that no answer came: it is sent again, and the event <c>operation_done</c> tells.
        /// </summary>
        public void ConsumeTokensConfirmed(
            int amount, string action, Dictionary<string, object> meta = null, Action<LicenseData> onConsumed = null,
            Action<string> onError = null, string operationId = null)
        {
            var arguments = Of("amount", amount, "action", action, "meta", meta, "operationId", operationId);
            Begin("consume_confirmed", arguments, onConsumed, onError, told => ActiveLicense);
        }

        private void Consume(
            int amount, string action, Dictionary<string, object> meta, Action<LicenseData> onConsumed, Action<string> onError)
        {
            LTLMException failure = null;
            try
            {
                native.Call("consume", Of("amount", amount, "action", action, "meta", meta));
            }
            catch (LTLMException error)
            {
                failure = error;
            }
            // The callback comes as the result of a call that only waits its turn: after the use's own event.
            Begin("balance", None, (told, error) =>
            {
                if (failure != null) Tell(onError, failure);
                else if (onConsumed != null) onConsumed(ActiveLicense);
            });
        }

        /// <summary>Charges what waits, now.</summary>
        public void SyncPendingConsumptions()
        {
            Begin("sync", None, (told, error) => { });
        }

        /// <summary>Uses that wait to be charged.</summary>
        public int GetPendingConsumptionCount()
        {
            return (int)Math.Min(int.MaxValue, native.Pending());
        }

        /// <summary>What was used, newest first: the hundred latest entries of the ledger that are uses.</summary>
        public void GetTokenHistory(Action<List<TokenRecord>> onSuccess, Action<string> onError = null)
        {
            Begin("history", Of("limit", 100), onSuccess, onError, told =>
            {
                var entries = Json.To<List<TokenRecord>>(((Dictionary<string, object>)told)["entries"]);
                entries.RemoveAll(entry => entry.amount > 0);
                entries.ForEach(entry => entry.amount = -entry.amount);
                return entries;
            });
        }

        /// <summary>Packs that can be bought on top of the license.</summary>
        public List<TopUpOption> GetTopUpOptions()
        {
            return Json.To<List<TopUpOption>>(native.Call("top_up_options", None));
        }

        /// <summary>A payment page for a pack.</summary>
        public void CreateTopUpSession(string packId, string redirectUrl, Action<string> onUrlReceived, Action<string> onError = null)
        {
            Begin("top_up", Of("packId", packId, "redirectUrl", redirectUrl), onUrlReceived, onError, Url);
        }

        /// <summary>What is for sale.</summary>
        public void GetBuyablePolicies(Action<List<PolicyData>> onSuccess, Action<string> onError = null)
        {
            Begin("buyable", None, onSuccess, onError, Json.To<List<PolicyData>>);
        }

        /// <summary>A payment page for a policy, named by its number or its short name.</summary>
        public void CreateCheckoutSession(
            string policyId, string email, string redirectUrl, Action<string> onUrlReceived, Action<string> onError = null)
        {
            var arguments = Of("policyId", policyId, "email", email, "redirectUrl", redirectUrl);
            Begin("checkout", arguments, onUrlReceived, onError, Url);
        }

        /// <summary>May this e-mail address have a trial? The answer is not signed: it is for showing.</summary>
        public void CheckTrialEligibility(string email, Action<TrialEligibilityResponse> onSuccess, Action<string> onError = null)
        {
            Begin("trial", Of("email", email), onSuccess, onError, Json.To<TrialEligibilityResponse>);
        }

        /// <summary>Mails a code to a customer. The answer is the same whether the address is known or not.</summary>
        public void RequestOTP(string email, Action onSuccess = null, Action<string> onError = null)
        {
            Begin("request_code", Of("email", email), onSuccess, onError);
        }

        /// <summary>The licenses of a customer who got a code.</summary>
        public void VerifyOTP(string email, string code, Action<CustomerPortfolio> onSuccess, Action<string> onError = null)
        {
            Begin("verify_code", Of("email", email, "code", code), onSuccess, onError, Json.To<CustomerPortfolio>);
        }

        private static string Url(object told)
        {
            return ((Dictionary<string, object>)told)["checkoutUrl"] as string;
        }
    }
}
