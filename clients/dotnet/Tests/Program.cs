// The tests of the C# client, against a local server:
//
//     Program.exe SETTINGS.json LICENSE-KEY
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using LTLM;

internal static class Program
{
    private static void Check(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException("It does not hold: " + what);
    }

    private static void WaitUntil(Func<bool> isSo, string what)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!isSo())
        {
            Check(DateTime.UtcNow < until, what);
            Thread.Sleep(20);
        }
    }

    private static bool Has(List<string> seen, string what)
    {
        lock (seen) return seen.Contains(what);
    }

    private static int Main(string[] words)
    {
        try
        {
            Numbers();
            Table(File.ReadAllText(words[2]));
            var manager = LTLMManager.Configure(Config(words[0]));
            Action<Exception> write = failure => Console.Error.WriteLine(failure);
            LTLMManager.OnCallbackFailed += write;
            Reference(words[1]);
            Tokens();
            Refusals(manager);
            Life(manager);
            LTLMManager.OnCallbackFailed -= write;
            LTLMManager.Instance.Dispose();
            Settings(words[0]);
            Pumped(Config(words[0]));
            Console.WriteLine("the tests of the C# client passed");
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            return 1;
        }
    }

    private static LTLMConfig Config(string path)
    {
        var text = File.ReadAllText(path);
        Func<string, string> of = name => Regex.Unescape(Regex.Match(text, "\"" + name + "\": \\[?\\s*\"([^\"]*)\"").Groups[1].Value);
        return new LTLMConfig
        {
            baseUrl = of("baseUrl"), projectId = of("projectId"), projectSecret = of("projectSecret"), publicKeys = { of("publicKeys") },
            appVersion = of("appVersion"), dataDir = of("dataDir"), deviceId = of("deviceId"),
        };
    }

    /// <summary>Settings of storage, certificates and the log, and what cannot be.</summary>
    private static void Settings(string path)
    {
        var lines = new List<string>();
        Action<string, string> write = (level, message) => { lock (lines) lines.Add(level + " " + message); };
        LTLMManager.OnLog += write;
        var config = Config(path);
        config.dataDir = null;
        config.storage = "memory";
        config.log = "info";
        using (LTLMManager.Configure(config))
        {
            LTLMManager.Instance.TryLoadStoredLicense();
            WaitUntil(() => { lock (lines) return lines.Exists(line => line.Contains("code=NoLicense")); }, "the log tells of the call");
            Check(lines.TrueForAll(line => line.StartsWith("info ", StringComparison.Ordinal)), "no line is below its level");
        }
        LTLMManager.OnLog -= write;
        foreach (var spoil in new Action<LTLMConfig>[]
        {
            bad => bad.storage = "cloud", bad => bad.storage = "memory", bad => bad.log = "loud", bad => bad.keyStore = "cloud", bad => bad.caFile = "/no/such/file.pem",
            bad => bad.protocol = 3, bad => bad.queueMax = 0,
        })
        {
            var bad = Config(path);
            spoil(bad);
            try
            {
                LTLMManager.Configure(bad);
                Check(false, "a configuration that cannot be is refused");
            }
            catch (LTLMException failure)
            {
                Check(failure.Name == "BAD_CONFIG", "it is the configuration that is bad");
            }
        }
    }

    /// <summary>Numbers of the status are the C interface's, and those of the first client.</summary>
    private static void Numbers()
    {
        var names = "Unauthenticated Active ValidNoSeat Expired GracePeriod ConnectionRequired Tampered Suspended Revoked Terminated Kicked";
        Check(string.Join(" ", Enum.GetNames(typeof(LicenseStatus))) == names, "the status has its values in order");
    }

    /// <summary>C-4: each member that the table of the README lists is there.</summary>
    private static void Table(string readme)
    {
        var rows = Regex.Matches(readme, @"^\| `([^`]+)` \|", RegexOptions.Multiline).Cast<Match>().Select(row => row.Groups[1].Value).ToList();
        Check(rows.Count > 40, "the table has its rows");
        var found = Signatures.Of(typeof(LTLMManager));
        foreach (var row in rows) Check(found.Contains(row), row + " is a member; there are:\n" + string.Join("\n", found));
        foreach (var member in found) Check(rows.Contains(member), member + " is in the table");
    }

    /// <summary>C-1: the quick reference.</summary>
    private static void Reference(string key)
    {
        var snippets = new ReferenceSnippets();
        var completed = new List<string>();
        LTLMManager.OnValidationCompleted += (success, status) => { lock (completed) completed.Add(success + " " + status); };
        snippets.OnEnable();
        Check(snippets.Pattern() == "ShowActivationScreen", "there is no license yet");
        LTLMManager.Instance.TryLoadStoredLicense((license, status) => { }, error => { lock (completed) completed.Add(error); });
        WaitUntil(() => Has(completed, "NO_LICENSE: There is no license."), "nothing is stored");
        Check(completed[0] == "False Unauthenticated", "C-20: the event comes before the result");
        snippets.Setup(key);
        WaitUntil(() => Has(snippets.Seen, "activated Active " + key), "the license is activated");
        Check(Has(snippets.Seen, "status Active"), "the status is told before the result");
        snippets.License();
        Check(Has(snippets.Seen, "authenticated") && Has(snippets.Seen, "active 100 True"), "the license is shown");
        snippets.Operations(key);
        WaitUntil(() => { lock (snippets.Seen) return snippets.Seen.Count(seen => seen == "success Active") == 3; }, "all three succeed");
        Check(snippets.Pattern() == "EnableAllFeatures", "the status is Active");
        snippets.Seats("nobody");
        WaitUntil(() => Has(snippets.Seen, "seats 1 1"), "seats are listed");
        WaitUntil(() => Has(snippets.Seen, "failure SEAT_NOT_HELD: That device does not hold a seat."), "a seat that nobody holds is told");
        try
        {
            snippets.OnReleaseSeatClicked("nobody").Wait(60000);
            Check(false, "an awaited refusal is thrown");
        }
        catch (AggregateException failure)
        {
            var refused = failure.InnerException as LTLMException;
            Check(refused != null && refused.Code == 21 && refused.ServerCode == "SEAT_NOT_HELD", "the refusal has its code");
        }
        var heartbeat = snippets.Heartbeat();
        Check(heartbeat.Wait(60000) && heartbeat.Result == "active True", "a heartbeat is awaited");
        snippets.SaveSettings();
        WaitUntil(() => Has(Debug.Lines, "Saved!"), "settings are saved");
        snippets.GetSettings();
        WaitUntil(() => Has(Debug.Lines, "Theme: dark"), "settings are read");
        Check(snippets.Cached() == "dark", "settings are kept");
        // C-2, C-3: the action is a member of the facts, or "consume".
        snippets.Tokens(1, new Dictionary<string, object> { { "action", "reference" }, { "größe", 1.5 } });
        WaitUntil(() => Has(snippets.Seen, "consumed 2") || Has(snippets.Seen, "consumed 1"), "the callback comes");
        Check(Has(snippets.Seen, "entitled"), "the license is entitled");
        snippets.OnDisable();
    }

    /// <summary>C-1: the page about tokens, of which 98 are left.</summary>
    private static void Tokens()
    {
        var snippets = new TokenSnippets();
        var manager = LTLMManager.Instance;
        Check(manager.GetTokenBalance() == 98, "98 tokens are left");
        // An answer may hold uses already that still wait here: until they are settled the balance is what is left at least.
        WaitUntil(() => manager.GetPendingConsumptionCount() == 0, "all are charged");
        snippets.Balance();
        WaitUntil(() => Has(snippets.Seen, "EnableExportButton"), "five tokens are there");
        var consumed = 0;
        LTLMManager.OnTokensConsumed += license => Interlocked.Increment(ref consumed);
        snippets.Consume();
        Check(manager.GetTokenBalance() == 97, "the balance is less at once");
        WaitUntil(() => Has(snippets.Seen, "ExecuteExport"), "the callback comes");
        Check(consumed == 1 && Has(Debug.Lines, "Success! Remaining: 97"), "after the event, with the balance that is left");
        snippets.OnExportClicked();
        snippets.Optimistic();
        WaitUntil(() => Has(snippets.Seen, "StartExport") && Has(snippets.Seen, "UpdateUI 91"), "both callbacks come");
        snippets.Advanced();
        Check(Has(snippets.Seen, "EnableProExportFeature") && manager.GetTokenBalance() == 77, "uses of a batch are taken off");
        snippets.Offline();
        WaitUntil(() => manager.GetPendingConsumptionCount() == 0, "all are charged");
        snippets.TopUp();
        WaitUntil(() => Application.Opened != null, "a payment page is opened");
        Check(Debug.Lines.Any(line => Regex.IsMatch(line, @"^.+: 50 tokens for \$[0-9.]+$")), "packs are shown");
        var done = new List<string>();
        manager.ConsumeTokensConfirmed(2, "render", null, license => { lock (done) done.Add("charged"); }, error => { lock (done) done.Add(error); }, "net-1");
        WaitUntil(() => { lock (done) return done.Count > 0; }, "a confirmed use ends");
        Check(done[0] == "charged" && manager.GetTokenBalance() == 75, "it is charged");
        List<TokenRecord> records = null;
        manager.GetTokenHistory(history => records = history, error => { throw new InvalidOperationException(error); });
        WaitUntil(() => records != null, "the history comes");
        Func<string, TokenRecord> of = action => records.Single(record => record.action == action);
        Check(of("reference").amount == 1 && of("reference").meta["größe"].Equals(1.5), "C-2: the action and the facts are in the ledger");
        Check(of("consume").amount == 1, "C-3: without an action it is consume");
        Check(of("render_high_quality").meta["duration_seconds"].Equals(120L) && of("render").amount == 2, "facts are in the ledger");
        snippets.History();
        WaitUntil(() => Has(snippets.Seen, "history"), "the history is shown");
        Check(Debug.Lines.Any(line => line.EndsWith(": action_b - 2 tokens")), "with its uses");
    }

    /// <summary>What is refused is told, and changes nothing.</summary>
    private static void Refusals(LTLMManager manager)
    {
        var told = new List<string>();
        Action<string> tell = error => { lock (told) told.Add(error); };
        manager.ConsumeTokens(1000, "export", license => tell("consumed"), tell);
        WaitUntil(() => { lock (told) return told.Count == 1; }, "a use beyond the balance ends");
        Check(told[0].StartsWith("INSUFFICIENT_TOKENS: ") && manager.GetTokenBalance() == 75, told[0]);
        manager.ActivateOffline("no file", (license, status) => tell("activated"), tell);
        WaitUntil(() => { lock (told) return told.Count == 2; }, "a text that is no file ends");
        Check(told[1].StartsWith("FILE_INVALID: "), told[1]);
        manager.RequestOTP("nobody@example.com", () => tell("mailed"), tell);
        manager.CheckTrialEligibility("nobody@example.com", answer => tell("trial " + answer.message.Length), tell);
        manager.GetBuyablePolicies(policies => tell("policies " + policies.Count), tell);
        manager.LogEvent("started", new Dictionary<string, object> { { "level", 3 } }, () => tell("reported"), tell);
        WaitUntil(() => { lock (told) return told.Count == 6; }, "the store and the portal answer");
        Check(told.Contains("mailed") && told.Contains("reported") && told.Any(text => text.StartsWith("trial ")), string.Join("; ", told));
        Check(manager.HasCapability("pro") && !manager.HasCapability("none"), "capabilities");
        Check(manager.GetProjectSetting("none") == null && manager.GetEntitledCapabilites().Contains("pro"), "settings of the project");
        Check(manager.GetDaysRemaining() > 0 && manager.Hwid.Length == 64, "days are left");
        try
        {
            LTLMManager.Configure(new LTLMConfig { baseUrl = "http://example.com" });
            Check(false, "a configuration that cannot be used is refused");
        }
        catch (LTLMException error)
        {
            Check(error.Name == "BAD_CONFIG", error.Message);
        }
    }

    /// <summary>The server is stopped, and started again.</summary>
    private static void Life(LTLMManager unused)
    {
        var manager = LTLMManager.Configure(Config(Environment.GetCommandLineArgs()[1]));
        var shown = new List<string>();
        manager.TryLoadStoredLicense((license, status) => { lock (shown) shown.Add(status + " " + license.tokensRemaining); });
        WaitUntil(() => Has(shown, "Active 75"), "the license is kept");
        Ask("Stop the server");
        manager.ConsumeTokens(2, "offline");
        Check(manager.GetTokenBalance() == 73 && manager.GetPendingConsumptionCount() == 1, "a use waits");
        Check(!manager.DeactivateSeat(), "a seat is not given back without the server");
        Ask("Start the server");
        WaitUntil(() =>
        {
            manager.SyncPendingConsumptions();
            Thread.Sleep(100);
            return manager.GetPendingConsumptionCount() == 0;
        }, "it is charged");
        Check(manager.DeactivateSeat() && manager.GetLicenseStatus() == LicenseStatus.ValidNoSeat, "the seat is given back");
        manager.ReactivateSeat((license, status) => { lock (shown) shown.Add(status + " " + license.tokensRemaining); });
        WaitUntil(() => Has(shown, "Active 73"), "and taken again");
    }

    private static void Ask(string what)
    {
        Console.WriteLine(what + ", and press Enter.");
        Console.Out.Flush();
        Console.ReadLine();
    }

    /// <summary>As in Unity: everything comes from within Pump, in the calling thread.</summary>
    private static void Pumped(LTLMConfig config)
    {
        config.isPumpedByHand = true;
        var manager = LTLMManager.Configure(config);
        var threads = new HashSet<int>();
        Action<LicenseStatus> changed = status => threads.Add(Thread.CurrentThread.ManagedThreadId);
        LTLMManager.OnLicenseStatusChanged += changed;
        var loaded = false;
        manager.TryLoadStoredLicense((license, status) => { loaded = threads.Add(Thread.CurrentThread.ManagedThreadId) || true; });
        Thread.Sleep(200);
        Check(!loaded, "nothing comes before it is pumped");
        WaitUntil(() => { manager.Pump(); return loaded; }, "the license is kept");
        Check(threads.Count == 1 && threads.Contains(Thread.CurrentThread.ManagedThreadId), "callbacks come in the pumping thread");
        // A callback that throws is told, and one that closes the manager ends the pump.
        var failures = new List<string>();
        LTLMManager.OnCallbackFailed += failure => failures.Add(failure.Message);
        manager.ConsumeTokens(1, "last", license => { manager.Dispose(); throw new FormatException("told"); });
        WaitUntil(() => { manager.Pump(); return failures.Contains("told"); }, "what a callback throws is told");
        LTLMManager.OnLicenseStatusChanged -= changed;
        try
        {
            manager.GetTokenBalance();
            Check(false, "a closed manager does not answer");
        }
        catch (LTLMException error)
        {
            Check(error.Name == "BAD_HANDLE", error.Message);
        }
    }
}
