using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>What is known of one pair of addresses. A piece of <see cref="PathState"/>, whose section holds it.</summary>
internal sealed class PathEntry(NetworkPath path)
{
    /// <summary>PATH_RESPONSE frames owed on one path: a flood of challenges is answered for its newest ones only (checklist S11).</summary>
    public const int MaxResponses = 2;

    /// <summary>Challenges whose answer still counts: each one that is sent has other data (RFC 9000, section 13.3).</summary>
    public const int MaxChallenges = 4;

    private readonly List<ulong> _responses = [];
    private readonly List<ulong> _challenges = [];
    private ulong _received;
    private ulong _sent;
    private TimeSpan _interval;
    private Instant _retryAt = Instant.Never;

    public NetworkPath Path { get; set; } = path;

    /// <summary>The peer has shown that it is there.</summary>
    public bool IsProven { get; set; }

    /// <summary>We have begun to try it, so nobody can make us send there: the limit of three does not count.</summary>
    public bool IsOurs { get; init; }

    /// <summary>A client moves to it once it is proven.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Was in use, and proven, before the path in use, which is not yet (RFC 9000, section 9.3.2).</summary>
    public bool IsFallback { get; set; }

    /// <summary>Sequence number of the peer's ID that is used here while the path is not the one in use; null: none yet.</summary>
    public ulong? PeerId { get; set; }

    /// <summary>Sequence number of our ID that the peer uses here.</summary>
    public ulong? ArrivedWith { get; set; }

    public bool IsChallengePending { get; private set; }

    /// <summary>Until when the answer must be there; never, when none is awaited.</summary>
    public Instant GiveUpAt { get; private set; } = Instant.Never;

    public bool IsAwaited => !GiveUpAt.IsNever;

    public bool HasFrames => IsChallengePending || _responses.Count > 0;

    public Instant Deadline => Instant.Min(GiveUpAt, _retryAt);

    /// <summary>Bytes that may be sent now (RFC 9000, section 8.1).</summary>
    public long Allowance => IsProven || IsOurs
        ? long.MaxValue
        : (long)((_received * PathState.AmplificationFactor) - ulong.Min(_sent, _received * PathState.AmplificationFactor));

    public bool OnReceived(int bytes)
    {
        _received += IsProven ? 0UL : (ulong)bytes;
        return !IsProven;
    }

    public bool OnSent(int bytes)
    {
        _sent += IsProven ? 0UL : (ulong)bytes;
        return !IsProven;
    }

    /// <summary>Asks the peer for an answer.</summary>
    /// <param name="interval">When to ask again, and then again after twice that time.</param>
    /// <param name="giveUpAt">Three probe timeouts (RFC 9000, section 8.2.4).</param>
    public void Challenge(TimeSpan interval, Instant giveUpAt)
    {
        IsChallengePending = true;
        GiveUpAt = giveUpAt;
        _interval = interval;
        _retryAt = Instant.Never;
    }

    public void EndChallenge()
    {
        IsChallengePending = false;
        GiveUpAt = Instant.Never;
        _retryAt = Instant.Never;
        _interval = TimeSpan.Zero;
        _challenges.Clear();
    }

    public void OnChallengeWritten(ulong data, Instant now)
    {
        if (_challenges.Count == MaxChallenges)
        {
            _challenges.RemoveAt(0);
        }

        _challenges.Add(data);
        IsChallengePending = false;
        _retryAt = now + _interval;
        _interval *= 2;
    }

    public bool OnTime(Instant now)
    {
        bool isDue = now >= _retryAt;
        if (isDue)
        {
            IsChallengePending = true;
            _retryAt = Instant.Never;
        }

        return isDue;
    }

    public bool IsAnswer(ulong data) => IsAwaited && _challenges.Contains(data);

    public void Respond(ulong data)
    {
        if (_responses.Count == MaxResponses)
        {
            _responses.RemoveAt(0);
        }

        _responses.Add(data);
    }

    public bool TryPeekResponse(out ulong data)
    {
        data = _responses.Count > 0 ? _responses[0] : 0;
        return _responses.Count > 0;
    }

    public void OnResponseWritten() => _responses.RemoveAt(0);

    public void Export(SnapshotWriter writer)
    {
        PathState.WritePath(writer, Path);
        writer.WriteBool(IsProven);
        writer.WriteBool(IsOurs);
        writer.WriteBool(IsWanted);
        writer.WriteBool(IsFallback);
        WriteOptional(writer, PeerId);
        WriteOptional(writer, ArrivedWith);
        writer.WriteNumber(_received);
        writer.WriteNumber(_sent);
        writer.WriteBool(IsChallengePending);
        writer.WriteInstant(GiveUpAt);
        writer.WriteInstant(_retryAt);
        writer.WriteDuration(_interval);
        Write(writer, _challenges);
        Write(writer, _responses);
    }

    public static PathEntry Import(SnapshotReader reader)
    {
        PathEntry entry = new(PathState.ReadPath(reader))
        {
            IsProven = reader.ReadBool(),
            IsOurs = reader.ReadBool(),
            IsWanted = reader.ReadBool(),
            IsFallback = reader.ReadBool(),
            PeerId = ReadOptional(reader),
            ArrivedWith = ReadOptional(reader),
            _received = reader.ReadNumber(VarInt.MaxValue),
            _sent = reader.ReadNumber(VarInt.MaxValue),
            IsChallengePending = reader.ReadBool(),
            GiveUpAt = reader.ReadInstant(),
            _retryAt = reader.ReadInstant(),
            _interval = reader.ReadDuration(),
        };
        Read(reader, entry._challenges, MaxChallenges);
        Read(reader, entry._responses, MaxResponses);
        bool sound = entry.IsAwaited
            ? entry._interval > TimeSpan.Zero && entry._interval < TimeSpan.FromDays(1)
            : !entry.IsChallengePending && entry._retryAt.IsNever && entry._challenges.Count == 0;
        return sound ? entry : throw new SnapshotException("a path's state contradicts itself");
    }

    private static void WriteOptional(SnapshotWriter writer, ulong? value)
    {
        writer.WriteBool(value.HasValue);
        writer.WriteNumber(value ?? 0);
    }

    private static ulong? ReadOptional(SnapshotReader reader)
    {
        bool isThere = reader.ReadBool();
        ulong value = reader.ReadNumber(VarInt.MaxValue);
        return isThere ? value : null;
    }

    private static void Write(SnapshotWriter writer, List<ulong> values)
    {
        writer.WriteNumber((ulong)values.Count);
        values.ForEach(writer.WriteNumber);
    }

    private static void Read(SnapshotReader reader, List<ulong> values, int max)
    {
        for (ulong count = reader.ReadNumber((ulong)max); count > 0; count--)
        {
            values.Add(reader.ReadNumber());
        }
    }
}
