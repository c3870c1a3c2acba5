using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Http3.Server.Hosting;
using Net.Migration.Envelope;

namespace Net.Migration.Hosting;

/// <summary>The connections that a destination has built and does not own yet: frozen and silent. On the shard's thread.</summary>
/// <remarks>
/// Building one takes far longer than a freeze may for thousands, and most of a component's connections do nothing while it moves. So they are
/// built from the copy that came ahead, before the freeze; in it, those of which there is nothing new are kept, and only the others are built
/// (again) from the whole. What was built ahead is as frozen as all the rest: it is in no list of deadlines, is asked for no datagram, and is
/// dropped as a whole with its attempt.
/// </remarks>
/// <param name="keys">The federation's, which rotate.</param>
/// <param name="wrap">Makes a sleeper of who stands by.</param>
internal sealed class StandbyConnections(Shard shard, ConnectionOptions options, Func<IReadOnlyList<ConnectionKeys>> keys, Func<ServerOwner, LeavingOwner> wrap)
{
    /// <summary>A turn's work takes a few milliseconds: an abort waits for no more.</summary>
    private const int PerTurn = 64;

    private readonly Dictionary<ulong, LeavingOwner> _ahead = [];
    private readonly HashSet<ulong> _speaking = [];
    private readonly List<ulong> _notAhead = [];
    private readonly List<ServerOwner> _restored = [];
    private readonly Queue<ulong> _toRestore = new();
    // One after the other: most of an image is room for what it holds.
    private ConnectionImage _image = new();
    private readonly ImportCache _cache = new();
    private Instant _arrivedAt;
    private long _copiedAt = long.MinValue;
    private bool _hasBegun;

    /// <summary>Those that were built in the freeze, once <see cref="Restore"/> has run.</summary>
    public IReadOnlyList<ServerOwner> Restored => _restored;

    /// <summary>When the component stood still, by this machine's clock.</summary>
    public Instant StillSince { get; private set; }

    /// <summary>Built from the copy ahead.</summary>
    public int Ahead => _ahead.Count;

    /// <summary>Bytes of those that are built in the freeze though they have come before.</summary>
    public long BytesNotAhead { get; private set; }

    /// <summary>Bytes that are built in the freeze, about: not of what is kept as it stands. On any thread, while this stands still.</summary>
    public long BytesToRestore(ImageStore image) => _hasBegun ? BytesNotAhead + image.Touched.Sum(image.BytesOf) : image.Bytes;

    /// <summary>Those that were built from the copy ahead and to which nothing has happened since: who has something to say first.</summary>
    public IReadOnlyCollection<LeavingOwner> Sleepers => _speaking.Count == 0
        ? _ahead.Values
        : [.. _speaking.Where(_ahead.ContainsKey).Select(index => _ahead[index]), .. _ahead.Where(entry => !_speaking.Contains(entry.Key)).Select(entry => entry.Value)];

    /// <summary>The copy ahead is there: begins to build what will hardly change.</summary>
    /// <param name="beganAt">When its first part came: right behind the first connection, as nothing else was on the way.</param>
    /// <param name="endedAt">When its end came: behind all that waited for the link meanwhile.</param>
    /// <returns>The moment of the last copy by this machine's clock, but for the way.</returns>
    /// <exception cref="SnapshotException">Something of it is malformed.</exception>
    public Instant BeginAhead(ImageStore image, Instant beganAt, Instant endedAt)
    {
        _hasBegun = true;
        long firstCopiedAt = long.MaxValue;
        foreach (ulong index in Indices(image))
        {
            foreach (SnapshotSection section in image.Sections(index))
            {
                long copiedAt = ConnectionImage.ReadExportedAt(section.Body);
                (firstCopiedAt, _copiedAt) = (long.Min(firstCopiedAt, copiedAt), long.Max(_copiedAt, copiedAt));
            }

            _toRestore.Enqueue(index);
        }

        _arrivedAt = LastCopy(firstCopiedAt, _copiedAt, beganAt, endedAt);
        _ = _ahead.EnsureCapacity(_toRestore.Count);
        shard.ExpectOwners(_toRestore.Count);
        return _arrivedAt;
    }

    /// <summary>As much later than the copy's beginning as its source's clock says, which may say anything, and not later than its end.</summary>
    internal static Instant LastCopy(long firstCopiedAt, long lastCopiedAt, Instant beganAt, Instant endedAt)
    {
        ulong copying = firstCopiedAt < lastCopiedAt ? (ulong)lastCopiedAt - (ulong)firstCopiedAt : 0;
        return beganAt + new TimeSpan((long)ulong.Min(copying, (ulong)(endedAt - beganAt).Ticks));
    }

    /// <summary>Builds some.</summary>
    /// <returns>Whether there are more.</returns>
    /// <exception cref="SnapshotException">Something does not fit: to be discarded with all the rest.</exception>
    public bool RestoreAhead(ImageStore image, ExchangeHost exchanges)
    {
        for (int count = 0; count < PerTurn && _toRestore.TryDequeue(out ulong index); count++)
        {
            ConnectionImage connection = _image;
            try
            {
                _ = ImageOf(image, index, connection);
                // What has a request will have changed by then.
                if (connection.Has(SectionNumber.Http3Request) || connection.Has(SectionNumber.Tether))
                {
                    _notAhead.Add(index);
                    BytesNotAhead += connection.Size;
                    continue;
                }

                connection.Advance(_copiedAt);
                LeavingOwner owner = wrap(Import(connection, exchanges, _arrivedAt));
                Expect(owner.Owner, owner);
                _ahead.Add(index, owner);
                if (owner.Connection.IsActive || owner.Connection.HasToAcknowledge)
                {
                    _speaking.Add(index);
                }
            }
            finally
            {
                connection.Wipe();
            }
        }

        return _toRestore.Count > 0;
    }

