using System.Net.Security;
using Net.Core.Io;
using Net.Kestrel.Transport;

namespace Net.Kestrel;

/// <summary>What the transport does for all its endpoints. Limits of requests are Kestrel's own (<c>KestrelServerOptions.Limits</c>).</summary>
public sealed class ManagedQuicOptions
{
    private const long NoError = 0x100;
    private const long RequestCancelled = 0x10c;

    /// <summary>Requests that a client may have open at a time on one connection; 100 by default, at least 1.</summary>
    public int MaxBidirectionalStreamCount { get; set; } = 100;

    /// <summary>Unidirectional streams that a client may have open at a time; 10 by default. HTTP/3 needs 3 (RFC 9114, section 6.2).</summary>
    public int MaxUnidirectionalStreamCount { get; set; } = 10;

    /// <summary>Connections that wait until Kestrel takes them; further ones are closed. 512 by default.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// Threads that serve each endpoint, each with a socket of its own on the port: 1 by default, 128 at most, 0 for one per processor. Requests run on
    /// the thread pool in any case. More than one needs Linux; where the port cannot be shared 0 stands for 1.
    /// </summary>
    public int Threads { get; set; } = 1;

    /// <summary>Bytes of one stream that wait for the application, above which the client is held back; 1 MiB by default, null for no limit.</summary>
    public long? MaxReadBufferSize { get; set; } = 1024 * 1024;

    /// <summary>Bytes of one stream that wait for the transport, above which the application is held back; 64 KiB by default, null for no limit.</summary>
    public long? MaxWriteBufferSize { get; set; } = 64 * 1024;

    /// <summary>
    /// Silence after which a client counts as gone; 150 s by default, infinite for never. The client's own timeout counts when it is smaller
    /// (RFC 9000, section 10.1). Connections without requests are ended in order by Kestrel's <c>KeepAliveTimeout</c>, which is 130 s.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(150);

    /// <summary>Silence after which a client is asked for a sign of life, so that a quiet response outlives its idle timeout; zero, the default, for never.</summary>
    public TimeSpan KeepAliveInterval { get; set; }

    /// <summary>From a client's first packet to the end of its handshake; 10 s by default.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Error code of a stream that ends before its end when Kestrel names none; H3_REQUEST_CANCELLED by default, 0 to 2^62-1.</summary>
    public long DefaultStreamErrorCode { get; set; } = RequestCancelled;

    /// <summary>Error code of a connection that is closed when Kestrel names none; H3_NO_ERROR by default, 0 to 2^62-1.</summary>
    public long DefaultCloseErrorCode { get; set; } = NoError;

    internal QuicServerConnectionOptions ToConnectionOptions(SslServerAuthenticationOptions tls, List<SslApplicationProtocol> protocols) => new()
    {
        ServerAuthenticationOptions = tls,
        ApplicationProtocols = protocols,
        AcceptsNoClientCertificate = TlsSettings.AcceptsNoClientCertificate(tls),
        MaxInboundBidirectionalStreams = MaxBidirectionalStreamCount,
        MaxInboundUnidirectionalStreams = MaxUnidirectionalStreamCount,
        IdleTimeout = IdleTimeout,
        KeepAliveInterval = KeepAliveInterval,
        HandshakeTimeout = HandshakeTimeout,
        DefaultStreamErrorCode = DefaultStreamErrorCode,
        DefaultCloseErrorCode = DefaultCloseErrorCode,
    };
}
