using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace LTLM
{
    /// <summary>
    /// Licenses, seats, tokens and offline use, with the first client's names. Methods may be called from any thread. Those with
    /// callbacks return at once; callbacks and events come one at a time, from where <see cref="LTLMConfig.isPumpedByHand"/> says.
    /// </summary>
    public sealed partial class LTLMManager : IDisposable
    {
        private static volatile LTLMManager instance;
        private readonly NativeClient native;

        /// <summary>The manager that was configured.</summary>
        public static LTLMManager Instance
        {
            get
            {
                var found = instance;
                if (found == null) throw new InvalidOperationException("Call LTLMManager.Configure first.");
                return found;
            }
        }

        /// <summary>Makes the manager, in place of one that there was. Throws <see cref="LTLMException"/> if the configuration cannot be used.</summary>
        public static LTLMManager Configure(LTLMConfig config)
        {
            var before = instance;
            if (before != null) before.Dispose();
            instance = new LTLMManager(config);
            return instance;
        }

        private LTLMManager(LTLMConfig config)
        {
            native = new NativeClient(config.ToJson());
            AppDomain.CurrentDomain.ProcessExit += CloseAtExit;
            if (config.isPumpedByHand) return;
            new Thread(FetchEvents) { IsBackground = true, Name = "ltlm-events" }.Start();
        }

        private void CloseAtExit(object sender, EventArgs arguments)
        {
            Dispose();
        }

        /// <summary>Gives the seat back if no other process of this device uses it, and stops. Takes two seconds at most.</summary>
        public void Dispose()
        {
            AppDomain.CurrentDomain.ProcessExit -= CloseAtExit;
            native.Dispose();
            if (instance == this) instance = null;
        }

        // The license.

        /// <summary>The license as it was last told, its tokens less the uses that wait; null without one.</summary>
        public LicenseData ActiveLicense
        {
            get { return LicenseOf(Snapshot()); }
        }

        /// <summary>May the application be used?</summary>
        public bool IsAuthenticated
        {
            get
            {
                var status = GetLicenseStatus();
                return status == LicenseStatus.Active || status == LicenseStatus.GracePeriod;
            }
        }

        /// <summary>Is the device waiting for a seat to become free?</summary>
        public bool IsWaitingForSeat
        {
            get { return (bool)Snapshot()["isWaitingForSeat"]; }
        }

        /// <summary>The device's id, which a vendor needs for an offline file.</summary>
        public string Hwid
        {
            get { return Snapshot()["hwid"] as string; }
        }

        /// <summary>The status.</summary>
        public LicenseStatus GetLicenseStatus()
        {
            return StatusOf(Snapshot()["status"]);
        }

        /// <summary>Whole days to the license's end, 0 after it; null where it has none.</summary>
        public int? GetDaysRemaining()
        {
            return Json.To<int?>(Snapshot()["daysLeft"]);
        }

        /// <summary>Registers this device on a license, takes a seat and keeps the license.</summary>
        public void ActivateLicense(string key, Action<LicenseData, LicenseStatus> onSuccess = null, Action<string> onError = null)
        {
            BeginLicense("activate", Of("key", key), onSuccess, onError);
        }

        /// <summary>The same as <see cref="ActivateLicense"/>.</summary>
        public void ValidateLicense(string key, Action<LicenseData, LicenseStatus> onSuccess = null, Action<string> onError = null)
        {
            BeginLicense("validate", Of("key", key), onSuccess, onError);
        }

        /// <summary>Uses the license that is kept. Where it holds without an answer it is checked in the background.</summary>
        public void TryLoadStoredLicense(Action<LicenseData, LicenseStatus> onSuccess = null, Action<string> onError = null)
        {
            BeginLicense("load_stored", null, onSuccess, onError);
        }

        /// <summary>Takes the text of an offline file (.ltlm). Nothing is sent, now or later.</summary>
        public void ActivateOffline(string file, Action<LicenseData, LicenseStatus> onSuccess = null, Action<string> onError = null)
        {
            BeginLicense("import_file", Of("text", file), onSuccess, onError);
        }

        /// <summary>Takes a seat again, after a sign-out or when it was taken away.</summary>
        public void ReactivateSeat(Action<LicenseData, LicenseStatus> onSuccess = null, Action<string> onError = null)
        {
            BeginLicense("reactivate", null, onSuccess, onError);
        }

        /// <summary>Gives the seat back, and beats no more until <see cref="ReactivateSeat"/>. Waits for the server; false if it did not do it.</summary>
        public bool DeactivateSeat()
        {
            try
            {
                native.Call("sign_out", None);
                return true;
            }
            catch (LTLMException)
            {
                return false;
            }
        }

        /// <summary>Forgets the license. Uses that wait to be charged are kept.</summary>
        public void ClearLicenseCache()
        {
            native.Call("clear", None);
        }

        // Heartbeats and seats.

        /// <summary>Beats go out by themselves from the activation on. This begins them again after <see cref="Pause"/>, and is harmless else.</summary>
        public void StartHeartbeat()
        {
            if (isPaused) Pause(false);
        }

        /// <summary>Beats now.</summary>
        public Task<LicenseData> SendHeartbeat()
        {
            return Awaited("heartbeat", None, told => LicenseOf(told as Dictionary<string, object>));
        }

        private volatile bool isPaused;

        /// <summary>The application goes to the background: nothing is sent by itself; or it is in front again.</summary>
        public void Pause(bool paused)
        {
            isPaused = paused;
            native.Pause(paused);
        }

        /// <summary>Who holds a seat.</summary>
        public void GetActiveSeats(Action<GetSeatsResponse> onSuccess, Action<string> onError = null)
        {
            Begin("seats", None, onSuccess, onError, Json.To<GetSeatsResponse>);
        }

        /// <summary>Takes a seat away from a device, and takes it if asked to.</summary>
        public void ReleaseSeat(string targetHwid, bool claimSeat, Action<ReleaseSeatResponse> onSuccess, Action<string> onError = null)
        {
            Begin("release_seat", Of("hwid", targetHwid, "claim", claimSeat), onSuccess, onError, Json.To<ReleaseSeatResponse>);
        }

        /// <summary>The same, to be awaited.</summary>
        public Task<ReleaseSeatResponse> ReleaseSeat(string targetHwid, bool claimSeat = false)
        {
            return Awaited("release_seat", Of("hwid", targetHwid, "claim", claimSeat), Json.To<ReleaseSeatResponse>);
        }

        // Capabilities and settings.

        /// <summary>Is the license usable, the capability on (if one is named) and the balance sufficient?</summary>
        public bool IsEntitled(string capability = null, int requiredTokens = 0)
        {
            return (bool)native.Call("entitled", Of("capability", capability, "tokens", requiredTokens));
        }

        /// <summary>Is this capability on?</summary>
        public bool HasCapability(string capability)
        {
            return (bool)native.Call("has_capability", Of("name", capability));
        }

        /// <summary>The capabilities that are on while the license is usable.</summary>
        public List<string> GetEntitledCapabilites()
        {
            var license = IsAuthenticated ? ActiveLicense : null;
            var isKnown = license != null && license.config != null && license.config.capabilities != null;
            return isKnown ? license.config.capabilities : new List<string>();
        }

        /// <summary>A value of the vendor's own; null if there is none.</summary>
        public object GetProjectSetting(string name)
        {
            return native.Call("project_setting", Of("name", name));
        }

        /// <summary>The user settings as the server has them.</summary>
        public void GetUserSettings(Action<Dictionary<string, object>> onSuccess, Action<string> onError = null)
        {
            Begin("settings", None, onSuccess, onError, told => told as Dictionary<string, object>);
        }

        /// <summary>Replaces the user settings. The last writer wins.</summary>
        public void SaveUserSettings(Dictionary<string, object> settings, Action onSuccess = null, Action<string> onError = null)
        {
            Begin("save_settings", Of("settings", settings), onSuccess, onError);
        }

        /// <summary>The user settings as they were last told.</summary>
        public Dictionary<string, object> GetLocalUserSettings()
        {
            return native.Call("local_settings", None) as Dictionary<string, object>;
        }

        /// <summary>Reports something to the vendor.</summary>
        public void LogEvent(string type, Dictionary<string, object> payload = null, Action onSuccess = null, Action<string> onError = null)
        {
            Begin("report", Of("kind", type, "payload", payload), onSuccess, onError);
        }

        // How calls are made.

        private static readonly Dictionary<string, object> None = new Dictionary<string, object>();

        /// <summary>Arguments by name; those that are null are left out.</summary>
        private static Dictionary<string, object> Of(params object[] pairs)
        {
            var arguments = new Dictionary<string, object>();
            for (var place = 0; place < pairs.Length; place += 2)
                if (pairs[place + 1] != null) arguments[(string)pairs[place]] = pairs[place + 1];
            return arguments;
        }

        private Dictionary<string, object> Snapshot()
        {
            return (Dictionary<string, object>)native.Call("snapshot", None);
        }

        private static LicenseData LicenseOf(Dictionary<string, object> snapshot)
        {
            var license = Json.To<LicenseData>(snapshot["license"]);
            if (license != null && license.tokensRemaining != null) license.tokensRemaining = Json.To<int>(snapshot["balance"]);
            return license;
        }

        private void BeginLicense(
            string method, Dictionary<string, object> arguments, Action<LicenseData, LicenseStatus> onSuccess, Action<string> onError)
        {
            Begin(method, arguments ?? None, (told, error) =>
            {
                var snapshot = told as Dictionary<string, object>;
                if (error != null) Tell(onError, error);
                else if (onSuccess != null) onSuccess(LicenseOf(snapshot), StatusOf(snapshot["status"]));
            });
        }

        private void Begin<T>(
            string method, Dictionary<string, object> arguments, Action<T> onSuccess, Action<string> onError, Func<object, T> read)
        {
            Begin(method, arguments, (told, error) =>
            {
                if (error != null) Tell(onError, error);
                else if (onSuccess != null) onSuccess(read(told));
            });
        }

        private void Begin(string method, Dictionary<string, object> arguments, Action onSuccess, Action<string> onError)
        {
            Begin(method, arguments, (told, error) =>
            {
                if (error != null) Tell(onError, error);
                else if (onSuccess != null) onSuccess();
            });
        }

        private Task<T> Awaited<T>(string method, Dictionary<string, object> arguments, Func<object, T> read)
        {
            var source = new TaskCompletionSource<T>();
            Begin(method, arguments, (told, error) =>
            {
                if (error != null) source.TrySetException(error);
                else source.TrySetResult(read(told));
            });
            return source.Task;
        }

        private static void Tell(Action<string> onError, LTLMException error)
        {
            if (onError != null) onError(error.Message);
        }
    }
}
