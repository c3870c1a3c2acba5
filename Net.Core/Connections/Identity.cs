using Net.Core.Snapshots;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What was settled once: role, version, who the ends are, and under which epoch the connection is owned.</summary>
internal sealed class Identity : IPart<Identity>
{
    public Identity(bool isServer, uint version, uint keyNumber, ConnectionId originalDestination)
    {
        IsServer = isServer;
        Version = version;
        KeyNumber = keyNumber;
        OriginalDestination = originalDestination;
    }

    public static ulong Section => SectionNumber.Identity;

    public ulong Changes { get; private set; }

    public bool IsServer { get; }

    public uint Version { get; private set; }

    /// <summary>The federation's key generation that the connection's IDs derive from.</summary>
    public uint KeyNumber { get; }

    /// <summary>The ID that the client's first packet was sent to (RFC 9000, section 7.3).</summary>
    public ConnectionId OriginalDestination { get; }

    /// <summary>The hand-over count under which this owner serves; 0 before the first.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>Null until the handshake is complete.</summary>
    public TlsSession? Session { get; private set; }

    /// <summary>RFC 9001, section 4.1.2.</summary>
    public bool IsConfirmed { get; private set; }

    /// <summary>Only during the handshake (RFC 9368).</summary>
    public void OnVersion(uint version)
    {
        Version = version;
        Changes++;
    }

    public void OnComplete(TlsSession session)
    {
        Session = session;
        Changes++;
    }

    public void OnConfirmed()
    {
        IsConfirmed = true;
        Changes++;
    }

    public void OnEpoch(ulong epoch)
    {
        Epoch = epoch;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(IsServer);
        writer.WriteNumber(Version);
        writer.WriteNumber(KeyNumber);
        writer.WriteConnectionId(OriginalDestination);
        writer.WriteNumber(Epoch);
        writer.WriteBool(IsConfirmed);
        TlsSession session = Session ?? throw new InvalidOperationException("a connection can be written down only once its handshake is complete");
        session.Export(writer);
    }

    /// <summary>Reads no more than the number of the keys, to find them.</summary>
    /// <exception cref="SnapshotException">Malformed.</exception>
    public static uint ReadKeyNumber(SnapshotReader reader)
    {
        _ = (reader.ReadBool(), reader.ReadNumber(uint.MaxValue));
        return (uint)reader.ReadNumber(uint.MaxValue);
    }

    public static Identity Import(SnapshotReader reader)
    {
        Identity identity = new(reader.ReadBool(), (uint)reader.ReadNumber(uint.MaxValue), (uint)reader.ReadNumber(uint.MaxValue), reader.ReadConnectionId())
        {
            Epoch = reader.ReadNumber(),
            IsConfirmed = reader.ReadBool(),
        };
        identity.Session = TlsSession.Import(reader);
        return identity;
    }
}
