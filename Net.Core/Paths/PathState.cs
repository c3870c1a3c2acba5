using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>The address pair in use, whether the peer has shown that it is there, and how much may be sent until then.</summary>
/// <remarks>
/// | state      | entered by                                  | may send                         | left by                          |
/// |------------|---------------------------------------------|----------------------------------|----------------------------------|
/// | Unproven   | first datagram, or one from a new address   | 3 bytes for each received        | proof: a Handshake packet or an answered PATH_CHALLENGE |
/// | Proven     | proof                                       | what congestion control allows   | a datagram from a new address    |
/// The limit of three is RFC 9000, section 8.1; the change of address is section 9.
/// </remarks>
internal sealed class PathState : IPart<PathState>
{
    /// <summary>Bytes that may be sent per byte received before the peer's address is proven (RFC 9000, section 8.1).</summary>
    public const int AmplificationFactor = 3;

    private const int MaxResponses = 4;
    private readonly Queue<ulong> _responses = new();
    private bool _isProven;
    private ulong _received;
    private ulong _sent;
    private ulong _challenge;
    private bool _challengePending;
    private bool _challengeOutstanding;
    private Instant _challengeDeadline = Instant.Never;
    private NetworkPath? _previous;

    public PathState(NetworkPath current, bool isProven)
    {
        Current = current;
        _isProven = isProven;
    }

    public static ulong Section => SectionNumber.Path;

    public ulong Changes { get; private set; }

    public NetworkPath Current { get; private set; }

    public bool IsProven => _isProven;

    public bool HasFrames => _challengePending || _responses.Count > 0;

    /// <summary>When an unanswered PATH_CHALLENGE is given up.</summary>
    public Instant Deadline => _challengeOutstanding ? _challengeDeadline : Instant.Never;

    /// <summary>Bytes that may be sent to the address now.</summary>
    public long Allowance => _isProven ? long.MaxValue : (long)((_received * AmplificationFactor) - ulong.Min(_sent, _received * AmplificationFactor));

    public void OnReceived(int bytes)
    {
        if (!_isProven)
        {
            _received += (ulong)bytes;
            Changes++;
        }
    }

    public void OnSent(int bytes)
    {
        if (!_isProven)
        {
            _sent += (ulong)bytes;
            Changes++;
        }
    }

    public void OnProven()
    {
        if (!_isProven)
        {
            _isProven = true;
            _previous = null;
            Changes++;
        }
    }

    /// <summary>The peer sends from another address: answer there, within the limit, and ask for proof (RFC 9000, section 9.3).</summary>
    /// <param name="challenge">8 bytes that nobody can guess.</param>
    public void OnRebound(NetworkPath path, int bytes, ulong challenge, Instant deadline)
    {
        _previous = _isProven ? Current : _previous;
        // Back to the address that was left a moment ago: it has been proven before (section 9.3.3).
        _isProven = _previous == path;
        Current = path;
        _received = (ulong)bytes;
        _sent = 0;
        _challenge = challenge;
        _challengePending = true;
        _challengeOutstanding = true;
        _challengeDeadline = deadline;
        Changes++;
    }

    /// <summary>Same addresses, another router in front.</summary>
    public void OnCarrierChanged(NetworkPath path)
    {
        Current = path;
        Changes++;
    }

    public void On(PathChallengeFrame frame)
    {
        // A flood is answered for its newest frames only (checklist S11).
        if (_responses.Count == MaxResponses)
        {
            _responses.Dequeue();
        }

        _responses.Enqueue(frame.Data);
        Changes++;
    }

    /// <returns>Whether the path is proven by it.</returns>
    public bool On(PathResponseFrame frame)
    {
        if (!_challengeOutstanding || frame.Data != _challenge)
        {
            return false;
        }

        _challengeOutstanding = false;
        _challengePending = false;
        _challengeDeadline = Instant.Never;
        Changes++;
        OnProven();
        return true;
    }

