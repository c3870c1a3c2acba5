using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>How a connection comes to another version than the one it began with (RFC 9368, sections 2.1 and 2.3; RFC 9369, section 4).</summary>
internal static class VersionChange
{
    /// <summary>What both ends declare of themselves: our parameters, and a reserved one that means nothing (RFC 9000, section 18.1).</summary>
    public static byte[] Declare(ConnectionParts c)
    {
        ulong random = c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.Grease, 0);
        return [.. c.Local.Write(), .. TransportParameters.Reserved(random)];
    }

    /// <summary>A server that has read the ClientHello: does it speak on in the version that it prefers?</summary>
    public static void Prefer(ConnectionParts c, VersionInformation? client)
    {
        // Who offers 0-RTT has sent it in the version of the ticket: that one stays.
        if (c.Tls is TlsServer { EarlyData: EarlyDataState.None } tls
            && c.Handshake is HandshakeState handshake
            && Versions.Better(client, c.Identity.Version, c.Options.PreferredVersion) is uint version)
        {
            handshake.ChangeVersion(c.Identity.Version, version, isServer: true);
            c.Identity.OnVersion(version);
            c.Local = c.Local with { VersionInformation = Versions.Announce(isServer: true, version, c.Options.PreferredVersion, mayChange: true, GreaseOf(c)) };
            tls.SetTransportParameters(Declare(c));
        }
    }

    /// <summary>Whether a packet of another version than the connection's belongs to it all the same.</summary>
    public static bool IsOurs(ConnectionParts c, in LongHeader header, ReadOnlySpan<byte> packet)
    {
        if (header.Type != LongPacketType.Initial || c.Handshake is not HandshakeState handshake)
        {
            return false;
        }

        // Initials of the version of before may be late (RFC 9369, section 4.1).
        return header.Version == handshake.FormerVersion || TryFollow(c, handshake, header, packet);
    }

    /// <summary>A client follows the server to a version that it has named itself, if the packet was made with that version's keys.</summary>
    private static bool TryFollow(ConnectionParts c, HandshakeState handshake, in LongHeader header, ReadOnlySpan<byte> packet)
    {
        bool mayFollow = !c.IsServer
            && handshake.FormerVersion is null
            && handshake.Read(EncryptionLevel.Handshake) is null
            && handshake.Read(EncryptionLevel.Initial) is not null
            && c.Local.VersionInformation!.Available.Contains(header.Version);
        if (!mayFollow || !handshake.Opens(header, packet))
        {
            return false;
        }

        handshake.ChangeVersion(c.Identity.Version, header.Version, isServer: false);
        c.Identity.OnVersion(header.Version);
        return true;
    }

    /// <summary>
    /// The server has turned our version down: all begins again with another one, and with the same IDs. A ticket is of one version (RFC 9369,
    /// section 5): the new handshake is a full one, and what went in 0-RTT is sent again when it is complete.
    /// </summary>
    public static void Restart(ConnectionParts c, HandshakeState before, ClientStart start, uint version, Instant now)
    {
        uint tried = c.Identity.Version;
        c.Lost.Clear();
        c.Recovery.OnAllInVain(PacketNumberSpace.Initial, now, c.Lost);
        // What was lost with it is said by another TLS machine, in other words.
        c.Lost.Clear();
        before.Discard(EncryptionLevel.Initial);
        Handshaking.OnEarlyDataInVain(c, before, now);
        c.Identity.OnVersion(version);
        c.Local = c.Local with { VersionInformation = Versions.Announce(isServer: false, version, c.Options.PreferredVersion, mayChange: true, GreaseOf(c)) };
        c.Handshake = new() { Tried = tried, Offered = before.Offered };
        c.Handshake.UseToken(before.Token);
        c.Handshake.InstallInitial(version, c.Identity.OriginalDestination, isServer: false);
        c.Tls = new TlsClient(start.Options, Declare(c), start.Entropy.Span, early: c.EarlySession is null ? EarlyDataState.None : EarlyDataState.Rejected);
        _ = Handshaking.Pump(c, now);
    }

    /// <summary>32 bits that mean nothing.</summary>
    internal static uint GreaseOf(ConnectionParts c) => (uint)c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.Grease, 1);
}

/// <summary>What a client needs to begin again.</summary>
internal sealed record ClientStart(TlsClientOptions Options, ReadOnlyMemory<byte> Entropy);
