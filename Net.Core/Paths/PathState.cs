using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>The address pairs of a connection: the one in use, the one to go back to, and those that are only tried (RFC 9000, sections 8 and 9).</summary>
/// <remarks>
/// | a path is   | entered by                                         | may send                         | left by                                             |
/// |-------------|----------------------------------------------------|----------------------------------|-----------------------------------------------------|
/// | in use      | first datagram; the peer's newest packet came from it; our own move | what its proof permits | another one in use                                  |
/// | fallback    | was in use and proven when the peer moved away     | one question                     | proof of the path in use; the peer comes back        |
/// | tried       | a question of the peer, or our wish to move there  | answers and questions            | proof and use; no answer; too many others            |
/// Proof is a Handshake packet or an answered PATH_CHALLENGE; until then three bytes may be sent for each received (section 8.1).
/// Only authenticated packets make a path, and there are at most <see cref="MaxPaths"/> (checklist S19).
/// </remarks>
internal sealed class PathState : IPart<PathState>
{
    /// <summary>Bytes that may be sent per byte received before the peer's address is proven (RFC 9000, section 8.1).</summary>
    public const int AmplificationFactor = 3;

    /// <summary>The oldest that is only tried goes first.</summary>
    public const int MaxPaths = 4;

    /// <summary>Below this a datagram that tries a path cannot hold what it is for.</summary>
    public const int MinProbe = 80;

    // The first is in use, then the newest first.
    private readonly List<PathEntry> _paths = [];

    public PathState(NetworkPath current, bool isProven) => _paths.Add(new(current) { IsProven = isProven });

    private PathState()
    {
    }

    /// <summary>What became of a path.</summary>
    public enum Outcome
    {
        Nothing,

        /// <summary>The path in use is proven now.</summary>
        Proven,

        /// <summary>The path that we want to move to is proven.</summary>
        Reachable,

        /// <summary>It does not answer: we stay.</summary>
        Unreachable,

        /// <summary>The path in use was not proven: the one of before is in use again.</summary>
        FellBack,

        /// <summary>There is none to go back to.</summary>
        NoPath,
    }

    public static ulong Section => SectionNumber.Path;

    public ulong Changes { get; private set; }

    public NetworkPath Current => _paths[0].Path;

    public bool IsProven => _paths[0].IsProven;

    /// <summary>What an application may see: a path that the peer has not proven is none (section 9.3).</summary>
    public NetworkPath Validated => _paths[0].IsProven ? Current : (_paths.Find(path => path.IsFallback) ?? _paths[0]).Path;

    public int Count => _paths.Count;

    /// <summary>Frames for the address in use.</summary>
    public bool HasFrames => _paths[0].HasFrames;

    /// <summary>The next packet will hold a PATH_CHALLENGE.</summary>
    public bool WantsChallenge => _paths[0].IsChallengePending;

    /// <summary>Our ID that the peer uses on the path in use.</summary>
    public ulong? ArrivedWith => _paths[0].ArrivedWith;

    /// <summary>When to ask again, or to give up.</summary>
    public Instant Deadline
    {
        get
        {
            Instant deadline = Instant.Never;
            foreach (PathEntry path in _paths)
            {
                deadline = Instant.Min(deadline, path.Deadline);
            }

            return deadline;
        }
    }

    /// <summary>Bytes that may be sent to the address now.</summary>
    public long Allowance => _paths[0].Allowance;

    /// <summary>The peer's IDs that are used on paths beside the one in use.</summary>
    public IEnumerable<ulong> PeerIdsElsewhere => _paths.Skip(1).Where(path => path.PeerId.HasValue).Select(path => path.PeerId!.Value);

    /// <summary>Whether a path is known, by both addresses.</summary>
    public bool Knows(in NetworkPath path) => Find(path) >= 0;

