using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;
using Spectre.Console;

namespace Net.Node.Commands;

/// <summary>`continuum get`.</summary>
internal static class GetCommand
{
    private const int PieceLength = 256 * 1024;

    public static async Task<int> RunAsync(
        GetOptions options, ICommandRuntime runtime, DataDirectory data, CommandOutput output, CancellationToken cancellationToken)
    {
        X509Certificate2Collection roots = options.Insecure ? [] : [data.DevelopmentCa()];
        HttpTarget target = new(options.Url.IdnHost.Trim('[', ']'), options.Url.Port, roots, options.Insecure);
        IHttpConnection connection = await OpenAsync(runtime, target, cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            IHttpResponse response = await connection.GetAsync(Authority(options.Url), options.Url.PathAndQuery, cancellationToken).ConfigureAwait(false);
            await using (response.ConfigureAwait(false))
            {
                if (response.Status is < 200 or > 299)
                {
                    throw new CommandFailure($"the server answered {response.Status}", response.Status == 404 ? "check the path" : "check the URL and the server's log");
                }

                long received = await SaveAsync(response, options.Output, output, cancellationToken).ConfigureAwait(false);
                if (response.ContentLength >= 0 && received != response.ContentLength)
                {
                    throw new CommandFailure($"only {received} of {response.ContentLength} bytes came", "try again");
                }
            }
        }

        return ExitCode.Done;
    }

    private static async Task<IHttpConnection> OpenAsync(ICommandRuntime runtime, HttpTarget target, CancellationToken cancellationToken)
    {
        try
        {
            return await runtime.OpenAsync(target, cancellationToken).ConfigureAwait(false);
        }
        catch (AuthenticationException e)
        {
            throw new CommandFailure($"the certificate of {target.Host} is not trusted ({Inner(e)})", "use the server's CONTINUUM_HOME, or --insecure to take any certificate");
        }
        catch (IOException e)
        {
            throw new CommandFailure($"cannot reach {target.Host} port {target.Port} ({Inner(e)})", "check the URL, and that the server runs");
        }
    }

    private static string Inner(Exception e) => e.Message.TrimEnd('.').Replace(": ", ", ", StringComparison.Ordinal);

    /// <summary>Host and port as they belong into `:authority`: without the port when it is the scheme's.</summary>
    public static string Authority(Uri url) => url.IsDefaultPort ? Bracketed(url) : $"{Bracketed(url)}:{url.Port}";

    private static string Bracketed(Uri url) => url.HostNameType == UriHostNameType.IPv6 ? $"[{url.IdnHost.Trim('[', ']')}]" : url.IdnHost;

    private static async Task<long> SaveAsync(IHttpResponse response, string? path, CommandOutput output, CancellationToken cancellationToken)
    {
        Stream stream = path is null ? output.OpenOutput() : Create(path);
        await using (stream.ConfigureAwait(false))
        {
            if (path is null || !output.IsTerminal)
            {
                return await CopyAsync(response, stream, _ => { }, cancellationToken).ConfigureAwait(false);
            }

            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            return await console.Progress().Columns(new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn())
                .StartAsync(context =>
                {
                    ProgressTask task = context.AddTask(Markup.Escape(path), maxValue: Math.Max(1, response.ContentLength));
                    task.IsIndeterminate = response.ContentLength < 0;
                    return CopyAsync(response, stream, count => task.Increment(count), cancellationToken);
                }).ConfigureAwait(false);
        }
    }

    private static async Task<long> CopyAsync(IHttpResponse response, Stream stream, Action<int> progress, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[PieceLength];
        long received = 0;
        for (int count; (count = await response.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0; received += count)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            progress(count);
        }

        return received;
    }

    private static FileStream Create(string path)
    {
        try
        {
            return new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0, useAsync: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = System.IO.Directory.Exists(path) ? "is a directory" : e is DirectoryNotFoundException ? "is in a directory that does not exist" : $"cannot be written ({e.Message.TrimEnd('.')})";
            throw new CommandFailure($"-o {path} {why}", "give a file that can be written");
        }
    }
}
