using Net.Core.Crypto;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>A ticket that a server gave to this client, and what the client must know to use it once (RFC 8446, section 4.6.1).</summary>
/// <remarks>Nothing in it changes but <see cref="ApplicationState"/>, which may be set from another thread than the one that reads it.</remarks>
internal sealed class ResumptionTicket
{
    private byte[]? _applicationState;

    public required CipherSuite Suite { get; init; }

    /// <summary>QUIC version of the connection that it came by: it is of no use in another (RFC 9369, section 5).</summary>
    public required uint Version { get; init; }

    public required ReadOnlyMemory<byte> Alpn { get; init; }

    /// <summary>Opaque to us.</summary>
    public required byte[] Ticket { get; init; }

    /// <summary>One hash long.</summary>
    public required byte[] Psk { get; init; }

    public required uint AgeAdd { get; init; }

    public required Instant ReceivedAt { get; init; }

    /// <summary>Not used from then on: at most 7 days after its receipt.</summary>
    public required Instant ExpiresAt { get; init; }

    /// <summary>The server takes 0-RTT data with it.</summary>
    public bool AllowsEarlyData { get; init; }

    /// <summary>What 0-RTT data is held to.</summary>
    public RememberedLimits Limits { get; init; }

    /// <summary>The server's certificates as they were shown, its own first: they are validated again, as a resumed handshake shows none.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> PeerCertificates { get; init; } = [];

    /// <summary>What the application protocol keeps for 0-RTT, such as the server's HTTP/3 SETTINGS; null until it was said.</summary>
    public byte[]? ApplicationState
    {
        get => Volatile.Read(ref _applicationState);
        set => Volatile.Write(ref _applicationState, value);
    }

    /// <summary>Milliseconds since its receipt, plus ticket_age_add (RFC 8446, section 4.2.11.1).</summary>
    public uint ObfuscatedAge(Instant now) => unchecked((uint)((now - ReceivedAt).Ticks / TimeSpan.TicksPerMillisecond) + AgeAdd);

    /// <summary>Never the key.</summary>
    public override string ToString() => $"ticket of {Ticket.Length} bytes";
}

/// <summary>What a client brings from an earlier connection.</summary>
/// <param name="Ticket">Used up by this.</param>
/// <param name="ObfuscatedAge">At the time of the ClientHello.</param>
/// <param name="EarlyData">Whether to offer 0-RTT data too.</param>
internal readonly record struct ResumptionOffer(ResumptionTicket Ticket, uint ObfuscatedAge, bool EarlyData);
