using System;
using System.Collections.Generic;
using System.Threading;

namespace LTLM
{
    // Events and results: fetched from the native library, and handed on one at a time.
    public sealed partial class LTLMManager
    {
        /// <summary>An activation, a start or a check of the license begins.</summary>
        public static event Action OnValidationStarted;
        /// <summary>It ended: is the license usable or waiting for a seat, and the status now.</summary>
        public static event Action<bool, LicenseStatus> OnValidationCompleted;
        /// <summary>The status is another.</summary>
        public static event Action<LicenseStatus> OnLicenseStatusChanged;
        /// <summary>Tokens were used.</summary>
        public static event Action<LicenseData> OnTokensConsumed;
        /// <summary>Seats are held otherwise than before: this device's seat status, seats that are held, seats that there are.</summary>
        public static event Action<string, int, int> OnSeatStatusChanged;
        /// <summary>The seat or the device was taken away.</summary>
        public static event Action<KickedNotice> OnKicked;
        /// <summary>A line of the log, where <see cref="LTLMConfig.log"/> asks for one: its level, and words and numbers for people.</summary>
        public static event Action<string, string> OnLog;
        /// <summary>Any event with its members, as docs/clients/c.md lists them; those of the first client, and others.</summary>
        public static event Action<Dictionary<string, object>> OnEvent;
        /// <summary>A callback or a listener threw this. Nobody else is told of it.</summary>
        public static event Action<Exception> OnCallbackFailed;

        private delegate void Done(object result, LTLMException error);

        private readonly object gate = new object();
        private readonly Dictionary<ulong, Done> waiting = new Dictionary<ulong, Done>();
        private readonly SynchronizationContext context = SynchronizationContext.Current;

        /// <summary>
        /// Hands on what has happened, in the calling thread: callbacks and events come from within it. For applications that configured
        /// <see cref="LTLMConfig.isPumpedByHand"/>.
        /// </summary>
        public void Pump()
        {
            try
            {
                Dictionary<string, object> told;
                while ((told = native.NextEvent(0)) != null) HandOn(told);
            }
            catch (LTLMException)
            {
                // Closed from within a callback: there is nothing more.
            }
        }

        private void FetchEvents()
        {
            try
            {
                while (true)
                {
                    var told = native.NextEvent(-1);
                    if (told == null) continue;
                    if (context == null) HandOn(told);
                    else context.Post(_ => HandOn(told), null);
                }
            }
            catch (LTLMException)
            {
                // Closed.
            }
        }

        /// <summary>Begins a call. Its result comes as an event, after the events that it caused.</summary>
        private void Begin(string method, Dictionary<string, object> arguments, Done done)
        {
            try
            {
                // The result may be fetched before the number of the call is known here.
                lock (gate) waiting[native.Begin(method, arguments)] = done;
            }
            catch (LTLMException error)
            {
                Safely(() => done(null, error));
            }
        }

        private void HandOn(Dictionary<string, object> told)
        {
            var name = told["event"] as string;
            if (name == "call_done")
            {
                Done done;
                var request = (ulong)(long)told["request"];
                lock (gate)
                {
                    if (!waiting.TryGetValue(request, out done)) return;
                    waiting.Remove(request);
                }
                var code = (int)(long)told["code"];
                var error = code == 0 ? null : new LTLMException(code, told["error"] as Dictionary<string, object>);
                Safely(() => done(told["result"], error));
                return;
            }
            Safely(() => Raise(name, told));
            Safely(() => { if (OnEvent != null) OnEvent(told); });
        }

        private void Raise(string name, Dictionary<string, object> told)
        {
            switch (name)
            {
                case "validation_started":
                    if (OnValidationStarted != null) OnValidationStarted();
                    break;
                case "validation_completed":
                    if (OnValidationCompleted != null) OnValidationCompleted((bool)told["success"], StatusOf(told["status"]));
                    break;
                case "license_status_changed":
                    if (OnLicenseStatusChanged != null) OnLicenseStatusChanged(StatusOf(told["status"]));
                    break;
                case "tokens_consumed":
                    if (OnTokensConsumed != null) OnTokensConsumed(ActiveLicense);
                    break;
                case "seat_status_changed":
                    if (OnSeatStatusChanged != null)
                        OnSeatStatusChanged(told["seatStatus"] as string, (int)(long)told["active"], (int)(long)told["max"]);
                    break;
                case "log":
                    if (OnLog != null) OnLog(told["level"] as string, told["message"] as string);
                    break;
                case "kicked":
                    if (OnKicked != null) OnKicked(Json.To<KickedNotice>(told["notice"]) ?? new KickedNotice());
                    break;
            }
        }

        private static void Safely(Action callback)
        {
            try
            {
                callback();
            }
            catch (Exception failure)
            {
                var told = OnCallbackFailed;
                if (told != null) told(failure);
            }
        }

        /// <summary>A status by its name in events and snapshots. One of a later version is not usable.</summary>
        private static LicenseStatus StatusOf(object name)
        {
            switch (name as string)
            {
                case "unauthenticated": return LicenseStatus.Unauthenticated;
                case "active": return LicenseStatus.Active;
                case "valid_no_seat": return LicenseStatus.ValidNoSeat;
                case "expired": return LicenseStatus.Expired;
                case "grace_period": return LicenseStatus.GracePeriod;
                case "suspended": return LicenseStatus.Suspended;
                case "revoked": return LicenseStatus.Revoked;
                case "terminated": return LicenseStatus.Terminated;
                case "kicked": return LicenseStatus.Kicked;
                default: return LicenseStatus.ConnectionRequired;
            }
        }
    }
}