    /// <summary>
    /// The path that a client's datagram came by. It did not choose its own address, and a NAT may have chosen another one: who sent it counts.
    /// </summary>
    public NetworkPath AsKnown(in NetworkPath path)
    {
        int index = Find(path);
        for (int i = 0; index < 0 && i < _paths.Count; i++)
        {
            index = _paths[i].Path.Remote == path.Remote ? i : index;
        }

        return index >= 0 ? _paths[index].Path : path;
    }

    public bool IsCurrent(in NetworkPath path) => Find(path) == 0;

    public void OnReceived(in NetworkPath path, int bytes)
    {
        int index = Find(path);
        Changes += index >= 0 && _paths[index].OnReceived(bytes) ? 1UL : 0UL;
    }

    public void OnSent(int bytes) => Changes += _paths[0].OnSent(bytes) ? 1UL : 0UL;

    public void OnProven()
    {
        if (!IsProven)
        {
            _paths[0].IsProven = true;
            _paths.RemoveAll(path => path.IsFallback);
            Changes++;
        }
    }

    /// <summary>The newest packet of the peer came by the path in use: perhaps to another of its IDs, or by another router.</summary>
    public void OnUsed(in NetworkPath path, ulong? arrivedWith)
    {
        PathEntry current = _paths[0];
        if (current.Path != path || current.ArrivedWith != arrivedWith)
        {
            current.Path = path;
            current.ArrivedWith = arrivedWith;
            Changes++;
        }
    }

    /// <summary>The peer sends from another address: answer there, within the limit, and ask for proof (RFC 9000, section 9.3).</summary>
    /// <param name="path">From where it sends now.</param>
    /// <param name="bytes">The datagram's length.</param>
    /// <param name="arrivedWith">Our ID that it sent to.</param>
    /// <param name="interval">When to ask again.</param>
    /// <param name="giveUpAt">Until when the answer must be there.</param>
    /// <param name="peerId">The peer's ID on the path that is left: the question to it goes there. Who sends copies of the peer's datagrams from
    /// another address takes the connection along, and an answer from the old one brings it back (section 9.3.3).</param>
    /// <returns>The peer's ID that the path has been tried with, if it was.</returns>
    public ulong? OnRebound(in NetworkPath path, int bytes, ulong? arrivedWith, TimeSpan interval, Instant giveUpAt, ulong? peerId)
    {
        PathEntry entry = GetOrAdd(path, bytes, arrivedWith, isOurs: false);
        PathEntry left = _paths[0];
        _paths.Remove(entry);
        _paths.Insert(0, entry);
        entry.Path = path;
        entry.ArrivedWith = arrivedWith;
        entry.IsFallback = false;
        left.PeerId = peerId;
        if (entry.IsProven)
        {
            // It was asked before it was used, or the peer is back where it was a moment ago (section 9.3.3).
            _paths.RemoveAll(other => other != entry && (other == left || other.IsFallback));
        }
        else
        {
            if (left.IsProven)
            {
                _paths.RemoveAll(other => other.IsFallback);
                left.IsFallback = true;
                left.Challenge(interval, giveUpAt);
            }
            else
            {
                _paths.Remove(left);
            }

            if (!entry.IsAwaited)
            {
                entry.Challenge(interval, giveUpAt);
            }
        }

        return TakePeerId();
    }

    /// <summary>We want to move: asks for proof first, and goes on here until it is there.</summary>
    public void Try(in NetworkPath path, TimeSpan interval, Instant giveUpAt)
    {
        // One at a time: a wish of before is given up.
        _paths.RemoveAll(other => other.IsWanted);
        PathEntry entry = GetOrAdd(path, 0, null, isOurs: true);
        entry.IsWanted = true;
        entry.Challenge(interval, giveUpAt);
        Changes++;
    }

    /// <summary>The path that was wanted answers: from now on it is in use. What still comes by the old one is taken.</summary>
    /// <returns>The peer's ID that it has been tried with.</returns>
    public ulong? Move()
    {
        int index = _paths.FindIndex(path => path.IsWanted);
        PathEntry entry = _paths[index];
        _paths.RemoveAt(index);
        _paths[0].PeerId = null;
        _paths[0].EndChallenge();
        _paths.Insert(0, entry);
        entry.IsWanted = false;
        return TakePeerId();
    }

