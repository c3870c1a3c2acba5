using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Kestrel.Hosting;

/// <summary>The streams of a connection that Kestrel believes to have: pipes, with a session of ours in the client's place. On its queue only.</summary>
internal sealed class AppTransport(AppConnection connection, SerialQueue queue) : IStreamTransport
{
    private readonly Dictionary<StreamId, AppStream> _streams = [];
    private ulong _requests, _unidirectional, _fromApp;

    /// <summary>Told what happens on the streams.</summary>
    public ClientConnection? Client { get; set; }

    public bool IsServer => false;

    public ulong Seed => 0;

    public IEnumerable<StreamId> OpenStreams => _streams.Keys;

    public bool IsPermitted(StreamId id) => true;

    public ulong Unacknowledged(StreamId id) => 0;

    public bool IsDelivering(StreamId id) => false;

    /// <summary>Whoever opens requests here is within the limit of the connection that they came by.</summary>
    public bool TryOpen(bool unidirectional, out StreamId id)
    {
        ref ulong next = ref unidirectional ? ref _unidirectional : ref _requests;
        AppStream stream = new(connection, this, queue, StreamId.Of(next, serverInitiated: false, unidirectional));
        if (!connection.Offer(stream))
        {
            // What waits for a stream when the end is dealt with was never sent.
            id = default;
            return false;
        }

        next++;
        id = stream.Id;
        _streams.Add(id, stream);
        return true;
    }

    /// <summary>Kestrel opens a stream.</summary>
    public AppStream Open()
    {
        AppStream stream = new(connection, this, queue, StreamId.Of(Interlocked.Increment(ref _fromApp) - 1, serverInitiated: true, unidirectional: true));
        queue.Post(() => _streams.Add(stream.Id, stream));
        return stream;
    }

    public int Write(StreamId id, ReadOnlySpan<byte> data, bool fin) => _streams.GetValueOrDefault(id)?.Write(data, fin) ?? data.Length;

    public int WriteRoom(StreamId id) => _streams.GetValueOrDefault(id)?.Room ?? AppStream.Segment;

    public ReadOnlySpan<byte> Peek(StreamId id) => _streams.TryGetValue(id, out AppStream? stream) ? stream.Peek() : [];

    public void Consume(StreamId id, int count) => _streams.GetValueOrDefault(id)?.Consume(count);

    /// <summary>One that is forgotten has ended, and the session may ask only then: a handler that waits for its client reads the end later.</summary>
    public StreamEnd ReadState(StreamId id) => _streams.GetValueOrDefault(id)?.ReadState ?? StreamEnd.Finished;

    public void Reset(StreamId id, ulong code) => _streams.GetValueOrDefault(id)?.ResetByClient((long)code);

    public void StopSending(StreamId id, ulong code) => _streams.GetValueOrDefault(id)?.StopByClient((long)code);

    public void SetPriority(StreamId id, int urgency, bool incremental)
    {
    }

    public void SetHeld(StreamId id, bool isHeld)
    {
    }

    public void Close(ulong code, string reason) => connection.End((long)code);

    public void Forget(StreamId id) => _streams.Remove(id);

    /// <summary>The connection has ended, from whichever side.</summary>
    public void OnEnded(long code, FailureKind kind)
    {
        // What Kestrel has not taken it has not processed: such requests may be sent again (RFC 9114, section 4.1.1).
        foreach (StreamId id in connection.TakeBack().Where(id => id.IsBidirectional))
        {
            Client?.OnReset(id, (ulong)Http3ErrorCode.RequestRejected);
        }

        foreach (AppStream stream in _streams.Values.ToArray())
        {
            stream.ResetByClient(code);
            stream.StopByClient(code);
        }

        Client?.OnClosed((Http3ErrorCode)code, kind);
    }
}
