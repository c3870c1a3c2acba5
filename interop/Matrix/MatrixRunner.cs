using System.Diagnostics;
using System.Globalization;
using Interop.Matrix.Sides;
using Interop.Netem;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Matrix;

/// <summary>Runs cells, one after the other, and prints the matrix and its sums.</summary>
internal sealed class MatrixRunner
{
    private const int MaxRuns = 3;

    /// <summary>What cells that fail have written stays, and the packets of their links with it.</summary>
    private static readonly bool s_keeps = Environment.GetEnvironmentVariable("INTEROP_KEEP") is { Length: > 0 };

    private readonly OurSide _ours = new(Environment.GetEnvironmentVariable("QUIC_ENDPOINT") ?? "");
    private readonly List<Side> _peers;
    private readonly Dictionary<Side, string?> _absent = [];
    private readonly List<Result> _results = [];

    public MatrixRunner()
    {
        string[] trixie = ["curl", "ngtcp2-client", "ngtcp2-server"];
        _peers =
        [
            _ours,
            new CurlSide("curl-openssl", "trixie", "trixie", trixie),
            new CurlSide("curl-ngtcp2", "sid", "sid", ["curl"]),
            new GtlsClientSide("trixie", "trixie", trixie),
            new GtlsServerSide("trixie", "trixie", trixie),
            new QuicheSide(),
            new NginxSide(),
            new CaddySide(),
            new AioquicSide(),
            new ChromiumSide(),
        ];
        if (OperatingSystem.IsLinux())
        {
            _peers.Add(new SystemNetQuicSide());
        }
    }

    private enum Verdict
    {
        Pass,
        Fail,
        Unavailable,
    }

    /// <param name="IsRed">It failed, or it could not be run although both ends have to be there.</param>
    private sealed record Result(string Server, string Client, string Case, Verdict Verdict, bool IsRed);

    public IEnumerable<string> PeerNames => _peers.Select(peer => peer.Name);

    /// <summary>Cells of the gate: each is short, and each peer of it is small to fetch.</summary>
    public static (string Peer, string Case, bool IsServer)[] Quick { get; } =
    [
        ("ours", "handshake", true), ("ours", "retry", true), ("ours", "chacha20", true), ("ours", "keyupdate", true), ("ours", "http3", true),
        ("curl-openssl", "http3", false), ("curl-ngtcp2", "retry", false), ("gtlsclient", "keyupdate", false), ("gtlsserver", "http3", true),
        ("nginx", "transfer", true), ("nginx", "retry", true), ("caddy", "http3", true),
    ];

