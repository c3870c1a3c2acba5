using Net.Core.Connections;

namespace QuicEndpoint;

/// <summary>A connection over which files are fetched. Disposal closes it.</summary>
internal interface IFetcher : IAsyncDisposable
{
    Connection Connection { get; }

    /// <summary>Fetches one file; several at a time.</summary>
    /// <exception cref="IOException">The server has no such file, or the connection ended.</exception>
    Task FetchAsync(Uri url, Stream file);

    /// <summary>Goes to another port of this host.</summary>
    /// <returns>Ends when the server has answered there; null when the connection cannot move now.</returns>
    Task<Task?> TryMoveAsync();
}
