using Net.Core.Recovery;
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

    private readonly PathProbes _probes;
    private bool _isProven;
    private ulong _received;
    private ulong _sent;
    private ulong _challenge;
    private bool _challengePending;
    private bool _challengeOutstanding;
    private Instant _challengeDeadline = Instant.Never;
    private NetworkPath? _previous;

    public PathState(NetworkPath current, bool isProven) : this(current, isProven, new())
    {
    }

    private PathState(NetworkPath current, bool isProven, PathProbes probes)
    {
        Current = current;
        _isProven = isProven;
        _probes = probes;
    }

    public static ulong Section => SectionNumber.Path;

    public ulong Changes { get; private set; }

    public NetworkPath Current { get; private set; }

    public bool IsProven => _isProven;

    /// <summary>Frames for the address in use.</summary>
    public bool HasFrames => _challengePending || _probes.HasResponse(Current);

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
    /// <param name="path">From where it sends now.</param>
    /// <param name="bytes">The datagram's length.</param>
    /// <param name="challenge">8 bytes that nobody can guess.</param>
    /// <param name="otherChallenge">8 more, for the address that is left: who sends copies of the peer's datagrams from another address
    /// takes the connection along, and an answer from the old one brings it back (section 9.3.3).</param>
    /// <param name="deadline">Until when the answer must be there.</param>
    public void OnRebound(NetworkPath path, int bytes, ulong challenge, ulong otherChallenge, Instant deadline)
    {
        if (_isProven)
        {
            _previous = Current;
            _probes.Challenge(Current, otherChallenge);
        }

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

    /// <param name="frame">The peer asks whether we are there.</param>
    /// <param name="path">Where the datagram came from: the answer must go there, and nowhere else (RFC 9000, section 8.2.2).</param>
    /// <param name="bytes">The datagram's length, which bounds the answer to an address that is not the one in use.</param>
    public void On(PathChallengeFrame frame, NetworkPath path, int bytes)
    {
        _probes.Respond(path, frame.Data, (ulong)(bytes * AmplificationFactor));
        Changes++;
    }

    /// <returns>Whether the path is proven by it.</returns>
    public bool On(PathResponseFrame frame)
    {
        if (!_challengeOutstanding || frame.Data != _challenge)
        {
            return false;
        }

        EndChallenge();
        OnProven();
        return true;
    }

    /// <summary>No proof came: back to the address that was proven, if there is one (RFC 9000, section 9.3.2).</summary>
    /// <returns>False when there is none: the connection has no viable path.</returns>
    public bool TryFallBack()
    {
        EndChallenge();
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

    /// <summary>Frames for the address in use.</summary>
    public void WriteFrames(ref PacketBuilder builder)
    {
        while (_probes.TryPeekResponse(Current, out ulong response)
            && builder.TryWrite(new PathResponseFrame(response), new(SentFrameKind.PathResponse, Offset: response)))
        {
            _probes.OnResponseWritten(Current);
            Changes++;
        }

        if (_challengePending && builder.TryWrite(new PathChallengeFrame(_challenge), new(SentFrameKind.PathChallenge, Offset: _challenge)))
        {
            _challengePending = false;
            Changes++;
        }
    }

    /// <summary>Whether some other address is to be sent to.</summary>
    /// <param name="path">Which.</param>
    /// <param name="allowance">Bytes that the datagram may have.</param>
    public bool TryPeekElsewhere(out NetworkPath path, out int allowance) => _probes.TryPeekElsewhere(Current, out path, out allowance);

    /// <summary>The one frame for the other address that <see cref="TryPeekElsewhere"/> told. It goes alone, and is not repeated.</summary>
    public void WriteElsewhere(ref PacketBuilder builder)
    {
        _probes.WriteElsewhere(Current, ref builder);
        Changes++;
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
        _probes.Export(writer);
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
    }

    public static PathState Import(SnapshotReader reader)
    {
        PathState state = new(ReadPath(reader), reader.ReadBool(), PathProbes.Import(reader))
        {
            _received = reader.ReadNumber(VarInt.MaxValue),
            _sent = reader.ReadNumber(VarInt.MaxValue),
            _challenge = reader.ReadNumber(),
            _challengePending = reader.ReadBool(),
            _challengeOutstanding = reader.ReadBool(),
            _challengeDeadline = reader.ReadInstant(),
        };
        state._previous = reader.ReadBool() ? ReadPath(reader) : null;
        bool sound = (state._challengeOutstanding || !state._challengePending)
            && state._challengeOutstanding != state._challengeDeadline.IsNever;
        return sound ? state : throw new SnapshotException("the path's state contradicts itself");
    }

    internal static void WritePath(SnapshotWriter writer, NetworkPath path)
    {
        writer.WriteAddress(path.Remote);
        writer.WriteAddress(path.Local);
        writer.WriteNumber(path.Ingress);
    }

    internal static NetworkPath ReadPath(SnapshotReader reader) =>
        new(reader.ReadAddress(), reader.ReadAddress(), (uint)reader.ReadNumber(uint.MaxValue));

    private void EndChallenge()
    {
        _challengeOutstanding = false;
        _challengePending = false;
        _challengeDeadline = Instant.Never;
        Changes++;
    }
}