    /// <summary>All cells of these peers and cases, then the matrix.</summary>
    /// <param name="peers">Empty for all.</param>
    /// <param name="cases">Empty for all.</param>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(IReadOnlyCollection<string> peers, IReadOnlyCollection<string> cases)
    {
        using TestCertificates certificates = new();
        List<MatrixCase> chosen = [.. MatrixCases.All.Where(c => cases.Count == 0 || cases.Contains(c.Name))];
        foreach (Side peer in _peers.Where(p => peers.Count == 0 || peers.Contains(p.Name)))
        {
            foreach (MatrixCase c in chosen)
            {
                if (peer.Serves(c))
                {
                    await RunCellAsync(peer, _ours, c, certificates);
                }

                if (peer.Fetches(c) && peer != _ours)
                {
                    await RunCellAsync(_ours, peer, c, certificates);
                }
            }
        }

        Print(chosen);
        int passed = _results.Count(r => r.Verdict == Verdict.Pass), unavailable = _results.Count(r => r.Verdict == Verdict.Unavailable);
        bool isRed = _results.Any(r => r.IsRed) || _absent.Any(a => a.Value is not null && !a.Key.MayBeAbsent);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_results.Count - unavailable} run, {passed} passed, {unavailable} unavailable"));
        return isRed || passed == 0 ? 1 : 0;
    }

    /// <summary>The gate's cells.</summary>
    /// <returns>How many passed, and how many there are.</returns>
    public async Task<(int Passed, int All)> RunQuickAsync()
    {
        using TestCertificates certificates = new();
        foreach ((string name, string caseName, bool isServer) in Quick)
        {
            Side peer = _peers.First(p => p.Name == name);
            MatrixCase c = MatrixCases.All.First(one => one.Name == caseName);
            await RunCellAsync(isServer ? peer : _ours, isServer ? _ours : peer, c, certificates);
        }

        return (_results.Count(r => r.Verdict == Verdict.Pass), _results.Count);
    }

    /// <summary>
    /// Runs a cell; again if it failed while the machine stood still for so long that a peer's timers may have run out: that says nothing of either end.
    /// </summary>
    private async Task RunCellAsync(Side server, Side client, MatrixCase c, TestCertificates certificates)
    {
        for (int run = 1; !await TryRunCellAsync(server, client, c, certificates, mayRepeat: run < MaxRuns); run++)
        {
        }
    }

    /// <returns>False: it has to be run again.</returns>
    private async Task<bool> TryRunCellAsync(Side server, Side client, MatrixCase c, TestCertificates certificates, bool mayRepeat)
    {
        string name = $"{server.Name} -> {client.Name} {c.Name}";
        if (await AbsenceAsync(server) is string missing || (await AbsenceAsync(client) is string other && (missing = other) is not null))
        {
            Add(server, client, c, Verdict.Unavailable, name, TimeSpan.Zero, missing);
            return true;
        }

        Stopwatch watch = Stopwatch.StartNew();
        using StallWatch stalls = new();
        using CancellationTokenSource limit = new(c.Limit + TimeSpan.FromSeconds(10));
        Cell? cell = null;
        try
        {
            using Network? network = c.Link is null ? null : Network.Start(c.Link);
            cell = new(c, network is null ? new HerePlace(c.IPv6) : network.Server, network is null ? new HerePlace(c.IPv6) : network.Client, certificates, limit.Token);
            if (s_keeps)
            {
                network?.Record(cell.Root);
            }

            await server.ServeAsync(cell);
            string said = client is OurSide ours && (server is IHttp3Only) ? await ours.FetchAsync(cell, "alpn=h3") : await client.FetchAsync(cell);
            await server.EndAsync(cell);
            cell.CheckFiles();
            cell.CheckEvent();
            Add(server, client, c, Verdict.Pass, name, watch.Elapsed, string.Join("; ", ((string?[])[said, network?.Describe()]).Where(text => text is { Length: > 0 })));
        }
        catch (PeersUnavailableException e)
        {
            Add(server, client, c, Verdict.Unavailable, name, watch.Elapsed, e.Message);
        }
        catch (Exception e) when (e is CaseFailedException or OperationCanceledException or IOException or InvalidOperationException)
        {
            string why = limit.IsCancellationRequested ? $"not done in time ({e.Message})" : e.Message;
            if (stalls.Longest > StallWatch.Long)
            {
                why += string.Create(CultureInfo.InvariantCulture, $"; this machine stood still for {stalls.Longest.TotalSeconds:0.0} s meanwhile");
                if (mayRepeat)
                {
                    Console.WriteLine($"again {name}: {why}");
                    return false;
                }
            }

            Add(server, client, c, Verdict.Fail, name, watch.Elapsed, why);
            if (cell is not null)
            {
                cell.ExplainTo(Console.Error);
                cell.IsKept = s_keeps;
                Console.Error.WriteLine(cell.IsKept ? $"  kept in {cell.Root}" : "  INTEROP_KEEP=1 keeps the folder of a cell that fails");
            }
        }
        finally
        {
            cell?.Dispose();
        }

        return true;
    }

    /// <summary>Why a side is not there; null when it is. Asked once, and its version is told then.</summary>
    private async Task<string?> AbsenceAsync(Side side)
    {
        if (!_absent.TryGetValue(side, out string? reason))
        {
            try
            {
                Console.WriteLine($"peer {side.Name}: {await side.PrepareAsync()}");
            }
            catch (Exception e) when (e is PeersUnavailableException or CaseFailedException or IOException)
            {
                reason = e.Message;
                Console.WriteLine($"peer {side.Name}: unavailable: {e.Message}");
            }

            _absent[side] = reason;
        }

        return reason;
    }

    private void Add(Side server, Side client, MatrixCase c, Verdict verdict, string name, TimeSpan took, string said)
    {
        // A machine without tunnels, say, shows nothing of half of the cases: that is not green.
        bool isRed = verdict is Verdict.Fail || (verdict is Verdict.Unavailable && !(server.MayBeAbsent || client.MayBeAbsent));
        _results.Add(new(server.Name, client.Name, c.Name, verdict, isRed));
        string word = verdict switch { Verdict.Pass => "pass", Verdict.Fail => "FAIL", _ => "absent" };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{word} {name} ({took.TotalSeconds:0.0} s){(said.Length > 0 ? ": " : "")}{said}"));
    }

    private void Print(List<MatrixCase> cases)
    {
        Console.WriteLine();
        Console.WriteLine("server -> client: + passed, X failed, ? unavailable, . not for these two");
        string[][] rows = [.. _results.Select(r => (string[])[r.Server, r.Client]).DistinctBy(pair => string.Join(' ', pair))];
        int width = rows.Length == 0 ? 0 : rows.Max(row => row[0].Length + row[1].Length) + 4;
        foreach (string[] row in rows)
        {
            IEnumerable<string> marks = cases.Select(c => _results.FirstOrDefault(r => r.Server == row[0] && r.Client == row[1] && r.Case == c.Name)?.Verdict switch
            {
                Verdict.Pass => "+",
                Verdict.Fail => "X",
                Verdict.Unavailable => "?",
                _ => ".",
            });
            Console.WriteLine($"{$"{row[0]} -> {row[1]}".PadRight(width)} {string.Join(' ', marks)}");
        }

        Console.WriteLine($"cases: {string.Join(' ', cases.Select(c => c.Name))}");
    }
}
