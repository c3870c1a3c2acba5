using Net.Migration.Link;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>A federation with a client in front of it, as far as a scenario needs it.</summary>
internal interface IDemoWorld : IAsyncDisposable
{
    /// <summary>Names of the nodes that can host the component.</summary>
    IReadOnlyList<string> Nodes { get; }

    /// <summary>Connections that the client has opened.</summary>
    int Connections { get; }

    /// <summary>Handshakes that all nodes have completed.</summary>
    int Handshakes { get; }

    /// <summary>Opens a connection.</summary>
    Task<IHttpConnection> ConnectAsync(CancellationToken cancellationToken);

    /// <summary>Begins a download over it.</summary>
    Task<IHttpResponse> DownloadAsync(IHttpConnection connection, long size, CancellationToken cancellationToken);

    /// <summary>Sends a request to the component's value: a PUT with a body, else a GET.</summary>
    Task<IHttpResponse> AskValueAsync(IHttpConnection connection, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken);

    Task<CheckpointReport> CheckpointAsync(CancellationToken cancellationToken);

    Task<CheckpointReport> RollBackAsync(ulong checkpoint, CancellationToken cancellationToken);

    Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken);

    /// <summary>Who owns the component, according to the directory.</summary>
    Task<(string Owner, ulong Epoch)> OwnerAsync(CancellationToken cancellationToken);
}
