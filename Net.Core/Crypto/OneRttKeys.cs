using System.Security.Cryptography;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Crypto;

/// <summary>The 1-RTT keys of both directions, their updates and their limits (RFC 9001, section 6).</summary>
/// <remarks>
/// Keys come in generations; the key-phase bit is a generation's lowest bit. We are at most one write generation ahead of the peer's:
/// <code>
/// write = read      both agree. Peer's packet of the next generation: read + 1, write + 1 (we answer). We start: write + 1.
/// write = read + 1  we started, the peer has not followed. Its packet of the next generation: read + 1.
/// </code>
/// The keys of the next read generation exist before a packet needs them and the header key never changes, so a forged packet costs the same
/// whatever its key phase says (section 6.3, section 9.5). Those of the previous one live on for 3 PTO (section 6.5).
/// </remarks>
internal sealed class OneRttKeys : IPart<OneRttKeys>, IDisposable
{
    private const byte PhaseBit = 0x04;
    private const ulong MaxPacketNumber = (1UL << 62) - 1;

    private readonly CipherSuite _suite;
    private readonly uint _version;
    private readonly byte[] _readHeaderSecret;
    private readonly byte[] _writeHeaderSecret;
    private readonly ulong _confidentialityLimit;
    private readonly ulong _integrityLimit;

    private byte[] _readSecret;
    private byte[] _writeSecret;
    private byte[]? _previousReadSecret;
    private Instant _previousExpiry = Instant.Never;

    private ulong _readGeneration;
    private ulong _writeGeneration;

    // Of the current write generation: how many were sealed, the first one's number, and whether one was acknowledged.
    private ulong _sealed;
    private ulong _firstSealed;
    private bool _acknowledged;

    // Of the current read generation. Numbers below the floor belong to older generations.
    private bool _hasOpened;
    private ulong _lowestOpened;
    private ulong _highestOpened;
    private ulong _floor;

    // Over all generations (section 6.6).
    private ulong _forged;

    // Derived from the secrets, not written down; all of a direction at once, with its first packet. A connection that comes with a move may
    // stay idle for its life, and keys of three generations are most of what its import would cost.
    private PacketProtection? _read;
    private PacketProtection? _write;
    private PacketProtection? _nextRead;
    private PacketProtection? _previousRead;
    private byte[]? _nextReadSecret;
    private bool _wiped;

    /// <param name="suite">The negotiated suite.</param>
    /// <param name="readSecret">The peer's first application traffic secret.</param>
    /// <param name="writeSecret">Ours.</param>
    /// <param name="version">QUIC version whose labels apply.</param>
    /// <param name="confidentialityLimit">Packets sealed by one key; lower than the suite's limit, or null for that.</param>
    /// <param name="integrityLimit">Packets that fail to open; lower than the suite's limit, or null for that.</param>
    public OneRttKeys(
        CipherSuite suite,
        ReadOnlySpan<byte> readSecret,
        ReadOnlySpan<byte> writeSecret,
        uint version = VersionConstants.V1,
        ulong? confidentialityLimit = null,
        ulong? integrityLimit = null)
        : this(
            suite, version, readSecret.ToArray(), writeSecret.ToArray(), readSecret.ToArray(), writeSecret.ToArray(),
            ulong.Min(confidentialityLimit ?? ulong.MaxValue, suite.ConfidentialityLimit), ulong.Min(integrityLimit ?? ulong.MaxValue, suite.IntegrityLimit))
    {
    }

    private OneRttKeys(
        CipherSuite suite, uint version, byte[] readHeaderSecret, byte[] writeHeaderSecret, byte[] readSecret, byte[] writeSecret,
        ulong confidentialityLimit, ulong integrityLimit)
    {
        _suite = suite;
        _version = version;
        _readHeaderSecret = readHeaderSecret;
        _writeHeaderSecret = writeHeaderSecret;
        _readSecret = readSecret;
        _writeSecret = writeSecret;
        _confidentialityLimit = confidentialityLimit;
        _integrityLimit = integrityLimit;
    }

    public static ulong Section => SectionNumber.OneRttKeys;

    public ulong Changes { get; private set; }

    public CipherSuite Suite => _suite;

    /// <summary>Generations since the handshake, ours and the peer's.</summary>
    public ulong WriteGeneration => _writeGeneration;

    public ulong ReadGeneration => _readGeneration;

    /// <summary>Packets that did not open, over the whole connection.</summary>
    public ulong Forged => _forged;

    /// <summary>Packets sealed with the current key.</summary>
    public ulong Sealed => _sealed;

