// The snippets of the first client's documents, compiled as they are there, and run against a local server.
using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using LTLM;

/// <summary>What Unity has, as far as the snippets use it.</summary>
internal static class Debug
{
    internal static readonly List<string> Lines = new List<string>();

    internal static void Log(object text)
    {
        lock (Lines) Lines.Add(text.ToString());
    }

    internal static void LogError(object text)
    {
        lock (Lines) Lines.Add("error: " + text);
    }
}

internal static class Application
{
    internal static string Opened;

    internal static void OpenURL(string url)
    {
        Opened = url;
    }
}

/// <summary>Snippets about tokens.</summary>
internal sealed class TokenSnippets
{
    internal readonly List<string> Seen = new List<string>();

    private void See(string what)
    {
        lock (Seen) Seen.Add(what);
    }

    private void EnableExportButton() { See("EnableExportButton"); }
    private void ShowTopUpPrompt() { See("ShowTopUpPrompt"); }
    private void ExecuteExport() { See("ExecuteExport"); }
    private void StartExport() { See("StartExport"); }
    private void ShowError(string error) { See("ShowError " + error); }
    private void ShowInsufficientTokensDialog(int cost) { See("ShowInsufficientTokensDialog " + cost); }
    private void UpdateUI(int? remaining) { See("UpdateUI " + remaining); }
    private void ShowSyncIndicator(string text) { See("ShowSyncIndicator " + text); }
    private void EnableProExportFeature() { See("EnableProExportFeature"); }
    private void ShowUpgradeDialog() { See("ShowUpgradeDialog"); }

    internal void Balance()
    {
        var license = LTLMManager.Instance.ActiveLicense;

        int limit = license.tokensLimit ?? 0;     // Total allocation
        int consumed = license.tokensConsumed ?? 0; // Used tokens
        int remaining = license.tokensRemaining ?? 0; // Available tokens
        See("tokens " + limit + " " + consumed + " " + remaining);

        int balance = LTLMManager.Instance.GetTokenBalance();
        Debug.Log($"Tokens available: {balance}");

        LTLMManager.Instance.DoesHaveTokens(5, hasTokens => {
            if (hasTokens)
            {
                EnableExportButton();
            }
            else
            {
                ShowTopUpPrompt();
            }
        });
    }

    internal void Consume()
    {
        LTLMManager.Instance.ConsumeTokens(
            amount: 1,
            action: "export_model",
            onConsumed: license => {
                Debug.Log($"Success! Remaining: {license.tokensRemaining}");
                ExecuteExport();
            },
            onError: error => {
                Debug.LogError($"Consumption failed: {error}");
                ShowError(error);
            }
        );
    }

    public void OnExportClicked()
    {
        const int EXPORT_COST = 5;

        if (LTLMManager.Instance.GetTokenBalance() >= EXPORT_COST)
        {
            LTLMManager.Instance.ConsumeTokens(EXPORT_COST, "export",
                license => StartExport(),
                error => ShowError(error)
            );
        }
        else
        {
            ShowInsufficientTokensDialog(EXPORT_COST);
        }
    }

    internal void Optimistic()
    {
        LTLMManager.Instance.ConsumeTokens(1, "action",
            license => {
                // license.tokensRemaining reflects optimistic update
                UpdateUI(license.tokensRemaining);
            },
            error => { }
        );
    }

    internal void Offline()
    {
        LTLMManager.Instance.SyncPendingConsumptions();
        int pending = LTLMManager.Instance.GetPendingConsumptionCount();
        if (pending > 0)
        {
            ShowSyncIndicator($"{pending} actions pending sync");
        }
    }

    internal void Advanced()
    {
        LTLMManager.Instance.ConsumeTokens(
            amount: 10,
            action: "render_high_quality",
            meta: new Dictionary<string, object> {
                { "resolution", "4K" },
                { "duration_seconds", 120 },
                { "scene_name", "MainLevel" }
            },
            onConsumed: license => { },
            onError: error => { }
        );

        LTLMManager.Instance.ConsumeTokens(1, "action_a");
        LTLMManager.Instance.ConsumeTokens(2, "action_b");
        LTLMManager.Instance.ConsumeTokens(1, "action_c");

        if (LTLMManager.Instance.IsEntitled("pro", requiredTokens: 5))
        {
            EnableProExportFeature();
        }
        else
        {
            // Either missing capability or insufficient tokens
            ShowUpgradeDialog();
        }
    }

    internal void TopUp()
    {
        var packs = LTLMManager.Instance.GetTopUpOptions();

        foreach (var pack in packs)
        {
            Debug.Log($"{pack.displayName}: {pack.tokens} tokens for ${pack.price}");
        }

        LTLMManager.Instance.CreateTopUpSession(
            packId: "tokens_50",
            redirectUrl: "https://yourapp.com/success",
            checkoutUrl => Application.OpenURL(checkoutUrl),
            error => Debug.LogError(error)
        );
    }

