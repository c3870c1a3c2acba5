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
internal sealed class StandbyConnections(Shard shard, ConnectionOptions options, Func<IReadOnlyList<ConnectionKeys>> keys)
{
    /// <summary>A turn's work takes a few milliseconds: an abort waits for no more.</summary>
    private const int PerTurn = 64;

    private readonly Dictionary<ulong, ServerOwner> _ahead = [];
    private readonly List<StandbyConnection> _restored = [];
    private readonly Queue<ulong> _toRestore = new();
    private Instant _arrivedAt;
    private long _copiedAt = long.MinValue;

    /// <summary>All, once <see cref="Restore"/> has run.</summary>
    public IReadOnlyList<StandbyConnection> Restored => _restored;

    /// <summary>Built from the copy ahead.</summary>
    public int Ahead => _ahead.Count;

    /// <summary>The copy ahead is there: begins to build what will hardly change.</summary>
    /// <param name="arrivedAt">
    /// When its first part came, which was sealed right behind the last copy: the moment of that copy by this machine's clock, but for the way.
    /// </param>
    /// <exception cref="SnapshotException">Something of it is malformed.</exception>
    public void BeginAhead(ImageStore image, Instant arrivedAt)
    {
        _arrivedAt = arrivedAt;
        foreach (ulong index in Indices(image))
        {
            foreach (SnapshotSection section in image.Sections(index))
            {
                _copiedAt = long.Max(_copiedAt, ConnectionImage.ReadExportedAt(section.Body));
            }

            _toRestore.Enqueue(index);
        }

        shard.ExpectOwners(_toRestore.Count);
    }

    /// <summary>Builds some.</summary>
    /// <returns>Whether there are more.</returns>
    /// <exception cref="SnapshotException">Something does not fit: to be discarded with all the rest.</exception>
    public bool RestoreAhead(ImageStore image, ExchangeHost exchanges)
    {
        for (int count = 0; count < PerTurn && _toRestore.TryDequeue(out ulong index); count++)
        {
            ConnectionImage connection = ImageOf(image, index);
            try
            {
                // What has a request will have changed by then.
                if (!connection.Keys(SectionNumber.Http3Request).Any())
                {
                    connection.Advance(_copiedAt);
                    _ahead.Add(index, Build(connection, exchanges, _arrivedAt));
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
    /// <param name="frozenAt">When the source stood still, by its clock; null: it has not said.</param>
    /// <exception cref="SnapshotException">Something does not fit: to be discarded with all the rest.</exception>
    public void Restore(ImageStore image, long? frozenAt, ExchangeHost exchanges, Instant now)
    {
        foreach (ulong index in Indices(image))
        {
            if (_ahead.Remove(index, out ServerOwner? owner))
            {
                if (frozenAt >= _copiedAt && image.SectionCount(index) == 1)
                {
                    owner.Connection.StandStill(now);
                    _restored.Add(new(owner, IsAhead: true));
                    continue;
                }

                Discard(owner);
            }

            ConnectionImage connection = ImageOf(image, index);
            try
            {
                if (frozenAt is long time)
                {
                    connection.Advance(time);
                }

                _restored.Add(new(Build(connection, exchanges, now), IsAhead: false));
            }
            finally
            {
                connection.Wipe();
            }
        }

        // Those that have ended since.
        DiscardAhead();
    }

    /// <summary>They are served from here on.</summary>
    public void Forget() => _restored.Clear();

    /// <summary>They are another's.</summary>
    public void Discard()
    {
        DiscardAhead();
        foreach (StandbyConnection standby in _restored)
        {
            Discard(standby.Owner);
        }

        _restored.Clear();
    }

    /// <summary>Builds every connection of an image and lets go of it, on any thread: what a measurement asks for.</summary>
    internal void RestoreForMeasurement(ImageStore image, ExchangeHost exchanges, Instant now)
    {
        foreach (ulong index in Indices(image))
        {
            ConnectionImage connection = ImageOf(image, index);
            Import(connection, exchanges, now).Connection.Destroy();
            connection.Wipe();
        }
    }

    /// <summary>In the order in which they were numbered, so that two equal images make the same.</summary>
    private static IEnumerable<ulong> Indices(ImageStore image) => image.Indices.Where(i => i != ImageStore.ComponentIndex).Order();

    /// <exception cref="SnapshotException">There is more of it than a copy ahead and what completes it, or it is malformed: hostile input.</exception>
    internal static ConnectionImage ImageOf(ImageStore image, ulong index)
    {
        ConnectionImage connection = new();
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

    private ServerOwner Build(ConnectionImage image, ExchangeHost exchanges, Instant now)
    {
        image.ThrowIfUnknown(SectionNumber.IsKnown);
        ServerOwner owner = Import(image, exchanges, now);
        try
        {
            shard.Endpoint.Expect(owner.Connection);
        }
        catch
        {
            owner.Http3.Discard();
            owner.Connection.Destroy();
            throw;
        }

        return owner;
    }

    private ServerOwner Import(ConnectionImage image, ExchangeHost exchanges, Instant now)
    {
        uint number = image.Read<Identity>(now).KeyNumber;
        ConnectionKeys own = keys().FirstOrDefault(k => k.Number == number) ?? throw new SnapshotException("the connection's keys are not in this federation's ring");
        Connection connection = Connection.Import(image, options, own, now);
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

    private void DiscardAhead()
    {
        foreach (ServerOwner owner in _ahead.Values)
        {
            Discard(owner);
        }

        _ahead.Clear();
        _toRestore.Clear();
        _copiedAt = long.MinValue;
    }

    private void Discard(ServerOwner owner)
    {
        owner.Http3.Discard();
        shard.Endpoint.Remove(owner.Connection);
        owner.Connection.Destroy();
    }
}

/// <param name="Owner">Frozen, and known to the endpoint.</param>
/// <param name="IsAhead">It was built before the freeze, and nothing has happened to it since.</param>
internal readonly record struct StandbyConnection(ServerOwner Owner, bool IsAhead);
