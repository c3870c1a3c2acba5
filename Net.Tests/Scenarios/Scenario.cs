using System.Globalization;
using System.Text;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

public enum ScenarioKind
{
    Download,
    Upload,
    Echo,
    Counter,
}

/// <summary>How thorough a run is: <c>LONG=1</c> in the environment takes every step.</summary>
internal static class Depth
{
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("LONG") == "1";

    /// <returns>So that about <paramref name="runs"/> steps are taken.</returns>
    public static int Stride(long events, int runs) => IsLong ? 1 : int.Max(1, (int)(events / runs));
}

/// <summary>One client that does one thing, and what it has to see.</summary>
internal sealed class Scenario
{
    private const int Bytes = 60_000;
    private const int Lines = 40;

    private readonly Federation _federation;
    private readonly ScenarioKind _kind;
    private readonly byte[] _upload = TestComponent.Download(Bytes);

    /// <param name="ingress">The number of that by way of which the client goes.</param>
    public Scenario(Federation federation, ScenarioKind kind, uint ingress = 1)
    {
        (_federation, _kind) = (federation, kind);
        Client = federation.AddClient(ingress: ingress);
        View = kind switch
        {
            ScenarioKind.Download => Client.Request("GET", $"/bytes/{Bytes}"),
            ScenarioKind.Upload => Client.Request("POST", "/hash", _upload),
            ScenarioKind.Echo => Client.Request("POST", "/echo", _upload),
            _ => Client.Request("GET", $"/counter/{Lines}"),
        };
    }

    public SimulatedClient Client { get; }

    public ClientView View { get; }

    public bool IsOver => View.IsOver;

    public bool IsConfirmed => Client.Connection.IsConfirmed;

    /// <summary>The server closed before the handshake was done: in a 1-RTT packet with its words, else as APPLICATION_ERROR (RFC 9000, section 10.2.3).</summary>
    public bool WasRefused => Client.Connection.CloseReason is { Reason: "the component moves" } or { Code: 0x0C };

    /// <summary>Neither end has ever seen a sign of congestion.</summary>
    public bool HadNoCongestion => _federation.Nodes
        .Where(n => n.Shard is not null)
        .SelectMany(n => n.Shard!.Shard.Endpoint.Connections)
        .Append(Client.Connection)
        .All(c => c.IsFrozen || c.Parts.Recovery.Congestion.SlowStartThreshold == int.MaxValue);

    /// <summary>Runs for so many events, then asks for a move.</summary>
    public Move MoveAt(long events, string to)
    {
        RunEvents(events);
        return _federation.Migrate(to);
    }

    public void RunEvents(long events)
    {
        for (long i = 0; i < events && _federation.TryStep(_federation.World.Now + TimeSpan.FromSeconds(10)); i++)
        {
        }
    }

    public void AssertRight()
    {
        Assert.IsTrue(IsRight, $"{View}\n{_federation.Describe()}");
    }

    /// <summary>The numbers that a counter has shown.</summary>
    public long[] Counted => _kind is ScenarioKind.Counter
        ? [.. Encoding.ASCII.GetString(View.Body).Split('\n').Where(l => l.Length == 7).Select(l => long.Parse(l, CultureInfo.InvariantCulture))] : [];

    /// <summary>As <see cref="IsRight"/>, when the component counts for others too: the lines are all there, and their numbers rise.</summary>
    public bool IsRightAmongOthers => _kind is not ScenarioKind.Counter ? IsRight
        : View is { IsComplete: true, Error: null, Status: 200 } && Counted.Length == Lines && Counted.Zip(Counted.Skip(1)).All(p => p.First < p.Second);

    public bool IsRight => View is { IsComplete: true, IsSent: true, Error: null, Status: 200 } && View.Body.AsSpan().SequenceEqual(Expected);

    private byte[] Expected => _kind switch
    {
        ScenarioKind.Download or ScenarioKind.Echo => _upload,
        ScenarioKind.Upload => Encoding.ASCII.GetBytes($"{Bytes} {Hash(_upload):x16}\n"),
        _ => Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, Lines).Select(i => string.Create(CultureInfo.InvariantCulture, $"{i,7}\n")))),
    };

    public override string ToString() => $"{View}, {Client.Connection.CloseReason?.ToString() ?? "open"}";

    /// <summary>What <see cref="TestComponent"/> answers to an upload, after its length.</summary>
    internal static ulong Hash(byte[] bytes)
    {
        ulong hash = 0;
        foreach (byte b in bytes)
        {
            hash = ((hash << 5) | (hash >> 59)) ^ (b * 0x9E3779B97F4A7C15UL);
        }

        return hash;
    }
}
