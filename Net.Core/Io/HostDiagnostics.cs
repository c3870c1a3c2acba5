using System.Collections.Concurrent;
using Net.Core.Connections;

namespace Net.Core.Io;

/// <summary>What the environment asks to be written down of connections: <c>QLOGDIR</c>, and <c>SSLKEYLOGFILE</c>. Both are read once.</summary>
/// <remarks>What was asked for and cannot be had is left out, with a line on standard error: a server does not fail to start by it.</remarks>
internal static class HostDiagnostics
{
    private static readonly string? s_qlogDirectory = Variable("QLOGDIR");
    private static readonly string? s_keyLogFile = Variable("SSLKEYLOGFILE");
    private static readonly ConcurrentDictionary<string, Lazy<QlogDirectory?>> s_directories = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, Lazy<KeyLogFile?>> s_keyLogs = new(StringComparer.Ordinal);

    /// <summary>The options, with what the environment asks for where they say nothing.</summary>
    public static ConnectionOptions WithEnvironment(ConnectionOptions options) => s_qlogDirectory is null && s_keyLogFile is null
        ? options
        : options with
        {
            Observers = options.Observers ?? QlogTo(s_qlogDirectory),
            KeyLog = options.KeyLog ?? KeysTo(s_keyLogFile),
        };

    /// <param name="path">Null for none.</param>
    public static IObserverSource? QlogTo(string? path) =>
        path is null ? null : s_directories.GetOrAdd(Path.GetFullPath(path), static p => new(() => Try(p, static p => new QlogDirectory(p)))).Value;

    /// <param name="path">Null for none.</param>
    public static IKeyLog? KeysTo(string? path) =>
        path is null ? null : s_keyLogs.GetOrAdd(Path.GetFullPath(path), static p => new(() => Try(p, static p => new KeyLogFile(p)))).Value;

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static T? Try<T>(string path, Func<string, T> open) where T : class
    {
        try
        {
            return open(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{path}: {e.Message}");
            return null;
        }
    }
}
