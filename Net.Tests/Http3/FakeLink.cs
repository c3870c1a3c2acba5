using Net.Core.Wire;
using Net.Http3.Sessions;

namespace Net.Tests.Http3;

/// <summary>Two connection ends in memory: what one writes waits until it is delivered, in pieces of any size.</summary>
internal sealed class FakeLink
{
    public FakeLink()
    {
        Client = new(this, isServer: false);
        Server = new(this, isServer: true);
    }

    public FakeEnd Client { get; }

    public FakeEnd Server { get; }

    /// <summary>Bytes of a stream's direction that the other end has not consumed: the window.</summary>
    public int Window { get; set; } = 1 << 20;

    /// <summary>The most that one Peek shows.</summary>
    public int PeekLimit { get; set; } = int.MaxValue;

    public FakeEnd Other(FakeEnd end) => end == Client ? Server : Client;

    /// <summary>Delivers everything, both ways, until nothing moves.</summary>
    public void Run(int pieces = int.MaxValue, Action? between = null)
    {
        bool moved = true;
        while (moved)
        {
            moved = Deliver(Client, pieces) | Deliver(Server, pieces);
            between?.Invoke();
        }
    }

    /// <summary>Delivers what <paramref name="from"/> has sent, at most so many bytes of each stream.</summary>
    public bool Deliver(FakeEnd from, int most)
    {
        bool moved = false;
        FakeEnd to = Other(from);
        foreach (StreamId id in from.Sending.Keys.Order().ToArray())
        {
            FakePipe pipe = from.Sending[id];
            int count = Math.Min(most, pipe.Sent.Count);
            to.Receiving.TryAdd(id, pipe);
            if (pipe.StopCode is ulong stop && !pipe.StopDelivered)
            {
                pipe.StopDelivered = true;
                moved = true;
                // As a real connection: who has reset the stream, or delivered all of it, is told nothing.
                if (pipe.ResetCode is null && !(pipe.FinDelivered && pipe.Delivered.Count == 0))
                {
                    pipe.ResetCode = stop;
                    from.OnStopped(id, stop);
                }
            }

            if (pipe.ResetCode is ulong code)
            {
                if (!pipe.ResetDelivered)
                {
                    pipe.ResetDelivered = true;
                    pipe.Sent.Clear();
                    to.OnReset(id, code);
                    moved = true;
                }

                continue;
            }

            bool fin = pipe.FinSent && !pipe.FinDelivered && count == pipe.Sent.Count;
            if (count > 0 || fin)
            {
                pipe.Delivered.AddRange(pipe.Sent.Take(count));
                pipe.Sent.RemoveRange(0, count);
                pipe.FinDelivered |= fin;
                moved = true;
                to.OnReadable(id);
            }

            if (pipe.WasFull && Window - pipe.Sent.Count - pipe.Delivered.Count > 0)
            {
                pipe.WasFull = false;
                moved = true;
                from.OnWritable(id);
            }
        }

        return moved;
    }
}

internal sealed class FakePipe
{
    public List<byte> Sent { get; } = [];

    public List<byte> Delivered { get; } = [];

    public bool FinSent { get; set; }

    public bool FinDelivered { get; set; }

    public bool WasFull { get; set; }

    public ulong? ResetCode { get; set; }

    public bool ResetDelivered { get; set; }

    public ulong? StopCode { get; set; }

    public bool StopDelivered { get; set; }
}

internal sealed class FakeEnd(FakeLink link, bool isServer) : IStreamTransport
{
    private readonly ulong[] _next = new ulong[2];

    public Dictionary<StreamId, FakePipe> Sending { get; } = [];

    public Dictionary<StreamId, FakePipe> Receiving { get; } = [];

    public Dictionary<StreamId, (int Urgency, bool Incremental)> Priorities { get; } = [];

    public Action<StreamId> OnReadable { get; set; } = _ => { };

    public Action<StreamId> OnWritable { get; set; } = _ => { };

    public Action<StreamId, ulong> OnReset { get; set; } = (_, _) => { };

    public Action<StreamId, ulong> OnStopped { get; set; } = (_, _) => { };

    public ulong? Closed { get; private set; }

    public bool IsServer => isServer;

    public ulong Seed { get; set; }

    /// <summary>Streams of a kind that the other end may open.</summary>
    public ulong Permitted { get; set; } = ulong.MaxValue;

