using Net.Core.Connections;

namespace QuicEndpoint;

/// <summary>A connection over which files are fetched. Disposal closes it.</summary>
internal interface IFetcher : IAsyncDisposable
{
    Connection Connection { get; }

    /// <summary>Fetches one file; several at a time.</summary>
    /// <exception cref="IOException">The server has no such file, or the connection ended.</exception>
    Task FetchAsync(Uri url, Stream file);
}
