using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;

namespace QuicEndpoint;

/// <summary>Gives the files of a folder over HTTP/0.9 (ALPN hq-interop) and HTTP/3, until it is told to end.</summary>
internal static class Server
{
    public static async Task RunAsync(Contract contract, TestCase testCase)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

        WwwFolder files = new(contract.Www);
        TaskCompletionSource<ExchangeHost> http3 = new();
        TlsServerOptions tls = new() { AlpnProtocols = [Protocol.Hq, Protocol.Http3], Suites = Protocol.Suites(testCase), AcceptsEarlyData = testCase.Plan == ClientPlan.ResumeEarly };
        PreferredSocket? preferred = testCase.Migrates ? PreferredSocket.Bind(contract.Parameters.Listen) : null;
        ConnectionOptions options = Protocol.Options(contract, testCase);
        await using Host host = new(
            UdpAddress.FromEndPoint(new(contract.Parameters.Listen, contract.Port)),
            preferred is null ? options : options with { PreferredIPv4 = preferred.IPv4, PreferredIPv6 = preferred.IPv6 },
            tls,
            testCase.Retry,
            LoadCertificate(contract.Certificates),
            (shard, connection) => new ProtocolOwner(shard, connection, files, http3.Task.Result),
            preferred?.Channel);
        using ExchangeHost exchanges = new(new FileComponent(files), new ShardQueue(host.Shard), new() { OnFault = e => Program.Say(e.Message), SendsGrease = true });
        http3.SetResult(exchanges);

        Console.WriteLine($"ready server {host.Shard.Channel.Local}");
        Task first = await Task.WhenAny(ended.Task, host.Completion);
        await first;

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            ended.TrySetResult();
        }
    }

    private static HostCrypto LoadCertificate(string folder)
    {
        string chain = Path.Combine(folder, "cert.pem");
        try
        {
            using X509Certificate2 pem = X509Certificate2.CreateFromPemFile(chain, Path.Combine(folder, "priv.key"));
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(chain);
            X509Certificate2Collection intermediates = [.. all.Skip(1)];
            return new(new() { DefaultServerCertificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null), Intermediates = intermediates });
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ContractException($"{folder}: cert.pem and priv.key cannot be used: {e.Message}");
        }
    }
}
