using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>A connection's unreliable datagrams between the threads of its users and that of its shard.</summary>
/// <remarks>What waits on its way to the shard is bounded like what waits to be sent: no caller is held up, the oldest is dropped.</remarks>
internal sealed class DatagramPort(Shard shard, Connection connection) : IShardWork
{
    private readonly Lock _gate = new();
    private readonly DatagramQueue _outgoing = new(connection.Parts.Options.Datagrams.MaxQueued, connection.Parts.Options.Datagrams.MaxQueuedBytes);
    private readonly WaitList<ReadOnlyMemory<byte>> _readers = new();
    private volatile int _max = connection.MaxDatagram;
    private volatile QuicException? _fault;
    private bool _isPosted;

    /// <summary>As the shard's thread last knew it; below 0 while the peer takes none.</summary>
    public int Max => _max;

    /// <summary>Those who wait for a datagram.</summary>
    public int Readers => _readers.Count;

    /// <summary>From any thread.</summary>
    public void Send(ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            _outgoing.Add(data);
        }

        Post();
    }

    /// <summary>From any thread. The datagram goes to whoever asked first and still waits.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<ReadOnlyMemory<byte>> reading = _readers.AddAsync(cancellationToken);
        Post();
        return await reading.ConfigureAwait(false);
    }

    /// <summary>On the shard's thread, after every event: the path may carry more or less, and datagrams may have come.</summary>
    public void Continue()
    {
        _max = connection.MaxDatagram;
        while (_readers.Count > 0 && connection.TryPeekDatagram(out byte[]? data) && _readers.TryGive(data))
        {
            connection.ConsumeDatagram();
        }

        if (_fault is QuicException fault)
        {
            _readers.Fail(fault);
        }
    }

    /// <summary>On the shard's thread: the connection is over. What has arrived can be read for as long as it still closes.</summary>
    /// <param name="isSound">Else nobody knows what there is to read.</param>
    public void End(QuicException fault, bool isSound = true)
    {
        _fault = fault;
        if (isSound)
        {
            Continue();
        }
        else
        {
            _readers.Fail(fault);
        }
    }

    Connection IShardWork.Connection => connection;

    void IShardWork.Run(Instant now)
    {
        lock (_gate)
        {
            _isPosted = false;
            while (_outgoing.TryPeek(out byte[]? data))
            {
                // One that the path no longer carries, or whose connection is over, is lost like any other.
                _ = connection.SendDatagram(data);
                _outgoing.Remove();
            }
        }

        Continue();
    }

    void IShardWork.Abandon(Exception fault) => _readers.Fail(Faults.Internal(fault));

    private void Post()
    {
        lock (_gate)
        {
            if (_isPosted)
            {
                return;
            }

            _isPosted = true;
        }

        if (!shard.Post(this))
        {
            _readers.Fail(_fault ?? Faults.Stopped());
            lock (_gate)
            {
                _outgoing.Clear();
                _isPosted = false;
            }
        }
    }
}
