using Net.Migration.Hosting;

namespace Net.Kestrel;

/// <summary>How the processes of one application take over from each other.</summary>
public sealed class ContinuumOptions
{
    /// <summary>
    /// A directory for the processes of this application alone, such as systemd's <c>RuntimeDirectory</c>; made with mode 0700 when it is not there. Whoever can
    /// enter it can take the application's connections over. Its path is to be short, at most 70 bytes. Required.
    /// </summary>
    public string Directory { get; set; } = "";

    /// <summary>How long a process may take to take over; 60 s by default. Then it ends, and the one before goes on.</summary>
    public TimeSpan TakeOverTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a request may go on in the process that another one has taken over from; then it is reset. 10 minutes by default.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <inheritdoc cref="IngressHostOptions.FailureTimeout"/>
    internal TimeSpan? FailureTimeout { get; set; }
}
