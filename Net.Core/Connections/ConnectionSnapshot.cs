using Net.Core.Crypto;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Writing a connection down is a loop over its parts; reading it back is one line for each.</summary>
internal static class ConnectionSnapshot
{
    /// <summary>The layout of an export: this number, the time, then sections (<see cref="SectionWriter"/>). Those come and go without changing it.</summary>
    public const ulong Format = 2;

    /// <summary>A peer has its transport parameters under key 1, we under key 0.</summary>
    private const ulong PeerKey = 1;

    public static ulong Export(ConnectionParts c, IEnumerable<TravellingPart> above, ExportLog log, ulong since, SnapshotWriter writer)
    {
        log.Begin();
        writer.WriteNumber(Format);
        writer.WriteSigned(writer.Now.Ticks);
        SectionWriter sections = new(writer);
        foreach (TravellingPart part in Parts(c).Concat(above))
        {
            if (log.HasChanged(part, since))
            {
                sections.Write(part.Section, part.Key, part.Export);
            }
        }

        List<(ulong Section, ulong Key)> removed = log.RemovedSince(since);
        if (removed.Count > 0)
        {
            sections.Write(SectionNumber.Removed, 0, body =>
            {
                foreach ((ulong section, ulong key) in removed)
                {
                    body.WriteNumber(section);
                    body.WriteNumber(key);
                }
            });
        }

        sections.Complete();
        return log.Version;
    }

    public static ConnectionParts Import(ConnectionImage image, ConnectionOptions options, ConnectionKeys keys, ImportCache cache, Instant now)
    {
        Identity identity = image.Read<Identity>(now);
        StreamTable streams = StreamTable.Import((section, key) => image.Read(section, key, now));
        ConnectionParts c = new()
        {
            Identity = identity,
            LocalIds = image.Read<LocalConnectionIds>(now),
            PeerIds = image.Read<PeerConnectionIds>(now),
            Path = image.Read<PathState>(now),
            Mtu = image.Read<PathMtu>(now),
            Idle = image.Read<IdleTimer>(now),
            Announcements = image.Read<Announcements>(now),
            Datagrams = image.Read<Datagrams>(now),
            Traffic = image.Read<TrafficCounters>(now),
            PostHandshake = image.Read<CryptoStream>(now),
            PostHandshakeMessages = image.Read<PostHandshakeMessages>(now),
            Tickets = image.Read<SessionTickets>(now),
            Recovery = ImportRecovery(image, identity.IsServer, now),
            Streams = streams,
            Keys = image.Read<OneRttKeys>(now),
            Local = cache.Local(image.Read(SectionNumber.TransportParameters, 0, now), streams.LocalLimits),
            Peer = cache.Peer(image.Read(SectionNumber.TransportParameters, PeerKey, now), streams.PeerLimits),
            Timers = new(Instant.Never, options.KeepAlive, now),
            Options = options,
            FederationKeys = keys,
        };
        if (!c.Identity.IsConfirmed || c.Identity.KeyNumber != keys.Number)
        {
            throw new SnapshotException("the connection is not one that this node can own");
        }

        c.Lifecycle.OnEstablished();
        // The old owner's application had perhaps taken events that it did not deal with.
        c.Streams.Remind();
        return c;
    }

    private static LossRecovery ImportRecovery(ConnectionImage image, bool isServer, Instant now)
    {
        LossRecovery recovery = new(isServer, algorithm: null);
        foreach ((ulong section, ulong key, _) in RecoverySection.All)
        {
            if (image.TryRead(section, key, now, out SnapshotReader? reader))
            {
                recovery.TryImport(section, key, reader);
            }
        }

        recovery.CompleteImport(now);
        return recovery;
    }

    /// <summary>Every part that travels: there is no second list.</summary>
    private static IEnumerable<TravellingPart> Parts(ConnectionParts c)
    {
        yield return TravellingPart.Of(c.Identity);
        yield return TravellingPart.Of(c.LocalIds);
        yield return TravellingPart.Of(c.PeerIds);
        yield return TravellingPart.Of(c.Path);
        yield return TravellingPart.Of(c.Mtu);
        yield return TravellingPart.Of(c.Idle);
        yield return TravellingPart.Of(c.Announcements);
        yield return TravellingPart.Of(c.Datagrams);
        yield return TravellingPart.Of(c.Traffic);
        yield return TravellingPart.Of(c.PostHandshake);
        yield return TravellingPart.Of(c.PostHandshakeMessages);
        yield return TravellingPart.Of(c.Tickets);
        // They count their changes as if they were written whole: there are none any more.
        yield return new(SectionNumber.TransportParameters, 0, 0, LastingParameters.Of(c.Local, c.Streams.LocalLimits).Export);
        yield return new(SectionNumber.TransportParameters, PeerKey, 0, LastingParameters.Of(c.Peer!, c.Streams.PeerLimits).Export);
        yield return TravellingPart.Of(c.Keys!);
        foreach (TravellingPart part in c.Recovery.Parts)
        {
            yield return part;
        }

        foreach (TravellingPart part in c.Streams.Parts)
        {
            yield return part;
        }
    }
}
