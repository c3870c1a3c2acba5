using System.Buffers.Binary;
using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Http3.Sessions;

/// <summary>A QUIC connection as HTTP/3 sees it.</summary>
internal sealed class ConnectionTransport(Connection connection) : IStreamTransport
{
    private (ulong Code, string Reason)? _close;

    public bool IsServer => connection.IsServer;

    /// <summary>The ID that the client made for its first packet: at least eight bytes that nobody foresees (RFC 9000, section 7.2).</summary>
    public ulong Seed
    {
        get
        {
            Span<byte> bytes = stackalloc byte[ConnectionId.MaxLength];
            connection.OriginalDestination.Span.CopyTo(bytes);
            return BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }
    }

    public bool IsPermitted(StreamId id) => connection.IsPermitted(id);

    public IEnumerable<StreamId> OpenStreams => connection.OpenStreams;

    public ulong Unacknowledged(StreamId id) => connection.Unacknowledged(id);

    public bool IsDelivering(StreamId id) => connection.Unacknowledged(id) > 0 || connection.WriteState(id).Kind == WriteEndKind.Finishing;

    public bool TryOpen(bool unidirectional, out StreamId id) => connection.TryOpen(unidirectional, out id);

    public int Write(StreamId id, ReadOnlySpan<byte> data, bool fin) => connection.Write(id, data, fin);

    public int WriteRoom(StreamId id) => connection.WriteRoom(id);

    public ReadOnlySpan<byte> Peek(StreamId id) => connection.Peek(id);

    public void Consume(StreamId id, int count) => connection.Consume(id, count);

    public StreamEnd ReadState(StreamId id) => connection.ReadState(id).Kind switch
    {
        ReadEndKind.Open => StreamEnd.Open,
        ReadEndKind.Finished => StreamEnd.Finished,
        _ => StreamEnd.Reset,
    };

    public void Reset(StreamId id, ulong code) => connection.Reset(id, code);

    public void StopSending(StreamId id, ulong code) => connection.StopSending(id, code);

    public void SetPriority(StreamId id, int urgency, bool incremental) => connection.SetPriority(id, urgency, incremental);

    /// <summary>A handler may end when its connection has closed, or has moved away: then nothing is held.</summary>
    public void SetHeld(StreamId id, bool isHeld)
    {
        if (connection.IsOpen)
        {
            connection.SetHeld(id, isHeld);
            connection.Registration?.Touch();
        }
    }

    public void ExpectAnswer(bool expects)
    {
        if (connection.Parts.Timers.ExpectsAnswer != expects)
        {
            connection.Parts.Timers.ExpectsAnswer = expects;
            connection.Registration?.Touch();
        }
    }

    public bool IsObserved => connection.Parts.Observer is not null;

    public void Tell(IApplicationEvent e) => Observation.Tell(connection, e);

    /// <summary>Closing needs the time, which calls of handlers do not have: it is done with the connection's next events, in the same step.</summary>
    public void Close(ulong code, string reason)
    {
        _close ??= (code, reason);
        connection.Registration?.Touch();
    }

    /// <summary>Closes if that was asked for.</summary>
    public void Settle(Instant now)
    {
        if (_close is (ulong code, string reason) && connection.IsOpen)
        {
            connection.Close(code, reason, now);
        }
    }
}
