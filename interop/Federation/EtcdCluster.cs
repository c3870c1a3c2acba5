using System.Net;
using System.Net.Sockets;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Federation;

/// <summary>Three members of Debian's etcd on this machine, with data of their own, which survives their processes.</summary>
internal sealed class EtcdCluster : IDisposable
{
    public const int Members = 3;

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    private readonly Peer _etcd;
    private readonly string _directory;
    private readonly int[] _clients = new int[Members];
    private readonly int[] _peers = new int[Members];
    private readonly Child?[] _running = new Child?[Members];
    private readonly CancellationToken _cancellation;

    private EtcdCluster(Peer etcd, string directory, CancellationToken cancellationToken)
    {
        (_etcd, _directory, _cancellation) = (etcd, directory, cancellationToken);
        // All listen at once, so that no port is given out twice.
        Socket[] held = [.. Enumerable.Range(0, 2 * Members).Select(_ => Held())];
        for (int i = 0; i < Members; i++)
        {
            (_clients[i], _peers[i]) = (PortOf(held[2 * i]), PortOf(held[(2 * i) + 1]));
        }

        foreach (Socket socket in held)
        {
            socket.Dispose();
        }
    }

    /// <summary>As --directory takes it.</summary>
    public string Address => $"etcd://{string.Join(',', _clients.Select(port => $"127.0.0.1:{port}"))}";

    /// <summary>Fetches Debian's etcd-server once, and starts all members in a directory.</summary>
    public static async Task<EtcdCluster> StartAsync(string directory, CancellationToken cancellationToken)
    {
        const string Folder = "trixie-etcd";
        await PeerSet.EnsureAsync(Folder, "trixie", ["etcd-server"]);
        EtcdCluster cluster = new(new("etcd", Path.Combine(PeerSet.CacheDirectory(), Folder), "usr/bin/etcd", "etcd"), directory, cancellationToken);
        await cluster.StartAllAsync();
        return cluster;
    }

    public void Kill(int member) => _running[member]?.Kill();

    /// <summary>Starts the members that do not run, and waits until they have a leader.</summary>
    public async Task StartAllAsync()
    {
        string all = string.Join(',', Enumerable.Range(0, Members).Select(i => $"m{i}=http://127.0.0.1:{_peers[i]}"));
        for (int i = 0; i < Members; i++)
        {
            if (_running[i] is { HasExited: false })
            {
                continue;
            }

            string client = $"http://127.0.0.1:{_clients[i]}", peer = $"http://127.0.0.1:{_peers[i]}";
            Child child = _etcd.Start(
                "--name", $"m{i}", "--data-dir", Path.Combine(_directory, $"etcd{i}"), "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", all);
            child.DrainOutput();
            _running[i] = child;
        }

        using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(2) };
        long deadline = Environment.TickCount64 + (long)s_startLimit.TotalMilliseconds;
        for (int i = 0; i < Members; i++)
        {
            while (!await IsHealthyAsync(http, i))
            {
                if (Environment.TickCount64 > deadline || _running[i]!.HasExited)
                {
                    throw new CaseFailedException($"etcd member {i} has no leader after {s_startLimit.TotalSeconds} s: {Child.LastLine(_running[i]!.Errors)}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), _cancellation);
            }
        }
    }

    public void Dispose()
    {
        foreach (Child? child in _running)
        {
            child?.Dispose();
        }
    }

    private async Task<bool> IsHealthyAsync(HttpClient http, int member)
    {
        try
        {
            string said = await http.GetStringAsync(new Uri($"http://127.0.0.1:{_clients[member]}/health"), _cancellation);
            return said.Contains("\"true\"", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !_cancellation.IsCancellationRequested))
        {
            return false;
        }
    }

    private static Socket Held()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;
}