    /// <summary>No proof came: back to the address that was proven, if there is one (RFC 9000, section 9.3.2).</summary>
    /// <returns>False when there is none: the connection has no viable path.</returns>
    public bool TryFallBack()
    {
        _challengeOutstanding = false;
        _challengePending = false;
        _challengeDeadline = Instant.Never;
        Changes++;
        if (_isProven)
        {
            return true;
        }

        if (_previous is not NetworkPath previous)
        {
            return false;
        }

        Current = previous;
        _previous = null;
        _isProven = true;
        return true;
    }

    public void WriteFrames(ref Recovery.PacketBuilder builder)
    {
        while (_responses.TryPeek(out ulong response)
            && builder.TryWrite(new PathResponseFrame(response), new(Recovery.SentFrameKind.PathResponse, Offset: response)))
        {
            _responses.Dequeue();
            Changes++;
        }

        if (_challengePending && builder.TryWrite(new PathChallengeFrame(_challenge), new(Recovery.SentFrameKind.PathChallenge, Offset: _challenge)))
        {
            _challengePending = false;
            Changes++;
        }
    }

    /// <summary>A PATH_CHALLENGE was lost: ask again while the answer is still awaited. Responses are not repeated (RFC 9000, section 13.3).</summary>
    public void OnChallengeLost(ulong data)
    {
        if (_challengeOutstanding && data == _challenge)
        {
            _challengePending = true;
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        WritePath(writer, Current);
        writer.WriteBool(_isProven);
        writer.WriteNumber(_received);
        writer.WriteNumber(_sent);
        writer.WriteNumber(_challenge);
        writer.WriteBool(_challengePending);
        writer.WriteBool(_challengeOutstanding);
        writer.WriteInstant(_challengeDeadline);
        writer.WriteBool(_previous.HasValue);
        if (_previous is NetworkPath previous)
        {
            WritePath(writer, previous);
        }

        writer.WriteNumber((ulong)_responses.Count);
        foreach (ulong response in _responses)
        {
            writer.WriteNumber(response);
        }
    }

    public static PathState Import(SnapshotReader reader)
    {
        PathState state = new(ReadPath(reader), reader.ReadBool())
        {
            _received = reader.ReadNumber(),
            _sent = reader.ReadNumber(),
            _challenge = reader.ReadNumber(),
            _challengePending = reader.ReadBool(),
            _challengeOutstanding = reader.ReadBool(),
            _challengeDeadline = reader.ReadInstant(),
        };
        state._previous = reader.ReadBool() ? ReadPath(reader) : null;
        int responses = reader.ReadCount();
        for (int i = 0; i < responses; i++)
        {
            state._responses.Enqueue(reader.ReadNumber());
        }

        bool sound = responses <= MaxResponses
            && state._received <= VarInt.MaxValue
            && state._sent <= VarInt.MaxValue
            && (state._challengeOutstanding || !state._challengePending);
        return sound ? state : throw new SnapshotException("the path's state contradicts itself");
    }

    private static void WritePath(SnapshotWriter writer, NetworkPath path)
    {
        Span<byte> bytes = stackalloc byte[UdpAddress.EncodedLength];
        foreach (UdpAddress address in (ReadOnlySpan<UdpAddress>)[path.Remote, path.Local])
        {
            ByteWriter field = new(bytes);
            address.Write(ref field);
            writer.WriteBytes(bytes);
        }

        writer.WriteNumber(path.Ingress);
    }

    private static NetworkPath ReadPath(SnapshotReader reader) =>
        new(ReadAddress(reader), ReadAddress(reader), (uint)reader.ReadNumber(uint.MaxValue));

    private static UdpAddress ReadAddress(SnapshotReader reader)
    {
        ByteReader field = new(reader.ReadBytes(UdpAddress.EncodedLength).Span);
        return UdpAddress.TryRead(ref field, out UdpAddress address) ? address : throw new SnapshotException("an address is malformed");
    }
}
