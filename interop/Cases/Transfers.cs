using System.Globalization;
using Interop.Content;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>Big transfers during eight moves, all of which commit inside the transfer.</summary>
internal static class Transfers
{
    public const long DownloadSize = 104_857_600;
    private const long UploadSize = 100_000_000;
    private const long EchoSize = 20_000_000;
    private const long MaximumUploadState = 1 << 20;

    /// <summary>curl downloads through moves; the body's hash is also the one that the header named.</summary>
    public static async Task<string> DownloadAsync(CaseContext context, Peer curl) => await DownloadAsync(context, curl, await context.StartClusterAsync("a", "b"));

    /// <summary>The same over IPv6.</summary>
    public static async Task<string> DownloadV6Async(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster(address: "[::1]");
        await cluster.StartAsync("a", "b");
        return await DownloadAsync(context, curl, cluster);
    }

    /// <summary>gtlsclient writes its download into a named pipe, so that back-pressure reaches it like any other client.</summary>
    public static async Task<string> DownloadByGtlsAsync(CaseContext context)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        string directory = Directory.CreateDirectory(Path.Combine(cluster.Directory, "download")).FullName;
        string pipe = Path.Combine(directory, $"{DownloadSize}");
        Finished made = await Child.RunAsync("mkfifo", "mkfifo", [pipe], TimeSpan.FromSeconds(10));
        if (made.Code != 0)
        {
            throw new CaseFailedException($"mkfifo failed: {Child.LastLine(made.Errors)}");
        }

        Child reader = context.Own(Child.Start("cat", "cat", [pipe]));
        Child client = context.Own(context.Peers.GtlsClient.Start(
            "--quiet", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", $"--download={directory}",
            "--max-data=2M", "--max-stream-data-bidi-local=1M",
            "127.0.0.1", cluster.Port.ToString(CultureInfo.InvariantCulture), cluster.Url($"/bytes/{DownloadSize}")));
        Pace pace = new(DownloadSize, MoveLoop.Moves, MoveLoop.Between(cluster, "a", "b"));
        Task reading = PacedStreams.ReadAsync(reader.Output, DownloadSize, pace, context.Cancellation);
        // A client that fails before it opens the pipe would leave its reader waiting.
        Task ended = client.WaitAsync(TimeSpan.FromMinutes(5), context.Cancellation);
        if (await Task.WhenAny(reading, ended) == ended && pace.DoneAt.Count == 0)
        {
            throw new CaseFailedException($"gtlsclient ended with exit code {await client.WaitAsync(TimeSpan.FromSeconds(1))} before the first move: {Child.LastLine(client.Errors)}");
        }

        await reading;
        int code = await client.WaitAsync(TimeSpan.FromSeconds(30), context.Cancellation);
        pace.MustBeComplete();
        return code == 0
            ? MoveLoop.Describe(cluster, pace)
            : throw new CaseFailedException($"gtlsclient ended with exit code {code}: {Child.LastLine(client.Errors)}");
    }

    /// <summary>curl uploads from a pipe; the answer names the length and the hash of what was sent.</summary>
    public static async Task<string> UploadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        Curl client = Curl.Start(context, curl, cluster.Url("/sha256"), "--upload-file", "-");
        Pace pace = new(UploadSize, MoveLoop.Moves, MoveLoop.Between(cluster, "a", "b", MaximumUploadState));
        string digest = await PacedStreams.WriteAsync(client.Child.Input, UploadSize, pace, context.Cancellation);
        string answer = await client.Child.OutputLines.ReadToEndAsync(context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        pace.MustBeComplete();
        return answer == $"{UploadSize} {digest}\n"
            ? MoveLoop.Describe(cluster, pace)
            : throw new CaseFailedException($"the answer is '{answer.TrimEnd()}', not '{UploadSize} {digest}'");
    }

    /// <summary>curl sends and receives at the same time: each byte comes back plus one.</summary>
    public static async Task<string> EchoAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        // "." reads standard input without blocking: with "-" curl would not read the answer while it waits for input.
        Curl client = Curl.Start(context, curl, cluster.Url("/echo"), "--upload-file", ".", "--request", "POST");
        Pace pace = new(EchoSize, MoveLoop.Moves, MoveLoop.Between(cluster, "a", "b"));
        Task<string> reading = PacedStreams.ReadAsync(client.Child.Output, EchoSize, pace: null, context.Cancellation, added: 1);
        Task<string> writing = PacedStreams.WriteAsync(client.Child.Input, EchoSize, pace, context.Cancellation);
        Task first = await Task.WhenAny(reading, writing);
        // An answer that ends early says more than the broken pipe that follows it.
        await first;
        await writing;
        await reading;
        await client.MustEndWellAsync(context.Cancellation);
        pace.MustBeComplete();
        return MoveLoop.Describe(cluster, pace);
    }

    private static async Task<string> DownloadAsync(CaseContext context, Peer curl, Cluster cluster)
    {
        string headers = Path.Combine(cluster.Directory, "headers");
        Curl client = Curl.Start(context, curl, cluster.Url($"/bytes/{DownloadSize}"), "--dump-header", headers);
        Pace pace = new(DownloadSize, MoveLoop.Moves, MoveLoop.Between(cluster, "a", "b"));
        string digest = await PacedStreams.ReadAsync(client.Child.Output, DownloadSize, pace, context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        pace.MustBeComplete();
        string etag = $"etag: \"{digest}\"";
        if (!(await File.ReadAllLinesAsync(headers)).Contains(etag, StringComparer.OrdinalIgnoreCase))
        {
            throw new CaseFailedException($"the answer's headers lack {etag}");
        }

        return MoveLoop.Describe(cluster, pace);
    }
}
