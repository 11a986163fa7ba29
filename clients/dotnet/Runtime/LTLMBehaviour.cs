#if UNITY_5_3_OR_NEWER
using System.IO;
using UnityEngine;

namespace LTLM
{
    /// <summary>Unity's part: configures the manager at the start, and pumps callbacks and events on the main thread.</summary>
    public sealed class LTLMBehaviour : MonoBehaviour
    {
        [SerializeField] private string baseUrl;
        [SerializeField] private string projectId;
        [SerializeField] private string projectSecret;
        [SerializeField, TextArea] private string publicKeyPem;

        private LTLMManager manager;

        private void Awake()
        {
            DontDestroyOnLoad(gameObject);
            LTLMManager.OnCallbackFailed += Debug.LogException;
            manager = LTLMManager.Configure(new LTLMConfig
            {
                baseUrl = baseUrl,
                projectId = projectId,
                projectSecret = projectSecret,
                publicKeys = { publicKeyPem },
                appVersion = Application.version,
                dataDir = Path.Combine(Application.persistentDataPath, "ltlm"),
                isPumpedByHand = true,
            });
        }

        private void Update()
        {
            manager.Pump();
        }

        private void OnApplicationPause(bool paused)
        {
            if (manager != null) manager.Pause(paused);
        }

        private void OnDestroy()
        {
            LTLMManager.OnCallbackFailed -= Debug.LogException;
            if (manager != null) manager.Dispose();
        }
    }
}
#endif
