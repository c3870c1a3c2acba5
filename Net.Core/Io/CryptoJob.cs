using Net.Core.Connections;
using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>One request of a handshake that is answered beside the shard's thread; the answer comes back as posted work.</summary>
internal sealed class CryptoJob(Shard shard, Connection connection, CryptoRequest request, ICryptoHost host) : IThreadPoolWorkItem, IShardWork
{
    private CryptoAnswer? _answer;

    public Connection Connection => connection;

    public void Execute()
    {
        _answer = CryptoWorker.Answer(request, host);
        _ = shard.Post(this);
    }

    public void Run(Instant now)
    {
        // What asks cannot move; what has gone meanwhile is not answered.
        if (connection is { IsClosed: false, IsFrozen: false })
        {
            connection.OnAnswer(_answer!, now);
            shard.MarkActive(connection);
        }
    }
}
