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
        /// <summary>The folder for the client's files. Nothing is kept without one.</summary>
        public string dataDir;
        /// <summary>Replaces what the machine says about itself.</summary>
        public string deviceId;
        /// <summary>The device's name for people.</summary>
        public string deviceName;
        /// <summary>A proxy, in place of the environment's.</summary>
        public string proxy;
        /// <summary>How long one call may take, in milliseconds, 100 to 300,000.</summary>
        public int timeoutMs = 10000;
        /// <summary>Accept uses beyond the balance.</summary>
        public bool allowOverdraft;
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
                { "proxy", proxy }, { "timeoutMs", timeoutMs }, { "allowOverdraft", allowOverdraft },
            };
            foreach (var name in new List<string>(members.Keys))
                if (members[name] == null) members.Remove(name);
            return Json.Write(members);
        }
    }
}