    public bool IsPermitted(StreamId id) => id.Index < Permitted;

    /// <summary>What was told to an observer, if there is one.</summary>
    public List<Net.Core.Connections.IApplicationEvent>? Told { get; set; }

    public bool IsObserved => Told is not null;

    public void Tell(Net.Core.Connections.IApplicationEvent e) => Told!.Add(e);

    public void Attach(Http3Session session)
    {
        (OnReadable, OnWritable, OnReset, OnStopped) = (session.OnReadable, session.OnWritable, session.OnReset, session.OnStopped);
    }

    public void Attach(Net.Http3.Server.Hosting.ServerConnection connection)
    {
        (OnReadable, OnWritable) = (connection.OnReadable, connection.OnWritable);
        (OnReset, OnStopped) = (connection.OnReset, connection.OnStopped);
    }

    public IEnumerable<StreamId> OpenStreams => Sending.Keys.Union(Receiving.Keys).Where(id =>
        (Sending.TryGetValue(id, out FakePipe? pipe) && !pipe.ResetDelivered && (!pipe.FinDelivered || pipe.Delivered.Count > 0))
        || (Receiving.TryGetValue(id, out pipe) && !pipe.ResetDelivered && !pipe.FinDelivered)
        || Held.Contains(id));

    public ulong Unacknowledged(StreamId id) => Sending.TryGetValue(id, out FakePipe? pipe) ? (ulong)(pipe.Sent.Count + pipe.Delivered.Count) : 0;

    public bool IsDelivering(StreamId id) =>
        Sending.TryGetValue(id, out FakePipe? pipe) && pipe.ResetCode is null && (pipe.Sent.Count + pipe.Delivered.Count > 0 || (pipe.FinSent && !pipe.FinDelivered));

    public bool TryOpen(bool unidirectional, out StreamId id)
    {
        id = StreamId.Of(_next[unidirectional ? 1 : 0]++, isServer, unidirectional);
        Sending.Add(id, new());
        if (!unidirectional)
        {
            link.Other(this).Sending.Add(id, new());
        }

        return true;
    }

    /// <summary>A new stream with these bytes on it.</summary>
    public StreamId Send(bool unidirectional, ReadOnlySpan<byte> bytes, bool fin = false)
    {
        TryOpen(unidirectional, out StreamId id);
        Write(id, bytes, fin);
        return id;
    }

    public int WriteRoom(StreamId id) => Sending.TryGetValue(id, out FakePipe? pipe) && pipe.ResetCode is null && !pipe.FinSent
        ? Math.Max(0, link.Window - pipe.Sent.Count - pipe.Delivered.Count)
        : 0;

    public int Write(StreamId id, ReadOnlySpan<byte> data, bool fin)
    {
        FakePipe pipe = Sending[id];
        int count = Math.Min(WriteRoom(id), data.Length);
        pipe.Sent.AddRange(data[..count].ToArray());
        pipe.FinSent |= fin && count == data.Length;
        // As a real connection: whoever met a full buffer is told of room.
        pipe.WasFull |= count < data.Length || WriteRoom(id) < 64;
        return count;
    }

    public ReadOnlySpan<byte> Peek(StreamId id) => Receiving.TryGetValue(id, out FakePipe? pipe) && !pipe.ResetDelivered
        ? pipe.Delivered.Take(link.PeekLimit).ToArray()
        : [];

    public void Consume(StreamId id, int count) => Receiving[id].Delivered.RemoveRange(0, count);

    public StreamEnd ReadState(StreamId id) =>
        !Receiving.TryGetValue(id, out FakePipe? pipe) ? StreamEnd.Open
        : pipe.ResetDelivered ? StreamEnd.Reset
        : pipe.FinDelivered && pipe.Delivered.Count == 0 ? StreamEnd.Finished
        : StreamEnd.Open;

    public void Reset(StreamId id, ulong code) => Sending[id].ResetCode ??= code;

    public void StopSending(StreamId id, ulong code) => link.Other(this).Sending[id].StopCode ??= code;

    /// <summary>Streams that are held.</summary>
    public HashSet<StreamId> Held { get; } = [];

    public void SetHeld(StreamId id, bool isHeld) => _ = isHeld ? Held.Add(id) : Held.Remove(id);

    public void SetPriority(StreamId id, int urgency, bool incremental) => Priorities[id] = (urgency, incremental);

    public void Close(ulong code, string reason) => Closed ??= code;
}