    /// <summary>The peer's ID that the path in use had while it was not: from now on the connection's.</summary>
    public ulong? TakePeerId()
    {
        ulong? number = _paths[0].PeerId;
        _paths[0].PeerId = null;
        Changes++;
        return number;
    }

    /// <param name="frame">The peer asks whether we are there.</param>
    /// <param name="path">Where the datagram came from: the answer must go there, and nowhere else (RFC 9000, section 8.2.2).</param>
    /// <param name="bytes">The datagram's length, which bounds the answer to an address that is not proven.</param>
    /// <param name="arrivedWith">Our ID that it came to.</param>
    /// <param name="asksBack">A server asks too, in the same datagram: then the path is proven before it is used (section 8.2.1).</param>
    /// <param name="interval">When to ask again.</param>
    /// <param name="giveUpAt">Until when the answer must be there.</param>
    public void On(PathChallengeFrame frame, in NetworkPath path, int bytes, ulong? arrivedWith, bool asksBack, TimeSpan interval, Instant giveUpAt)
    {
        PathEntry entry = GetOrAdd(path, bytes, arrivedWith, isOurs: false);
        entry.Respond(frame.Data);
        if (asksBack && !entry.IsProven && !entry.IsAwaited && entry != _paths[0])
        {
            entry.Challenge(interval, giveUpAt);
        }

        Changes++;
    }

    /// <remarks>By whichever path it comes (RFC 9000, section 8.2.3).</remarks>
    public Outcome On(PathResponseFrame frame)
    {
        PathEntry? entry = _paths.Find(path => path.IsAnswer(frame.Data));
        if (entry is null)
        {
            return Outcome.Nothing;
        }

        Changes++;
        entry.EndChallenge();
        if (entry == _paths[0])
        {
            OnProven();
            return Outcome.Proven;
        }

        entry.IsProven = true;
        return entry.IsWanted ? Outcome.Reachable : Outcome.Nothing;
    }

    /// <summary>Asks again, or gives up what gave no answer.</summary>
    public Outcome OnTime(Instant now)
    {
        Outcome outcome = Outcome.Nothing;
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            PathEntry entry = _paths[i];
            if (!entry.IsAwaited || now < entry.Deadline)
            {
                continue;
            }

            Changes++;
            if (now < entry.GiveUpAt)
            {
                entry.OnTime(now);
                continue;
            }

            entry.EndChallenge();
            if (i == 0)
            {
                outcome = entry.IsProven ? outcome : FallBack();
            }
            else if (!entry.IsProven)
            {
                outcome = entry.IsWanted ? Outcome.Unreachable : outcome;
                _paths.RemoveAt(i);
            }
        }

