using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Text;

namespace LTLM
{
    /// <summary>JSON without a library: Unity and Mono share none. Reads into dictionaries, and from these into the data classes.</summary>
    internal static class Json
    {
        /// <summary>Deepest nesting that is read.</summary>
        private const int DepthMax = 64;

        internal static object Read(string text)
        {
            var at = 0;
            var value = ReadValue(text, ref at, 0);
            SkipSpace(text, ref at);
            if (at != text.Length) throw Wrong(at);
            return value;
        }

        internal static Dictionary<string, object> ReadObject(string text)
        {
            return Read(text) as Dictionary<string, object> ?? new Dictionary<string, object>();
        }

        private static FormatException Wrong(int at)
        {
            return new FormatException("This is no JSON, at " + at + ".");
        }

        private static void SkipSpace(string text, ref int at)
        {
            while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0) at++;
        }

        private static object ReadValue(string text, ref int at, int depth)
        {
            SkipSpace(text, ref at);
            if (at >= text.Length || depth > DepthMax) throw Wrong(at);
            switch (text[at])
            {
                case '{': return ReadMembers(text, ref at, depth);
                case '[': return ReadItems(text, ref at, depth);
                case '"': return ReadText(text, ref at);
                case 't': return Word(text, ref at, "true", true);
                case 'f': return Word(text, ref at, "false", false);
                case 'n': return Word(text, ref at, "null", null);
                default: return ReadNumber(text, ref at);
            }
        }

