using Net.Core.Crypto;
using Net.Core.Streams;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What a connection needs only until its handshake is confirmed: the TLS machine, Initial and Handshake keys, early datagrams.</summary>
internal sealed class HandshakeState
{
    /// <summary>Packets kept while their keys are not there yet (RFC 9001, section 5.7; checklist S36).</summary>
    public const int MaxEarlyPackets = 16;

    private readonly PacketProtection?[] _read = new PacketProtection?[3];
    private readonly PacketProtection?[] _write = new PacketProtection?[3];
    private readonly Queue<EarlyPacket> _early = new();
    private readonly Queue<EarlyPacket> _earlyData = new();
    private PacketProtection? _formerRead;
    private ConnectionId _clientDestination;

    /// <summary>0-RTT packets kept until it is clear whether they are read: a little more than a first window (checklist S36).</summary>
    public const int MaxEarlyDataPackets = 16;

    /// <summary>ICMP messages that end a client's attempt: more than the datagrams of one flight may draw, few enough for a prompt end.</summary>
    public const int RefusalsToBelieve = 3;

    /// <summary>ICMP messages that said that nobody listens.</summary>
    public int Refusals { get; set; }

    /// <summary>Of a client: the ticket that it resumes with.</summary>
    public ResumptionTicket? Offered { get; set; }

    /// <summary>What a client began with: null at a server.</summary>
    public ClientStart? Start { get; init; }

    /// <summary>The version that the server turned down before, if it did (RFC 9368, section 2.1).</summary>
    public uint? Tried { get; init; }

    /// <summary>The version that the connection began with, when it has another one now.</summary>
    public uint? FormerVersion { get; private set; }

    /// <summary>A client repeats the token of a Retry, or of an earlier connection's NEW_TOKEN, in its Initial packets.</summary>
    public ReadOnlyMemory<byte> Token { get; private set; }

    /// <summary>The ID that a Retry gave: the server must name it in its transport parameters (RFC 9000, section 7.3).</summary>
    public ConnectionId? RetrySource { get; private set; }

    public Hastening Hastening { get; } = new();

    public CryptoStream Initial { get; } = new();

    public CryptoStream Handshake { get; } = new();

    /// <summary>Secrets of the 1-RTT keys, until both directions are there.</summary>
    public TlsSecret? OneRttRead { get; set; }

    public TlsSecret? OneRttWrite { get; set; }

    public int EarlyPackets => _early.Count;

    public PacketProtection? Read(EncryptionLevel level) => _read[(int)level];

    /// <summary>Initial packets of the version of before have keys of their own.</summary>
    public PacketProtection? Read(EncryptionLevel level, uint version) => version == FormerVersion ? _formerRead : Read(level);

    public PacketProtection? Write(EncryptionLevel level) => _write[(int)level];

    public void Install(EncryptionLevel level, bool isWrite, PacketProtection keys) => (isWrite ? _write : _read)[(int)level] = keys;

    public void InstallInitial(uint version, ConnectionId clientDestination, bool isServer)
    {
        _clientDestination = clientDestination;
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        InitialSecrets.Derive(version, clientDestination, client, server);
        IProtectionSuite suite = ProtectionSuites.Default;
        Span<byte> read = isServer ? client : server;
        Span<byte> write = isServer ? server : client;
        Install(EncryptionLevel.Initial, isWrite: false, suite.Create(CipherSuite.Aes128GcmSha256, read, read, version));
        Install(EncryptionLevel.Initial, isWrite: true, suite.Create(CipherSuite.Aes128GcmSha256, write, write, version));
    }

    /// <summary>Whether a server's Initial of another version opens with that version's keys. The packet stays as it is.</summary>
    public bool Opens(in LongHeader header, ReadOnlySpan<byte> packet)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        InitialSecrets.Derive(header.Version, _clientDestination, client, server);
        using PacketProtection keys = ProtectionSuites.Default.Create(CipherSuite.Aes128GcmSha256, server, server, header.Version);
        byte[] copy = packet[..header.PacketLength].ToArray();
        return keys.TryUnmask(copy, header.PacketNumberOffset, out int length, out uint truncated)
            && keys.TryOpen(copy, header.PacketNumberOffset + length, PacketNumber.Decode(null, truncated, length));
    }

    /// <summary>Initial packets get other keys; those of before are still read (RFC 9369, section 4.1).</summary>
    public void ChangeVersion(uint former, uint version, bool isServer)
    {
        FormerVersion = former;
        _formerRead = Read(EncryptionLevel.Initial);
        Write(EncryptionLevel.Initial)?.Dispose();
        InstallInitial(version, _clientDestination, isServer);
    }

    /// <summary>A token that the server gave earlier (RFC 9000, section 8.1.3).</summary>
    public void UseToken(ReadOnlyMemory<byte> token) => Token = token;

    /// <summary>The client begins again, with a token, under keys that derive from the ID that the server chose (RFC 9000, section 17.2.5.2).</summary>
    public void OnRetry(uint version, ConnectionId source, ReadOnlySpan<byte> token)
    {
        Token = token.ToArray();
        RetrySource = source;
        Discard(EncryptionLevel.Initial);
        InstallInitial(version, source, isServer: false);
    }

    public void Discard(EncryptionLevel level)
    {
        if (level == EncryptionLevel.Initial)
        {
            _formerRead?.Dispose();
            _formerRead = null;
        }

        _read[(int)level]?.Dispose();
        _write[(int)level]?.Dispose();
        _read[(int)level] = null;
        _write[(int)level] = null;
    }

    /// <returns>False when there is no room for it: it is lost.</returns>
    public bool KeepEarly(ReadOnlySpan<byte> packet, in Arrival arrival) => Keep(_early, MaxEarlyPackets, packet, arrival);

    /// <returns>Whether there was room.</returns>
    public bool KeepEarlyData(ReadOnlySpan<byte> packet, in Arrival arrival) => Keep(_earlyData, MaxEarlyDataPackets, packet, arrival);

    public bool TryTakeEarlyData(out EarlyPacket packet) => _earlyData.TryDequeue(out packet);

    public void DropEarlyData() => _earlyData.Clear();

    public bool TryTakeEarly(out EarlyPacket packet) => _early.TryDequeue(out packet);

    private static bool Keep(Queue<EarlyPacket> queue, int limit, ReadOnlySpan<byte> packet, in Arrival arrival)
    {
        bool hasRoom = queue.Count < limit;
        if (hasRoom)
        {
            queue.Enqueue(new(packet.ToArray(), arrival.Ecn, arrival.HeardAt));
        }

        return hasRoom;
    }
}
