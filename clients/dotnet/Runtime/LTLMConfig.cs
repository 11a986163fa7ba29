using System.Collections.Generic;

namespace LTLM
{
    /// <summary>What an application says about itself and its vendor's deployment. Members that are null are not said.</summary>
    public sealed class LTLMConfig
    {
        /// <summary>Where the deployment is. https, and http to this machine only.</summary>
        public string baseUrl;
        /// <summary>The project's id.</summary>
        public string projectId;
        /// <summary>The project's secret: 64 hex digits. A public name, since every build contains it.</summary>
        public string projectSecret;
        /// <summary>The project's public keys, in PEM or as base64 of 32 bytes. They belong into the build.</summary>
        public List<string> publicKeys = new List<string>();
        /// <summary>The application's version, which the vendor's rules compare.</summary>
        public string appVersion;
        /// <summary>The folder for the client's files, in place of the platform's usual one.</summary>
        public string dataDir;
        /// <summary>Where files are: "user" (unless this says otherwise), "machine" for all users of the machine, or "memory" for nowhere.</summary>
        public string storage;
        /// <summary>"platform" (unless this says otherwise): files of the user are sealed by a key of the platform's store; or "none".</summary>
        public string keyStore;
        /// <summary>Replaces what the machine says about itself.</summary>
        public string deviceId;
        /// <summary>The device's name for people.</summary>
        public string deviceName;
        /// <summary>A proxy, in place of the environment's.</summary>
        public string proxy;
        /// <summary>A file of certificates in PEM, which alone are trusted then, in place of the platform's.</summary>
        public string caFile;
        /// <summary>2, or 1 for what the first client speaks.</summary>
        public int protocol = 2;
        /// <summary>Believe answers that do not say whom they are for.</summary>
        public bool acceptUnbound;
        /// <summary>How long one call may take, in milliseconds, 100 to 300,000.</summary>
        public int timeoutMs = 10000;
        /// <summary>Accept uses beyond the balance.</summary>
        public bool allowOverdraft;
        /// <summary>How many uses may wait to be charged, 1 to 1,000,000.</summary>
        public int queueMax = 100000;
        /// <summary>How much <see cref="LTLMManager.OnLog"/> is told: "error", "warn", "info", "debug" or "trace"; nothing without one.</summary>
        public string log;
        /// <summary>
        /// Callbacks and events come only from within <see cref="LTLMManager.Pump"/>, which the application calls, as Unity's part does in
        /// Update. Otherwise a thread fetches them, for the SynchronizationContext of who configured, or for itself where there is none.
        /// </summary>
        public bool isPumpedByHand;

        internal string ToJson()
        {
            var members = new Dictionary<string, object>
            {
                { "baseUrl", baseUrl }, { "projectId", projectId }, { "projectSecret", projectSecret }, { "publicKeys", publicKeys },
                { "appVersion", appVersion }, { "dataDir", dataDir }, { "deviceId", deviceId }, { "deviceName", deviceName },
                { "storage", storage }, { "keyStore", keyStore }, { "proxy", proxy }, { "caFile", caFile }, { "protocol", protocol }, { "acceptUnbound", acceptUnbound },
                { "timeoutMs", timeoutMs }, { "allowOverdraft", allowOverdraft }, { "queueMax", queueMax }, { "log", log },
            };
            foreach (var name in new List<string>(members.Keys))
                if (members[name] == null) members.Remove(name);
            return Json.Write(members);
        }
    }
}
