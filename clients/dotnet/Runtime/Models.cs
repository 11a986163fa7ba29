using System;
using System.Collections.Generic;
using System.Globalization;

// The names are the wire's, which the first client has too.
#pragma warning disable CS0649

namespace LTLM
{
    /// <summary>The state of the license, as far as this device knows.</summary>
    public enum LicenseStatus
    {
        /// <summary>There is no license.</summary>
        Unauthenticated = 0,
        /// <summary>Usable, with a seat where seats are managed.</summary>
        Active = 1,
        /// <summary>Valid, but no seat is free, or the seat was given back.</summary>
        ValidNoSeat = 2,
        /// <summary>The license has ended.</summary>
        Expired = 3,
        /// <summary>Usable: it has ended, and the vendor's period of grace runs.</summary>
        GracePeriod = 4,
        /// <summary>The server has to be reached first.</summary>
        ConnectionRequired = 5,
        /// <summary>Not told: what was tampered with is set aside. The first client has it.</summary>
        Tampered = 6,
        /// <summary>Suspended by the vendor; that can be undone.</summary>
        Suspended = 7,
        /// <summary>Revoked.</summary>
        Revoked = 8,
        /// <summary>Terminated.</summary>
        Terminated = 9,
        /// <summary>Another device or an administrator took the seat or the device away.</summary>
        Kicked = 10,
    }

    /// <summary>A license as it was last told.</summary>
    public sealed class LicenseData
    {
        public int LicenseID;
        public int ProjectID;
        public string licenseKey;
        public string status;
        public string environment;
        public string validUntil;
        public string gracePeriodEnds;
        public string lastCheckIn;
        public string nextBillingDate;
        public int? tokensLimit;
        public int? tokensConsumed;
        /// <summary>Tokens left, uses that wait to be charged already taken off; null without tokens.</summary>
        public int? tokensRemaining;
        public int? maxActivations;
        public int? maxConcurrentSeats;
        public int? activeSeats;
        public string seatStatus;
        public bool? canReleaseSeat;
        public KickedNotice kickedNotice;
        public bool seatsEnabled;
        public bool tokensEnabled;
        public bool offlineEnabled;
        public int? heartbeatIntervalSeconds;
        public int offlineGraceHours;
        public string subscriptionStatus;
        public string detectedCountry;
        public List<MachineData> machines;
        public PolicyData policy;
        public CustomerData customer;
        public LicenseConfig config;
        public Dictionary<string, object> userSettings;
        public Dictionary<string, string> features;
        public Dictionary<string, object> metadata;
    }

    /// <summary>A registered device.</summary>
    public sealed class MachineData
    {
        public string hwid;
        public string nickname;
        public string registeredAt;
        public string lastCheckIn;
        public Dictionary<string, object> meta;
    }

    /// <summary>Why a device lost its seat.</summary>
    public sealed class KickedNotice
    {
        public string kickedBy;
        public string kickedByNickname;
        public string timestamp;
        public string reason;
    }

    /// <summary>A policy.</summary>
    public sealed class PolicyData
    {
        public int PolicyID;
        public string name;
        public string type;
        public string description;
        public string shortDescription;
        public double? price;
        public string currency;
        public string recurringInterval;
        public int? recurringIntervalCount;
        public double? recurringPrice;
        public bool isAirGapped;
        public string environment;
        public List<TopUpOption> topUpOptions;
    }

    /// <summary>Who bought the license.</summary>
    public sealed class CustomerData
    {
        public string email;
        public Dictionary<string, object> metadata;
    }

    /// <summary>What holds for the license: project, policy and license merged.</summary>
    public sealed class LicenseConfig
    {
        public Dictionary<string, object> limits;
        public Dictionary<string, string> features;
        public List<string> capabilities;
        public Dictionary<string, object> projectSettings;
        public Dictionary<string, object> versioning;
        public Dictionary<string, object> geofencing;
        public Dictionary<string, object> sdkEnforcement;
        public Dictionary<string, object> customerActions;
    }

    /// <summary>A pack that can be bought on top of a license.</summary>
    public sealed class TopUpOption
    {
        public string packId;
        public string name;
        public string displayName;
        public int tokens;
        public int devices;
        public int activations;
        public int seats;
        public int days;
        public string capability;
        public Price price;
    }

    /// <summary>An amount of money. It prints its amount.</summary>
    public sealed class Price
    {
        public double amount;
        public string currency;

        public override string ToString()
        {
            return amount.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>A use, or a credit where the amount is above zero.</summary>
    public sealed class TokenRecord
    {
        public string operationId;
        public string timestamp;
        public string action;
        /// <summary>Tokens that were used. The ledger's sign is turned round.</summary>
        public long amount;
        public long balanceAfter;
        public Dictionary<string, object> meta;
    }

    /// <summary>Who holds a seat.</summary>
    public sealed class GetSeatsResponse
    {
        public List<SeatInfo> seats;
        public int activeSeats;
        public int maxSeats;
        public bool canReleaseSeat;
    }

    /// <summary>One held seat.</summary>
    public sealed class SeatInfo
    {
        public string hwid;
        public string nickname;
        public string lastSeen;
        public string leaseUntil;
        public bool isCurrentDevice;
    }

    /// <summary>A seat that was taken away.</summary>
    public sealed class ReleaseSeatResponse
    {
        public bool success;
        public string message;
        public string releasedHwid;
        public bool seatClaimed;
        public int activeSeats;
    }

    /// <summary>A payment page.</summary>
    public sealed class CheckoutResponse
    {
        public string checkoutUrl;
        public string sessionId;
        public string message;
    }

    /// <summary>May an address have a trial?</summary>
    public sealed class TrialEligibilityResponse
    {
        public bool eligible;
        public string reason;
        public string message;
    }

    /// <summary>A customer's licenses.</summary>
    public sealed class CustomerPortfolio
    {
        public string email;
        public List<LicenseData> licenses;
        public string nextCursor;
    }

    /// <summary>A call that failed.</summary>
    public sealed class LTLMException : Exception
    {
        /// <summary>A number that never changes; docs/clients/c.md lists them.</summary>
        public readonly int Code;
        /// <summary>Its name, such as <c>REFUSED</c>.</summary>
        public readonly string Name;
        /// <summary>The server's code, such as <c>DEVICE_LIMIT_REACHED</c>, where it or the license's state refused.</summary>
        public readonly string ServerCode;
        /// <summary>Seconds after which to try again, if the server said so.</summary>
        public readonly long? RetryAfterSeconds;

        internal LTLMException(int code, Dictionary<string, object> told) : base(Sentence(told))
        {
            Code = code;
            Name = Text(told, "name");
            ServerCode = Text(told, "serverCode");
            object seconds;
            if (told != null && told.TryGetValue("retryAfterSeconds", out seconds)) RetryAfterSeconds = seconds as long?;
        }

        private static string Text(Dictionary<string, object> told, string name)
        {
            object text = null;
            if (told != null) told.TryGetValue(name, out text);
            return text as string;
        }

        private static string Sentence(Dictionary<string, object> told)
        {
            return (Text(told, "serverCode") ?? Text(told, "name") ?? "INTERNAL") + ": " + Text(told, "message");
        }
    }
}
