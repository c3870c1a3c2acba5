using System.Globalization;
using Net.Core.Connections;
using Net.Core.Diagnostics;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>Writes a qlog file for every connection: <c>ODCID_client.sqlog</c> or <c>ODCID_server.sqlog</c>, readable by their owner alone.</summary>
/// <remarks>
/// A name that is taken gets a number before its end: the same connection came back, or a client has chosen an ID again. What cannot be
/// written is not written: connections never fail by their trace. Thread-safe.
/// </remarks>
internal sealed class QlogDirectory : IObserverSource
{
    /// <summary>Traces that are open at a time; further connections have none.</summary>
    public const int MaxOpen = 1_000;

    /// <summary>Files of one connection's name.</summary>
    public const int MaxSameName = 100;

    private readonly string _path;
    private readonly int _maxOpen;
    private readonly long _maxLength;
    private int _open;

    /// <param name="path">Made if it is not there.</param>
    /// <param name="maxOpen">Traces at a time.</param>
    /// <param name="maxLength">Bytes of a file, at which its trace ends.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be made.</exception>
    public QlogDirectory(string path, int maxOpen = MaxOpen, long maxLength = QlogFile.MaxLength)
    {
        _path = path;
        _maxOpen = maxOpen;
        _maxLength = maxLength;
        _ = Directory.CreateDirectory(path);
    }

    public IConnectionObserver? Observe(in ConnectionView view, Instant now)
    {
        if (Interlocked.Increment(ref _open) > _maxOpen || TryCreate(view) is not FileStream file)
        {
            _ = Interlocked.Decrement(ref _open);
            return null;
        }

        return new QlogTrace(new QlogFile(file, _maxLength, OnEnded), view, DateTimeOffset.UtcNow, now);
    }

    /// <summary>For the tests: told when a trace is complete.</summary>
    internal Action? OnTraceEnded { get; set; }

    private void OnEnded()
    {
        Interlocked.Decrement(ref _open);
        OnTraceEnded?.Invoke();
    }

    private FileStream? TryCreate(in ConnectionView view)
    {
        // Hexadecimal digits, whatever the peer has chosen.
        string name = $"{view.OriginalDestination}_{(view.IsServer ? "server" : "client")}";
        for (int i = 1; i <= MaxSameName; i++)
        {
            string number = i == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $".{i}");
            try
            {
                return OwnFile.CreateNew(Path.Combine(_path, $"{name}{number}.sqlog"));
            }
            catch (IOException) when (File.Exists(Path.Combine(_path, $"{name}{number}.sqlog")))
            {
                continue;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        return null;
    }
}
