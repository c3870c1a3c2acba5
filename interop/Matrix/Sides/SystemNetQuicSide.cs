using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Interop.Peers;

namespace Interop.Matrix.Sides;

/// <summary>System.Net.Quic over msquic in both roles, inside this process: hq-interop. No package registry has msquic, so it may be absent.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SystemNetQuicSide() : Side("system-net-quic")
{
    private static readonly SslApplicationProtocol s_hq = new("hq-interop");

    private QuicListener? _listener;

    public override bool MayBeAbsent => true;

    public override Task<string> PrepareAsync() => QuicConnection.IsSupported
        ? Task.FromResult($".NET {Environment.Version}")
        : throw new PeersUnavailableException("QuicConnection.IsSupported is false: msquic (libmsquic) is not installed, and is in no registry here");

    // msquic has ECN switched off.
    public override bool Serves(MatrixCase c) => c.IsPlain && c is { Link: null, Http3: false, Name: not "ecn" };

    public override bool Fetches(MatrixCase c) => c.Name is not "ecn" && (c.IsPlain || c.Retry || c.Plan == Plan.Each) && c is { Link: null, Http3: false };

    public override async Task ServeAsync(Cell cell)
    {
        using X509Certificate2 pem = X509Certificate2.CreateFromPemFile(cell.Certificates.Chain, cell.Certificates.Key);
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        QuicServerConnectionOptions options = new()
        {
            DefaultCloseErrorCode = 0,
            DefaultStreamErrorCode = 1,
            MaxInboundBidirectionalStreams = 100,
            ServerAuthenticationOptions = new() { ApplicationProtocols = [s_hq], ServerCertificate = certificate },
        };
        _listener = await QuicListener.ListenAsync(
            new() { ListenEndPoint = new(cell.ServerPlace.Address, 0), ApplicationProtocols = [s_hq], ConnectionOptionsCallback = (_, _, _) => ValueTask.FromResult(options) },
            cell.Cancellation);
        cell.Port = _listener.LocalEndPoint.Port;
        _ = AcceptAsync(_listener, cell);
    }

    public override async Task EndAsync(Cell cell)
    {
        if (_listener is QuicListener listener)
        {
            _listener = null;
            await listener.DisposeAsync();
        }
    }

    public override async Task<string> FetchAsync(Cell cell)
    {
        if (cell.Case.Plan == Plan.Each)
        {
            foreach (string name in cell.Files)
            {
                await FetchAsync(cell, [name]);
            }
        }
        else
        {
            await FetchAsync(cell, cell.Files);
        }

        return "";
    }

    private static async Task FetchAsync(Cell cell, IEnumerable<string> names)
    {
#pragma warning disable CA5359 // A certificate of the harness's own authority: what is tested is QUIC.
        QuicClientConnectionOptions options = new()
        {
            RemoteEndPoint = new IPEndPoint(cell.ServerPlace.Address, cell.Port),
            DefaultCloseErrorCode = 0,
            DefaultStreamErrorCode = 1,
            ClientAuthenticationOptions = new() { ApplicationProtocols = [s_hq], TargetHost = "server", RemoteCertificateValidationCallback = (_, _, _, _) => true },
        };
#pragma warning restore CA5359
        await using QuicConnection connection = await QuicConnection.ConnectAsync(options, cell.Cancellation);
        await Parallel.ForEachAsync(names, cell.Cancellation, async (name, cancellation) =>
        {
            await using QuicStream stream = await connection.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancellation);
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"GET /{name}\r\n"), completeWrites: true, cancellation);
            await using FileStream file = File.Create(Path.Combine(cell.Downloads, name));
            await stream.CopyToAsync(file, cancellation);
        });
        await connection.CloseAsync(0, cell.Cancellation);
    }

    private static async Task AcceptAsync(QuicListener listener, Cell cell)
    {
        try
        {
            while (true)
            {
                QuicConnection connection = await listener.AcceptConnectionAsync(cell.Cancellation);
                _ = ServeAsync(connection, cell);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException or QuicException)
        {
            // The cell is over.
        }
    }

    private static async Task ServeAsync(QuicConnection connection, Cell cell)
    {
        try
        {
            while (true)
            {
                QuicStream stream = await connection.AcceptInboundStreamAsync(cell.Cancellation);
                _ = AnswerAsync(stream, cell);
            }
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            await connection.DisposeAsync();
        }
    }

    private static async Task AnswerAsync(QuicStream stream, Cell cell)
    {
        await using (stream)
        {
            using StreamReader reader = new(stream, leaveOpen: true);
            string line = await reader.ReadLineAsync(cell.Cancellation) ?? "";
            byte[] body = await File.ReadAllBytesAsync(Path.Combine(cell.Www, Path.GetFileName(line["GET /".Length..])), cell.Cancellation);
            await stream.WriteAsync(body, completeWrites: true, cell.Cancellation);
        }
    }
}