        return outcome;
    }

    /// <summary>Frames for the address in use.</summary>
    /// <param name="challenge">8 bytes that nobody can guess, for the case that <see cref="WantsChallenge"/>.</param>
    public void WriteFrames(ref PacketBuilder builder, ulong challenge, Instant now) => Write(_paths[0], ref builder, challenge, now);

    /// <summary>Whether some other address is to be sent to.</summary>
    /// <param name="path">Which.</param>
    /// <param name="allowance">Bytes that the datagram may have.</param>
    /// <param name="peerId">The peer's ID that it was tried with before.</param>
    public bool TryPeekElsewhere(out NetworkPath path, out int allowance, out ulong? peerId)
    {
        int index = FindElsewhere();
        PathEntry entry = _paths[int.Max(index, 0)];
        path = entry.Path;
        allowance = (int)long.Min(entry.Allowance, PathMtu.Base);
        peerId = entry.PeerId;
        return index > 0;
    }

    /// <summary>The frames for the other address that <see cref="TryPeekElsewhere"/> told. They go alone.</summary>
    /// <param name="peerId">The peer's ID that the datagram is sent to.</param>
    public void WriteElsewhere(ref PacketBuilder builder, ulong challenge, ulong? peerId, int bytes, Instant now)
    {
        PathEntry entry = _paths[FindElsewhere()];
        entry.PeerId = peerId;
        Write(entry, ref builder, challenge, now);
        entry.OnSent(bytes);
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_paths.Count);
        _paths.ForEach(path => path.Export(writer));
    }

    public static PathState Import(SnapshotReader reader)
    {
        PathState state = new();
        for (ulong count = reader.ReadNumber(MaxPaths); count > 0; count--)
        {
            state._paths.Add(PathEntry.Import(reader));
        }

        bool sound = state._paths.Count > 0
            && !state._paths[0].IsFallback && !state._paths[0].IsWanted
            && state._paths.Count(path => path.IsFallback) <= 1
            && state._paths.Count(path => path.IsWanted) <= 1;
        return sound ? state : throw new SnapshotException("the paths contradict each other");
    }

    internal static void WritePath(SnapshotWriter writer, NetworkPath path)
    {
        writer.WriteAddress(path.Remote);
        writer.WriteAddress(path.Local);
        writer.WriteNumber(path.Ingress);
    }

    internal static NetworkPath ReadPath(SnapshotReader reader) =>
        new(reader.ReadAddress(), reader.ReadAddress(), (uint)reader.ReadNumber(uint.MaxValue));

    private void Write(PathEntry entry, ref PacketBuilder builder, ulong challenge, Instant now)
    {
        while (entry.TryPeekResponse(out ulong response)
            && builder.TryWrite(new PathResponseFrame(response), new(SentFrameKind.PathResponse, Offset: response)))
        {
            entry.OnResponseWritten();
            Changes++;
        }

        if (entry.IsChallengePending && builder.TryWrite(new PathChallengeFrame(challenge), new(SentFrameKind.PathChallenge, Offset: challenge)))
        {
            entry.OnChallengeWritten(challenge, now);
            Changes++;
        }
    }

    private Outcome FallBack()
    {
        int index = _paths.FindIndex(path => path.IsFallback);
        if (index < 0)
        {
            return Outcome.NoPath;
        }

        _paths[index].IsFallback = false;
        _paths[index].EndChallenge();
        _paths[0] = _paths[index];
        _paths.RemoveAt(index);
        return Outcome.FellBack;
    }

    private PathEntry GetOrAdd(in NetworkPath path, int bytes, ulong? arrivedWith, bool isOurs)
    {
        int index = Find(path);
        if (index >= 0)
        {
            return _paths[index];
        }

        if (_paths.Count == MaxPaths)
        {
            int oldest = _paths.FindLastIndex(other => !other.IsFallback && !other.IsWanted);
            _paths.RemoveAt(oldest > 0 ? oldest : MaxPaths - 1);
        }

        // Another address of ours, and the peer where it was: nothing about it is new (section 9.6.3).
        UdpAddress remote = path.Remote;
        PathEntry entry = new(path)
        {
            IsOurs = isOurs,
            IsProven = !isOurs && _paths.Exists(other => other.IsProven && other.Path.Remote == remote),
            ArrivedWith = arrivedWith,
        };
        entry.OnReceived(bytes);
        _paths.Insert(1, entry);
        return entry;
    }

    private int FindElsewhere()
    {
        for (int i = 1; i < _paths.Count; i++)
        {
            if (_paths[i].HasFrames && _paths[i].Allowance >= MinProbe)
            {
                return i;
            }
        }

        return -1;
    }

    private int Find(in NetworkPath path)
    {
        for (int i = 0; i < _paths.Count; i++)
        {
            if (Matches(_paths[i].Path, path))
            {
                return i;
            }
        }

        return -1;
    }

    // The same peer behind another of our routers is the same path. A socket that is bound to all addresses is at each of them.
    private static bool Matches(in NetworkPath known, in NetworkPath path) =>
        known.Remote == path.Remote
        && (known.Local == path.Local
            || known.Local.IsNone || path.Local.IsNone
            || (known.Local.Port == path.Local.Port && (known.Local.IsAny || path.Local.IsAny)));
}