    internal void History()
    {
        LTLMManager.Instance.GetTokenHistory(
            history => {
                foreach (var record in history)
                {
                    Debug.Log($"{record.timestamp}: {record.action} - {record.amount} tokens");
                }
                See("history");
            },
            error => Debug.LogError(error)
        );
    }
}

/// <summary>Snippets of the quick reference.</summary>
internal sealed class ReferenceSnippets
{
    internal readonly List<string> Seen = new List<string>();
    private readonly Action<LicenseData, LicenseStatus> onSuccess;
    private readonly Action<string> onError;

    internal ReferenceSnippets()
    {
        onSuccess = (license, status) => See("success " + status);
        onError = error => See("failure " + error);
    }

    private void See(string what)
    {
        lock (Seen) Seen.Add(what);
    }

    internal void Setup(string key)
    {
        LTLMManager.Instance.ActivateLicense(key,
            (license, status) => { See("activated " + status + " " + license.licenseKey); },
            (error) => { See("failure " + error); }
        );
    }

    internal void License()
    {
        if (LTLMManager.Instance.IsAuthenticated) {
            See("authenticated");
        }
        LicenseData license = LTLMManager.Instance.ActiveLicense;
        See(license.status + " " + license.tokensRemaining + " " + (license.validUntil != null));
    }

    internal void OnEnable() {
        LTLMManager.OnLicenseStatusChanged += HandleStatus;
        LTLMManager.OnKicked += HandleKicked;
    }

    internal void OnDisable() {
        LTLMManager.OnLicenseStatusChanged -= HandleStatus;
        LTLMManager.OnKicked -= HandleKicked;
    }

    void HandleStatus(LicenseStatus status) {
        See("status " + status);
    }

    void HandleKicked(KickedNotice notice) {
        See("kicked by " + notice.kickedByNickname);
    }

    internal void Operations(string key)
    {
        LTLMManager.Instance.ActivateLicense(key, onSuccess, onError);
        LTLMManager.Instance.ValidateLicense(key, onSuccess, onError);
        LTLMManager.Instance.TryLoadStoredLicense(onSuccess, onError);
    }

    internal void SignOut()
    {
        LTLMManager.Instance.DeactivateSeat();
        LTLMManager.Instance.ClearLicenseCache();
    }

    internal void Seats(string targetHwid)
    {
        if (LTLMManager.Instance.IsWaitingForSeat) { See("waiting"); }
        Action<GetSeatsResponse> onSeats = response => See("seats " + response.activeSeats + " " + response.seats.Count);
        LTLMManager.Instance.GetActiveSeats(onSeats, onError);
        Action<ReleaseSeatResponse> onReleased = response => See("released " + response.seatClaimed);
        LTLMManager.Instance.ReleaseSeat(targetHwid, claimSeat: true, onReleased, onError);
    }

    internal void Tokens(int amount, Dictionary<string, object> meta)
    {
        int balance = LTLMManager.Instance.GetTokenBalance();
        Action<LicenseData> onSuccess = license => See("consumed " + (balance - license.tokensRemaining));
        LTLMManager.Instance.ConsumeTokens(amount, meta, onSuccess, onError);
        LTLMManager.Instance.ConsumeTokens(amount);
        if (LTLMManager.Instance.IsEntitled("pro", requiredTokens: 5)) { See("entitled"); }
    }

    internal void GetSettings()
    {
        LTLMManager.Instance.GetUserSettings(
            settings => Debug.Log($"Theme: {settings["theme"]}"),
            error => Debug.LogError(error)
        );
    }

    internal void SaveSettings()
    {
        var settings = new Dictionary<string, object> {
            { "theme", "dark" },
            { "language", "en" }
        };
        LTLMManager.Instance.SaveUserSettings(settings,
            () => Debug.Log("Saved!"),
            error => Debug.LogError(error)
        );
    }

    internal string Cached()
    {
        var cached = LTLMManager.Instance.GetLocalUserSettings();
        return cached["theme"] as string;
    }

    internal string Pattern()
    {
        switch (LTLMManager.Instance.GetLicenseStatus()) {
            case LicenseStatus.Active: return "EnableAllFeatures";
            case LicenseStatus.ValidNoSeat: return "ShowSeatManagement";
            case LicenseStatus.Kicked: return "ShowReactivateButton";
            case LicenseStatus.GracePeriod: return "ShowRenewalWarning";
            case LicenseStatus.Expired: return "ShowRenewalRequired";
            default: return "ShowActivationScreen";
        }
    }

    internal async Task<string> Heartbeat()
    {
        var response = await LTLMManager.Instance.SendHeartbeat();
        return response.status + " " + (response.heartbeatIntervalSeconds > 0);
    }

    internal async Task<bool> OnReleaseSeatClicked(string targetHwid) {
        var result = await LTLMManager.Instance.ReleaseSeat(targetHwid, claimSeat: true);
        if (result.seatClaimed) {
            // We now have the seat
            LTLMManager.Instance.StartHeartbeat();
        }
        return result.seatClaimed;
    }
}
