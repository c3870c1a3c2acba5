using Interop.Peers;

namespace Interop.Matrix;

/// <summary>One implementation, as a cell sees it. The order of calls: <see cref="PrepareAsync"/> once, then for each cell a server and a client.</summary>
internal abstract class Side(string name)
{
    public string Name { get; } = name;

    /// <summary>Whether a row without it is no failure.</summary>
    public virtual bool MayBeAbsent => false;

    /// <summary>Fetches it if need be, and tells its version.</summary>
    /// <exception cref="PeersUnavailableException">It cannot be had, or does not run.</exception>
    public abstract Task<string> PrepareAsync();

    /// <summary>Whether it can be the server of such a case.</summary>
    public virtual bool Serves(MatrixCase c) => false;

    /// <summary>Whether it can be the client of such a case.</summary>
    public virtual bool Fetches(MatrixCase c) => false;

    /// <summary>Starts a server for the cell's files, and sets its port once it serves.</summary>
    public virtual Task ServeAsync(Cell cell) => throw new NotSupportedException();

    /// <summary>Fetches all files of the cell; its exit code and what it says of itself are checked here, the files later.</summary>
    /// <returns>What is worth telling; empty for nothing.</returns>
    public virtual Task<string> FetchAsync(Cell cell) => throw new NotSupportedException();

    /// <summary>Ends the server, which must still be there.</summary>
    public virtual Task EndAsync(Cell cell) => Task.CompletedTask;
}
