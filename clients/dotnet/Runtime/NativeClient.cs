using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using LTLM.Native;

namespace LTLM
{
    /// <summary>The C interface with C#'s types. Events are fetched: no native thread enters managed code.</summary>
    internal sealed unsafe class NativeClient : IDisposable
    {
        private readonly ulong handle;

        internal NativeClient(string config)
        {
            ulong made;
            fixed (byte* text = Bytes(config)) Check(NativeMethods.ltlm_client_new(text, &made));
            handle = made;
        }

        /// <summary>Closes it. Twice is no harm.</summary>
        public void Dispose()
        {
            NativeMethods.ltlm_client_free(handle);
        }

        internal ulong Begin(string method, Dictionary<string, object> arguments)
        {
            ulong request;
            fixed (byte* name = Bytes(method), given = Bytes(Json.Write(arguments)))
                Check(NativeMethods.ltlm_call(handle, name, given, &request));
            return request;
        }

        internal object Call(string method, Dictionary<string, object> arguments)
        {
            byte* written;
            int code;
            fixed (byte* name = Bytes(method), given = Bytes(Json.Write(arguments)))
                code = NativeMethods.ltlm_call_wait(handle, name, given, 0, &written);
            var text = Taken(written);
            Check(code);
            return text == null ? null : Json.Read(text);
        }

        internal int Status()
        {
            int status;
            Check(NativeMethods.ltlm_status(handle, &status, null));
            return status;
        }

        internal long Balance()
        {
            long balance;
            Check(NativeMethods.ltlm_balance(handle, &balance));
            return balance;
        }

        internal ulong Pending()
        {
            ulong pending;
            Check(NativeMethods.ltlm_pending(handle, &pending));
            return pending;
        }

        internal void Pause(bool paused)
        {
            Check(NativeMethods.ltlm_pause(handle, paused));
        }

        /// <summary>The next event, or null when none came in time. Throws when the client is closed.</summary>
        internal Dictionary<string, object> NextEvent(int timeoutMs)
        {
            byte* written;
            var code = NativeMethods.ltlm_next_event(handle, timeoutMs, &written);
            var text = Taken(written);
            Check(code);
            return text == null ? null : Json.ReadObject(text);
        }

        private static byte[] Bytes(string text)
        {
            return Encoding.UTF8.GetBytes(text + "\0");
        }

        /// <summary>A text that the library wrote, which is freed.</summary>
        private static string Taken(byte* written)
        {
            if (written == null) return null;
            var length = 0;
            while (written[length] != 0) length++;
            var bytes = new byte[length];
            Marshal.Copy((IntPtr)written, bytes, 0, length);
            NativeMethods.ltlm_string_free(written);
            return Encoding.UTF8.GetString(bytes);
        }

        private static void Check(int code)
        {
            if (code == 0) return;
            var told = Taken(NativeMethods.ltlm_last_error());
            throw new LTLMException(code, told == null ? null : Json.ReadObject(told));
        }
    }
}