    /// <summary>Everything has come: every connection stands afterwards.</summary>
    /// <remarks>What the delta says nothing of is not looked at: there may be thousands, and this is in the freeze.</remarks>
    /// <param name="frozenAt">When the source stood still, by its clock; null: it has not said.</param>
    /// <exception cref="SnapshotException">Something does not fit: to be discarded with all the rest.</exception>
    public void Restore(ImageStore image, long? frozenAt, ExchangeHost exchanges, Instant now)
    {
        StillSince = now;
        IEnumerable<ulong> missing = Indices(image);
        if (_hasBegun && frozenAt >= _copiedAt)
        {
            missing = image.Touched.Concat(_notAhead).Concat(_toRestore).Where(i => i != ImageStore.ComponentIndex && image.Contains(i)).Distinct().Order();
            foreach (ulong index in image.Touched)
            {
                // Nothing is patched. It may also have ended since.
                if (_ahead.Remove(index, out LeavingOwner? stale))
                {
                    Discard(stale.Owner);
                }
            }
        }
        else
        {
            DiscardAhead();
        }

        foreach (ulong index in missing)
        {
            ConnectionImage connection = _image;
            try
            {
                _ = ImageOf(image, index, connection);
                if (frozenAt is long time)
                {
                    connection.Advance(time);
                }

                ServerOwner owner = Import(connection, exchanges, now);
                Expect(owner, null);
                _restored.Add(owner);
            }
            finally
            {
                connection.Wipe();
            }
        }

        if (_ahead.Count + _restored.Count != image.Connections)
        {
            throw new SnapshotException("what was built is not what has come");
        }
    }

    /// <summary>They are served from here on.</summary>
    public void Forget()
    {
        _ahead.Clear();
        _restored.Clear();
        ForgetPlans();
    }

    /// <summary>They are another's.</summary>
    public void Discard()
    {
        DiscardAhead();
        foreach (ServerOwner owner in _restored)
        {
            Discard(owner);
        }

        _restored.Clear();
    }

    /// <summary>Builds every connection of an image and lets go of it, on any thread: what a measurement asks for.</summary>
    internal void RestoreForMeasurement(ImageStore image, ExchangeHost exchanges, Instant now)
    {
        foreach (ulong index in Indices(image))
        {
            Import(ImageOf(image, index, _image), exchanges, now).Connection.Destroy();
            _image.Wipe();
        }
    }

    /// <summary>In the order in which they were numbered, so that two equal images make the same.</summary>
    private static IEnumerable<ulong> Indices(ImageStore image) => image.Indices.Where(i => i != ImageStore.ComponentIndex).Order();

    /// <param name="connection">Takes it: empty, and to be wiped, whatever comes of this.</param>
    /// <exception cref="SnapshotException">There is more of it than a copy ahead and what completes it, or it is malformed: hostile input.</exception>
    internal static ConnectionImage ImageOf(ImageStore image, ulong index, ConnectionImage connection)
    {
        foreach (SnapshotSection section in image.Sections(index))
        {
            if ((section.Number, section.Key) is (SectionNumber.Connection, ComponentExport.AheadKey or ComponentExport.FinalKey))
            {
                connection.Apply(section.Body);
            }
            else if (section.IsRequired)
            {
                throw new SnapshotException("a connection has a section that is not known here");
            }
        }

        return connection;
    }

    private void Expect(ServerOwner owner, LeavingOwner? sleeper)
    {
        try
        {
            shard.Endpoint.Expect(owner.Connection, sleeper);
        }
        catch
        {
            owner.Http3.Discard();
            owner.Connection.Destroy();
            throw;
        }
    }

    private ServerOwner Import(ConnectionImage image, ExchangeHost exchanges, Instant now)
    {
        image.ThrowIfUnknown(SectionNumber.IsKnown);
        uint number = Identity.ReadKeyNumber(image.Read(SectionNumber.Identity, 0, now));
        ConnectionKeys own = KeysOf(number);
        Connection connection = Connection.Import(image, options, own, now, _cache);
        try
        {
            return connection.IsServer ? ServerOwner.Import(exchanges, connection, image, now) : throw new SnapshotException("a client's connection is no component's");
        }
        catch
        {
            connection.Destroy();
            throw;
        }
    }

    private ConnectionKeys KeysOf(uint number)
    {
        foreach (ConnectionKeys known in keys())
        {
            if (known.Number == number)
            {
                return known;
            }
        }

        throw new SnapshotException("the connection's keys are not in this federation's ring");
    }

    private void DiscardAhead()
    {
        foreach (LeavingOwner owner in _ahead.Values)
        {
            Discard(owner.Owner);
        }

        _ahead.Clear();
        ForgetPlans();
    }

    private void ForgetPlans()
    {
        _speaking.Clear();
        _notAhead.Clear();
        _toRestore.Clear();
        (_copiedAt, _hasBegun, _image, BytesNotAhead) = (long.MinValue, false, new(), 0);
    }

    private void Discard(ServerOwner owner)
    {
        owner.Http3.Discard();
        shard.Endpoint.Remove(owner.Connection);
        owner.Connection.Destroy();
    }
}
