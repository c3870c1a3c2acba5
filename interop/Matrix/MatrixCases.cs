using System.Collections.Immutable;
using Interop.Netem;

namespace Interop.Matrix;

/// <summary>The runner's cases, with its scenarios in small: files are shorter where a case is not about length.</summary>
internal static class MatrixCases
{
    private const int KB = 1024;
    private const int MB = 1024 * 1024;

    // A client sees the packet; a server that has forgotten it by then says in its parameters that there was one.
    private static readonly ImmutableArray<string> s_retry = ["\"packet_type\":\"retry\"", "\"retry_source_connection_id\""];

    private static readonly ImmutableArray<string> s_path = ["\"frame_type\":\"path_response\""];

    // Packets of 0-RTT alone may all have been skipped.
    private static readonly ImmutableArray<string> s_accepted = ["\"new\":\"accepted\""];

    // Counts in an ACK of ours: the other end marks what it sends. In one of the other end: ours arrive marked, and it says so.
    private static readonly ImmutableArray<string> s_marks = ["\"ect0\":"];

    private static readonly LinkScenario s_plain = new() { Delay = TimeSpan.FromMilliseconds(15) };

    public static IReadOnlyList<MatrixCase> All { get; } =
    [
        new("handshake", [KB]) { Server = "handshake", Client = "handshake" },
        new("transfer", [2 * MB, 3 * MB]),
        new("http3", [5 * KB, 10 * KB, 500 * KB]) { Server = "http3", Client = "http3", Http3 = true },
        new("multiplexing", [.. Enumerable.Repeat(32, 1_000)]),
        new("chacha20", [MB]) { Server = "chacha20", Client = "chacha20", ChaCha20 = true },
        new("retry", [10 * KB]) { Server = "retry", Client = "retry", Retry = true, Events = s_retry },
        new("keyupdate", [2 * MB]) { Client = "keyupdate", KeyUpdate = true, Events = ["\"trigger\":\"local_update\"", "\"trigger\":\"remote_update\""] },
        new("resumption", [5 * KB, 10 * KB]) { Server = "resumption", Client = "resumption", Plan = Plan.Resume },
        new("zerortt", [.. Enumerable.Repeat(32, 20)]) { Server = "zerortt", Client = "zerortt", Plan = Plan.Early, Events = s_accepted },
        new("v2", [KB]) { Server = "v2", Client = "v2", Version2 = true, Events = ["\"chosen_version\":\"6b3343cf\""] },
        new("versionnegotiation", []) { Server = "handshake", Client = "versionnegotiation", ProbesVersions = true },
        new("multiconnect", [.. Enumerable.Repeat(KB, 10)]) { Server = "multiconnect", Client = "multiconnect", Plan = Plan.Each },
        new("ecn", [100 * KB]) { Server = "ecn", Client = "ecn", Events = s_marks },
        new("ipv6", [5 * KB, 10 * KB]) { IPv6 = true },
        new("connectionmigration", [2 * MB])
        {
            // To where the server prefers it, or of its own accord.
            Server = "connectionmigration", Client = "connectionmigration", Migrates = true, Events = s_path,
        },
        new("longrtt", [KB])
        {
            Server = "handshake", Client = "handshake", Link = s_plain with { Delay = TimeSpan.FromMilliseconds(750) },
        },
        new("blackhole", [8 * MB]) { Link = s_plain with { On = TimeSpan.FromSeconds(5), Off = TimeSpan.FromSeconds(2) }, Limit = TimeSpan.FromSeconds(120) },
        new("amplificationlimit", [5 * KB]) { Link = s_plain with { DropsToServer = [2, 3, 4, 5, 6, 7] }, },
        new("handshakeloss", [.. Enumerable.Repeat(KB, 20)])
        {
            Server = "multiconnect", Client = "multiconnect", Plan = Plan.Each, Link = s_plain with { DropPercent = 30, Burst = 3 }, Limit = TimeSpan.FromSeconds(240),
        },
        new("transferloss", [2 * MB]) { Link = s_plain with { DropPercent = 2, Burst = 3 } },
        new("handshakecorruption", [.. Enumerable.Repeat(KB, 20)])
        {
            Server = "multiconnect", Client = "multiconnect", Plan = Plan.Each, Link = s_plain with { CorruptPercent = 30, Burst = 3 }, Limit = TimeSpan.FromSeconds(240),
        },
        new("transfercorruption", [2 * MB]) { Link = s_plain with { CorruptPercent = 2, Burst = 3 } },
        new("rebind-port", [8 * MB])
        {
            Link = s_plain with { FirstRebind = TimeSpan.FromSeconds(1), RebindEvery = TimeSpan.FromSeconds(3) }, Events = s_path,
        },
        new("rebind-addr", [8 * MB])
        {
            Link = s_plain with { FirstRebind = TimeSpan.FromSeconds(1), RebindEvery = TimeSpan.FromSeconds(3), RebindsAddress = true },
            Events = s_path,
        },
        new("goodput", [8 * MB]) { Link = s_plain },
        new("crosstraffic", [4 * MB]) { Link = s_plain with { HasCrossTraffic = true }, Limit = TimeSpan.FromSeconds(150) },
    ];
}