    /// <summary>The confidentiality limit is so near, with no update possible, that only a CONNECTION_CLOSE (AEAD_LIMIT_REACHED) may follow.</summary>
    public bool IsExhausted => _sealed >= _confidentialityLimit - ulong.Min(16, _confidentialityLimit / 4) && !MayInitiate;

    /// <summary>When the keys of the previous read generation end, if there are any; they are dropped by the next packet after it.</summary>
    public Instant PreviousExpiry => _previousExpiry;

    // An acknowledgement for a packet of this generation also means that the handshake is confirmed: the peer has our 1-RTT packets
    // and answers in its own, which a server does not read before the handshake is complete (RFC 9001, section 4.1.2).
    private bool MayInitiate => _writeGeneration == _readGeneration && _acknowledged;

    /// <summary>Seals a packet in place: sets the key phase, encrypts, masks the header.</summary>
    /// <param name="packet">Header, payload, and 16 bytes of room for the tag.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="packetNumberLength">1 to 4, already in the first byte.</param>
    /// <param name="packetNumber">Larger than any before it.</param>
    /// <exception cref="InvalidOperationException">The limit is reached: the caller did not heed <see cref="IsExhausted"/>.</exception>
    public void Seal(Span<byte> packet, int packetNumberOffset, int packetNumberLength, ulong packetNumber)
    {
        ObjectDisposedException.ThrowIf(_wiped, this);
        if (_sealed >= _confidentialityLimit / 2)
        {
            // Half of what the key may do is left for the case that the peer's acknowledgement is still on its way.
            TryInitiateUpdate();
        }

        if (_sealed >= _confidentialityLimit)
        {
            throw new InvalidOperationException("the key has sealed as many packets as it may");
        }

        packet[0] = (byte)((packet[0] & ~PhaseBit) | Phase(_writeGeneration));
        _write ??= Protect(_writeSecret, _writeHeaderSecret);
        _write.Seal(packet, packetNumberOffset, packetNumberLength, packetNumber);
        _firstSealed = _sealed == 0 ? packetNumber : _firstSealed;
        _sealed++;
        Changes++;
    }

    /// <summary>Unmasks and opens a packet in place.</summary>
    /// <param name="packet">A short-header packet up to the end of its datagram.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="largestReceived">The largest packet number opened in this space, if any.</param>
    /// <param name="now">The time.</param>
    /// <param name="pto">The current probe timeout: three of them pass until old keys are dropped.</param>
    /// <param name="packetNumber">The full number; meaningful if opened.</param>
    /// <param name="headerLength">Where the payload begins; it ends 16 bytes before the packet does.</param>
    public OpenResult Open(
        Span<byte> packet, int packetNumberOffset, ulong? largestReceived, Instant now, TimeSpan pto, out ulong packetNumber, out int headerLength)
    {
        ObjectDisposedException.ThrowIf(_wiped, this);
        packetNumber = 0;
        headerLength = 0;
        if (_forged >= _integrityLimit)
        {
            return OpenResult.AeadLimitReached;
        }

        PacketProtection read = PrepareToRead();
        if (!read.TryUnmask(packet, packetNumberOffset, out int length, out uint truncated))
        {
            return OpenResult.Forged;
        }

        DropExpired(now);
        headerLength = packetNumberOffset + length;
        packetNumber = PacketNumber.Decode(largestReceived, truncated, length);

        bool isCurrent = (packet[0] & PhaseBit) == Phase(_readGeneration);
        bool isPrevious = !isCurrent && _previousRead is not null && packetNumber < _lowestOpened;
        PacketProtection keys = isCurrent ? read : isPrevious ? _previousRead! : _nextRead!;
        if (packetNumber > MaxPacketNumber || !keys.TryOpen(packet, headerLength, packetNumber))
        {
            _forged++;
            Changes++;
            return _forged >= _integrityLimit ? OpenResult.AeadLimitReached : OpenResult.Forged;
        }

        Changes++;
        if (isPrevious)
        {
            _floor = ulong.Max(_floor, packetNumber + 1);
            return OpenResult.Opened;
        }

        return isCurrent ? OnOpened(packetNumber) : OnPeerUpdate(packetNumber, now, pto);
    }

    /// <summary>The peer acknowledged a packet: once one of the current generation was, the next update is permitted (section 6.1).</summary>
    public void OnAcked(ulong packetNumber)
    {
        if (!_acknowledged && _sealed > 0 && packetNumber >= _firstSealed)
        {
            _acknowledged = true;
            Changes++;
        }
    }