        private static object Word(string text, ref int at, string word, object value)
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0) throw Wrong(at);
            at += word.Length;
            return value;
        }

        private static object ReadNumber(string text, ref int at)
        {
            var start = at;
            while (at < text.Length && "+-0123456789.eE".IndexOf(text[at]) >= 0) at++;
            var number = text.Substring(start, at - start);
            long whole;
            if (long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)) return whole;
            double broken;
            if (double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out broken)) return broken;
            throw Wrong(start);
        }

        private static string ReadText(string text, ref int at)
        {
            var read = new StringBuilder();
            for (at++; at < text.Length; at++)
            {
                var letter = text[at];
                if (letter == '"')
                {
                    at++;
                    return read.ToString();
                }
                if (letter != '\\')
                {
                    read.Append(letter);
                    continue;
                }
                if (++at >= text.Length) break;
                var place = "\"\\/bfnrt".IndexOf(text[at]);
                if (place >= 0)
                {
                    read.Append("\"\\/\b\f\n\r\t"[place]);
                    continue;
                }
                ushort unit = 0;
                var isUnit = text[at] == 'u' && at + 4 < text.Length
                    && ushort.TryParse(text.Substring(at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit);
                if (!isUnit) throw Wrong(at);
                read.Append((char)unit);
                at += 4;
            }
            throw Wrong(at);
        }

        private static Dictionary<string, object> ReadMembers(string text, ref int at, int depth)
        {
            var members = new Dictionary<string, object>();
            at++;
            SkipSpace(text, ref at);
            if (at < text.Length && text[at] == '}')
            {
                at++;
                return members;
            }
            while (true)
            {
                SkipSpace(text, ref at);
                if (at >= text.Length || text[at] != '"') throw Wrong(at);
                var name = ReadText(text, ref at);
                SkipSpace(text, ref at);
                if (at >= text.Length || text[at++] != ':') throw Wrong(at);
                members[name] = ReadValue(text, ref at, depth + 1);
                if (IsEnd(text, ref at, '}')) return members;
            }
        }

        private static List<object> ReadItems(string text, ref int at, int depth)
        {
            var items = new List<object>();
            at++;
            SkipSpace(text, ref at);
            if (at < text.Length && text[at] == ']')
            {
                at++;
                return items;
            }
            while (true)
            {
                items.Add(ReadValue(text, ref at, depth + 1));
                if (IsEnd(text, ref at, ']')) return items;
            }
        }

        private static bool IsEnd(string text, ref int at, char end)
        {
            SkipSpace(text, ref at);
            if (at < text.Length && text[at] == end)
            {
                at++;
                return true;
            }
            if (at >= text.Length || text[at++] != ',') throw Wrong(at);
            return false;
        }

        internal static string Write(object value)
        {
            var text = new StringBuilder();
            Write(text, value, 0);
            return text.ToString();
        }

        private static void Write(StringBuilder text, object value, int depth)
        {
            if (depth > DepthMax) throw new ArgumentException("The value is nested too deeply.");
            if (value == null) text.Append("null");
            else if (value is string) WriteText(text, (string)value);
            else if (value is bool) text.Append((bool)value ? "true" : "false");
            else if (value is IDictionary)
            {
                var separator = '{';
                foreach (DictionaryEntry member in (IDictionary)value)
                {
                    text.Append(separator);
                    WriteText(text, member.Key.ToString());
                    text.Append(':');
                    Write(text, member.Value, depth + 1);
                    separator = ',';
                }
                text.Append(separator == '{' ? "{}" : "}");
            }
            else if (value is IEnumerable)
            {
                var separator = '[';
                foreach (var item in (IEnumerable)value)
                {
                    text.Append(separator);
                    Write(text, item, depth + 1);
                    separator = ',';
                }
                text.Append(separator == '[' ? "[]" : "]");
            }
            else if (value is double || value is float)
            {
                var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
                if (double.IsNaN(number) || double.IsInfinity(number)) throw new ArgumentException("JSON has no such number.");
                text.Append(number.ToString("R", CultureInfo.InvariantCulture));
            }
            else if (value is IFormattable && value.GetType().IsPrimitive || value is decimal)
                text.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
            else WriteText(text, Convert.ToString(value, CultureInfo.InvariantCulture));
        }

        private static void WriteText(StringBuilder text, string value)
        {
            text.Append('"');
            foreach (var letter in value)
            {
                if (letter == '"' || letter == '\\') text.Append('\\').Append(letter);
                else if (letter < ' ' || char.IsSurrogate(letter)) text.Append("\\u").Append(((int)letter).ToString("x4"));
                else text.Append(letter);
            }
            text.Append('"');
        }

        /// <summary>A data class from what was read, by the names of its fields.</summary>
        internal static T To<T>(object read)
        {
            var value = To(typeof(T), read);
            return value == null ? default(T) : (T)value;
        }

        private static object To(Type type, object read)
        {
            var bare = Nullable.GetUnderlyingType(type) ?? type;
            if (read == null) return null;
            if (bare == typeof(object)) return read;
            if (bare == typeof(string)) return read as string ?? Write(read);
            if (bare == typeof(bool)) return read is bool && (bool)read;
            if (bare == typeof(int) || bare == typeof(long) || bare == typeof(double))
            {
                if (!(read is long) && !(read is double)) return null;
                var number = Convert.ToDouble(read, CultureInfo.InvariantCulture);
                if (bare == typeof(double)) return number;
                if (bare == typeof(long)) return read is long ? read : (long)number;
                return (int)Math.Max(int.MinValue, Math.Min(int.MaxValue, number));
            }
            if (bare.IsGenericType && bare.GetGenericTypeDefinition() == typeof(List<>))
            {
                var list = (IList)Activator.CreateInstance(bare);
                foreach (var item in read as List<object> ?? new List<object>()) list.Add(To(bare.GetGenericArguments()[0], item));
                return list;
            }
            var members = read as Dictionary<string, object>;
            if (members == null) return null;
            if (bare.IsGenericType && bare.GetGenericTypeDefinition() == typeof(Dictionary<,>))
            {
                var map = (IDictionary)Activator.CreateInstance(bare);
                foreach (var member in members) map[member.Key] = To(bare.GetGenericArguments()[1], member.Value);
                return map;
            }
            var made = Activator.CreateInstance(bare);
            foreach (var field in bare.GetFields(BindingFlags.Public | BindingFlags.Instance))
            {
                object member;
                if (!members.TryGetValue(field.Name, out member)) continue;
                var value = To(field.FieldType, member);
                if (value != null) field.SetValue(made, value);
            }
            return made;
        }
    }
}
