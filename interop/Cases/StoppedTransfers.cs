using System.Globalization;
using Interop.Content;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>One download or upload with stops at which something is done to the federation; all bytes must be right, on one connection.</summary>
internal static class StoppedTransfers
{
    /// <summary>A node starts within this many slow steps, so that bytes flow while it does.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    public static async Task<string> DownloadAsync(CaseContext context, Peer curl, Cluster cluster, long size, int stops, Func<int, Task> action, TimeSpan? pause = null)
    {
        Curl client = Curl.Start(context, curl, cluster.Url($"/bytes/{size}"));
        Pace pace = new(size, stops, action, pause ?? s_pause);
        await PacedStreams.ReadAsync(client.Child.Output, size, pace, context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        return Describe(pace);
    }

    public static async Task<string> UploadAsync(CaseContext context, Peer curl, Cluster cluster, long size, int stops, Func<int, Task> action, TimeSpan? pause = null)
    {
        Curl client = Curl.Start(context, curl, cluster.Url("/sha256"), "--upload-file", "-");
        Pace pace = new(size, stops, action, pause ?? s_pause);
        string digest = await PacedStreams.WriteAsync(client.Child.Input, size, pace, context.Cancellation);
        string answer = await client.Child.OutputLines.ReadToEndAsync(context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        return answer == $"{size} {digest}\n"
            ? Describe(pace)
            : throw new CaseFailedException($"the answer is '{answer.TrimEnd()}', not '{size} {digest}'");
    }

    private static string Describe(Pace pace)
    {
        pace.MustBeComplete();
        return string.Create(CultureInfo.InvariantCulture, $"{pace.DoneAt.Count} stops, the last at MB {pace.DoneAt[^1] / 1_000_000}");
    }
}
