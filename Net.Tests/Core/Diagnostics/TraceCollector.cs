using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Diagnostics;
using Net.Core.Time;

namespace Net.Tests.Core.Diagnostics;

/// <summary>Keeps the traces of connections in memory, and reads every record as the JSON that it must be.</summary>
internal sealed class TraceCollector : IObserverSource
{
    public List<Trace> Traces { get; } = [];

    public Trace Client => Traces.Single(trace => !trace.IsServer);

    public Trace Server => Traces.First(trace => trace.IsServer);

    public IConnectionObserver? Observe(in ConnectionView view, Instant now)
    {
        Trace trace = new(view.IsServer);
        Traces.Add(trace);
        return new QlogTrace(trace, view, DateTimeOffset.UnixEpoch, now);
    }

    internal sealed class Trace(bool isServer) : ITraceSink
    {
        public bool IsServer { get; } = isServer;

        public List<JsonElement> Records { get; } = [];

        public bool HasEnded { get; private set; }

        public IEnumerable<JsonElement> Events => Records.Skip(1);

        public void Write(ReadOnlySpan<byte> record)
        {
            Assert.AreEqual(0x1E, record[0], "RFC 7464, section 2.2");
            Assert.AreEqual((byte)'\n', record[^1]);
            Assert.IsFalse(record[..^1].Contains((byte)'\n'), "one line");
            Records.Add(JsonSerializer.Deserialize<JsonElement>(record[1..]));
        }

        public void End() => HasEnded = true;

        /// <summary>The data of all events of a name.</summary>
        public List<JsonElement> Of(string name) => [.. Events.Where(e => e.GetProperty("name").GetString() == name).Select(e => e.GetProperty("data"))];

        public bool Has(string name, string path, string value) => Of(name).Exists(data => Find(data, path) == value);

        public static string? Find(JsonElement data, string path)
        {
            foreach (string step in path.Split('.'))
            {
                if (!data.TryGetProperty(step, out data))
                {
                    return null;
                }
            }

            return data.ToString();
        }
    }
}