    /// <summary>Seals with the next generation from now on.</summary>
    /// <returns>False while the previous update is not complete: no packet of this generation acknowledged, or the peer has not followed.</returns>
    public bool TryInitiateUpdate()
    {
        ObjectDisposedException.ThrowIf(_wiped, this);
        if (!MayInitiate)
        {
            return false;
        }

        AdvanceWrite();
        return true;
    }

    public void Export(SnapshotWriter writer)
    {
        ObjectDisposedException.ThrowIf(_wiped, this);
        writer.WriteNumber((ulong)_suite);
        writer.WriteNumber(_version);
        writer.WriteBytes(_readSecret);
        writer.WriteBytes(_writeSecret);
        // Before the first update, which most connections never see, both are the same.
        writer.WriteBytes(_readGeneration == 0 ? default : _readHeaderSecret);
        writer.WriteBytes(_writeGeneration == 0 ? default : _writeHeaderSecret);
        writer.WriteNumber(_suite.ConfidentialityLimit - _confidentialityLimit);
        writer.WriteNumber(_suite.IntegrityLimit - _integrityLimit);
        writer.WriteBytes(_previousReadSecret);
        writer.WriteInstant(_previousExpiry);
        writer.WriteNumber(_readGeneration);
        writer.WriteNumber(_writeGeneration);
        writer.WriteNumber(_sealed);
        writer.WriteNumber(_firstSealed);
        writer.WriteBool(_acknowledged);
        writer.WriteBool(_hasOpened);
        writer.WriteNumber(_lowestOpened);
        writer.WriteNumber(_highestOpened);
        writer.WriteNumber(_floor);
        writer.WriteNumber(_forged);
    }

    public static OneRttKeys Import(SnapshotReader reader)
    {
        CipherSuite suite = (CipherSuite)reader.ReadNumber(ushort.MaxValue);
        uint version = (uint)reader.ReadNumber(uint.MaxValue);
        if (!suite.IsKnown || version is not (VersionConstants.V1 or VersionConstants.V2))
        {
            throw new SnapshotException("keys of an unknown cipher suite or version");
        }

        byte[] read = reader.ReadBytes(suite.HashLength).ToArray(), write = reader.ReadBytes(suite.HashLength).ToArray();
        OneRttKeys? keys = null;
        try
        {
            byte[]? readHeader = HeaderSecret(), writeHeader = HeaderSecret();
            ulong confidentialityLimit = suite.ConfidentialityLimit - reader.ReadNumber(suite.ConfidentialityLimit);
            ulong integrityLimit = suite.IntegrityLimit - reader.ReadNumber(suite.IntegrityLimit);
            keys = new(suite, version, readHeader ?? [.. read], writeHeader ?? [.. write], read, write, confidentialityLimit, integrityLimit);
            keys.ImportState(reader);
            return (keys._readGeneration > 0) == readHeader is not null && (keys._writeGeneration > 0) == writeHeader is not null
                ? keys
                : throw new SnapshotException("a header key is missing, or is none");
        }
        catch (SnapshotException)
        {
            keys?.Wipe();
            CryptographicOperations.ZeroMemory(read);
            CryptographicOperations.ZeroMemory(write);
            throw;
        }

        byte[]? HeaderSecret()
        {
            ReadOnlyMemory<byte> own = reader.ReadBytes();
            return own.IsEmpty ? null : own.Length == suite.HashLength ? own.ToArray() : throw new SnapshotException("a field has the wrong length");
        }
    }

