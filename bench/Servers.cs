using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Interop.Peers;
using Interop.Processes;

namespace Bench;

/// <summary>All that is measured, running at once and idle until asked: ngtcp2's server, our node behind its ingress.</summary>
internal sealed class Servers : IDisposable
{
    public const long Bytes = 256L << 20;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly string _home;
    private readonly List<Child> _children = [];

    private Servers(string home) => _home = home;

    /// <summary>The whole of ours: ingress and node. "download" compares it with <see cref="Peer"/>.</summary>
    public required Server Node { get; init; }

    /// <summary>ngtcp2's gtlsserver.</summary>
    public required Server Peer { get; init; }

    /// <summary>The ingress's part alone. "ingress" compares its cost with the node's.</summary>
    public required Server Ingress { get; init; }

    /// <summary>The node's part alone.</summary>
    public required Server Direct { get; init; }

    public static async Task<Servers> StartAsync(PeerSet peers)
    {
        string home = Directory.CreateTempSubdirectory("continuum-bench-").FullName;
        Child peer = await StartPeerAsync(peers, home, out int peerPort);
        Dictionary<string, string?> environment = new() { ["CONTINUUM_HOME"] = home };
        string program = Environment.GetEnvironmentVariable("CONTINUUM") ?? throw new PeersUnavailableException("CONTINUUM names no program: start by bench/run");
        Child ingress = Child.Start("ingress", program, ["ingress", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"], environment);
        string[] ready = (await ingress.OutputLines.ReadLineAsync().WaitAsync(s_patience) ?? "").Split(' ');
        Child node = Child.Start("node", program, ["node", "--name", "a", "--join", ready[^1], "--serve", home], environment);
        _ = await node.OutputLines.ReadLineAsync().WaitAsync(s_patience);
        string url = $"https://{ready[2]}/bytes/{Bytes}";
        Servers servers = new(home)
        {
            Peer = new("ngtcp2 gtlsserver", $"https://127.0.0.1:{peerPort}/body", [peer.Id]),
            Node = new("continuum (ingress + node)", url, [ingress.Id, node.Id]),
            Ingress = new("the ingress alone", url, [ingress.Id]),
            Direct = new("the node alone", url, [node.Id]),
        };
        servers._children.AddRange([peer, ingress, node]);
        return servers;
    }

    public void Dispose()
    {
        foreach (Child child in _children)
        {
            child.Kill();
            child.Dispose();
        }

        Directory.Delete(_home, recursive: true);
    }

    private static Task<Child> StartPeerAsync(PeerSet peers, string home, out int port)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        string root = Path.Combine(home, "peer"), keyFile = Path.Combine(home, "peer-key.pem"), certificateFile = Path.Combine(home, "peer.pem");
        Directory.CreateDirectory(root);
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        using (FileStream body = File.Create(Path.Combine(root, "body")))
        {
            body.SetLength(Bytes);
        }

        using (Socket probe = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)probe.LocalEndPoint!).Port;
        }

        return Task.FromResult(peers.GtlsServer.Start("-q", "-d", root, "127.0.0.1", $"{port}", keyFile, certificateFile));
    }
}
