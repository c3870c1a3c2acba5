using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;
using SocketHolder = Net.Migration.Hosting.SocketHolder;

namespace Net.Node.Commands;

/// <summary>`continuum ingress`.</summary>
internal sealed class IngressCommand(ICommandRuntime runtime, DataDirectory data, Termination termination)
{
    public Task<int> RunAsync(IngressOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        IngressSetup setup = Setup(options, data) with { Terminated = termination.Claim() };
        return EndOfInput.RunAsync(options.StopOnEof, output, token => runtime.RunIngressAsync(
            setup, (listen, control) => output.Result($"ready ingress {listen} control {control}"), output, token), cancellationToken);
    }

    /// <summary>What an ingress needs of the data directory.</summary>
    /// <exception cref="CommandFailure">Its state directory cannot be used.</exception>
    public static IngressSetup Setup(IngressOptions options, DataDirectory data)
    {
        string state = StateDirectory(options.State, data);
        // The certificates of nodes are made by the same authority: whoever starts first makes it.
        return new(options, state, options.Trust is { } trust ? DataDirectory.MemberFrom(trust, "ingress", data.Time) : data.Member("ingress"))
        {
            DataDirectory = data.Path,
            HolderDoor = options.Hold && options.Listen.Port != 0 && SocketHolder.IsSupported ? data.Door($"hold-{options.Listen.ToString().Replace(':', '-')}") : null,
        };
    }

    private static string StateDirectory(string? given, DataDirectory data)
    {
        string path = given is null ? data.StateDirectory : Path.GetFullPath(given);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                System.IO.Directory.CreateDirectory(path);
            }
            else
            {
                System.IO.Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = File.Exists(path) ? "is a file" : $"cannot be used ({e.Message.TrimEnd('.')})";
            throw new CommandFailure($"--state {path} {why}", "give a directory that can be written");
        }
    }
}