    /// <summary>Overwrites every secret: this connection seals and opens nothing here any more (it lives elsewhere now, or is closed).</summary>
    public void Wipe()
    {
        if (_wiped)
        {
            return;
        }

        _wiped = true;
        Changes++;
        DropPrevious();
        _read?.Dispose();
        _write?.Dispose();
        _nextRead?.Dispose();
        foreach (byte[]? secret in (ReadOnlySpan<byte[]?>)[_readHeaderSecret, _writeHeaderSecret, _readSecret, _writeSecret, _nextReadSecret])
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    public void Dispose() => Wipe();

    public override string ToString() => $"1-RTT keys of {_suite}, generations {_readGeneration} and {_writeGeneration}";

    private void ImportState(SnapshotReader reader)
    {
        ReadOnlyMemory<byte> previous = reader.ReadBytes();
        if (!previous.IsEmpty)
        {
            _previousReadSecret = previous.Length == _suite.HashLength ? previous.ToArray() : throw new SnapshotException("a field has the wrong length");
        }

        _previousExpiry = reader.ReadInstant();
        _readGeneration = reader.ReadNumber(MaxPacketNumber);
        _writeGeneration = reader.ReadNumber(MaxPacketNumber);
        _sealed = reader.ReadNumber(_confidentialityLimit);
        _firstSealed = reader.ReadNumber(MaxPacketNumber);
        _acknowledged = reader.ReadBool();
        _hasOpened = reader.ReadBool();
        _lowestOpened = reader.ReadNumber(MaxPacketNumber);
        _highestOpened = reader.ReadNumber(MaxPacketNumber);
        _floor = reader.ReadNumber(MaxPacketNumber);
        _forged = reader.ReadNumber(_integrityLimit);

        bool sound = _writeGeneration - _readGeneration <= 1
            && (_previousReadSecret is null) == _previousExpiry.IsNever
            && (_previousReadSecret is null || _readGeneration > 0)
            && (_readGeneration == 0 || _hasOpened)
            && (_readGeneration > 0 || _floor == 0)
            && (_sealed > 0 || !_acknowledged)
            && _lowestOpened <= _highestOpened
            && (_hasOpened ? _floor <= _lowestOpened : _highestOpened == 0);
        if (!sound)
        {
            throw new SnapshotException("the state of key updates contradicts itself");
        }
    }

    private OpenResult OnOpened(ulong packetNumber)
    {
        if (packetNumber < _floor)
        {
            // An older key was used for a higher number (section 6.4).
            return OpenResult.KeyUpdateError;
        }

        _lowestOpened = _hasOpened ? ulong.Min(_lowestOpened, packetNumber) : packetNumber;
        _highestOpened = ulong.Max(_highestOpened, packetNumber);
        _hasOpened = true;
        return OpenResult.Opened;
    }

    private OpenResult OnPeerUpdate(ulong packetNumber, Instant now, TimeSpan pto)
    {
        if (_hasOpened && packetNumber <= _highestOpened)
        {
            return OpenResult.KeyUpdateError;
        }

        bool isAnswer = _writeGeneration != _readGeneration;
        if (!isAnswer)
        {
            // A second update before we sent anything under the first: it cannot have seen an acknowledgement (section 6.2).
            if (_readGeneration > 0 && _sealed == 0)
            {
                return OpenResult.KeyUpdateError;
            }

            AdvanceWrite();
        }

        DropPrevious();
        _previousReadSecret = _readSecret;
        _previousRead = _read;
        _previousExpiry = now + (3 * pto);
        _readSecret = _nextReadSecret!;
        _read = _nextRead;
        _readGeneration++;
        _nextReadSecret = Following(_readSecret);
        _nextRead = Protect(_nextReadSecret, _readHeaderSecret);

        _floor = _hasOpened ? _highestOpened + 1 : 0;
        _lowestOpened = packetNumber;
        _highestOpened = packetNumber;
        _hasOpened = true;
        return OpenResult.Opened;
    }

    private void AdvanceWrite()
    {
        byte[] following = Following(_writeSecret);
        _write?.Dispose();
        _write = null;
        CryptographicOperations.ZeroMemory(_writeSecret);
        _writeSecret = following;
        _writeGeneration++;
        _sealed = 0;
        _firstSealed = 0;
        _acknowledged = false;
        Changes++;
    }

    private void DropExpired(Instant now)
    {
        if (now >= _previousExpiry)
        {
            DropPrevious();
            Changes++;
        }
    }

    private void DropPrevious()
    {
        _previousRead?.Dispose();
        CryptographicOperations.ZeroMemory(_previousReadSecret);
        _previousRead = null;
        _previousReadSecret = null;
        _previousExpiry = Instant.Never;
    }

    /// <summary>The keys of every read generation that a packet may have: which one it has must not be told by the time that it takes (section 9.5).</summary>
    private PacketProtection PrepareToRead()
    {
        if (_read is null)
        {
            _read = Protect(_readSecret, _readHeaderSecret);
            _nextReadSecret = Following(_readSecret);
            _nextRead = Protect(_nextReadSecret, _readHeaderSecret);
            _previousRead = _previousReadSecret is byte[] previous ? Protect(previous, _readHeaderSecret) : null;
        }

        return _read;
    }

    private PacketProtection Protect(byte[] secret, byte[] headerSecret) => ProtectionSuites.Default.Create(_suite, secret, headerSecret, _version);

    private byte[] Following(byte[] secret)
    {
        byte[] following = new byte[secret.Length];
        Hkdf.ExpandLabel(_suite.Hash, secret, VersionConstants.UpdateLabel(_version), [], following);
        return following;
    }

    private static int Phase(ulong generation) => (generation & 1) == 0 ? 0 : PhaseBit;
}
