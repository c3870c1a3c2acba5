using Interop.Peers;

namespace Interop.Cases;

/// <summary>Every case, by name.</summary>
internal static class Catalogue
{
    private static readonly TimeSpan s_transfer = TimeSpan.FromMinutes(2);

    /// <summary>The cases of the gate.</summary>
    public static IReadOnlyList<InteropCase> Quick { get; } =
    [
        .. ForBothCurls("download", Transfers.DownloadAsync),
        new("download-gtlsclient", s_transfer, Transfers.DownloadByGtlsAsync),
        .. ForBothCurls("upload", Transfers.UploadAsync),
        .. ForBothCurls("echo", Transfers.EchoAsync),
        .. ForBothCurls("counter", Counter.RunAsync),
        .. ForBothCurls("sigkill", Faults.KillSourceAsync),
        new("failed-moves", TimeSpan.FromMinutes(3), c => Faults.FailedMovesAsync(c, c.Peers.CurlNgtcp2)),
        new("wrong-usage", TimeSpan.FromMinutes(3), WrongInput.UsageAsync),
        new("wrong-input", TimeSpan.FromMinutes(3), WrongInput.InputAsync),
        new("page-chromium", TimeSpan.FromMinutes(6), Chromium.RunAsync),
        new("packages", TimeSpan.FromMinutes(6), Packages.RunAsync),
    ];

    private static InteropCase[] ForBothCurls(string name, Func<CaseContext, Peer, Task<string>> run) =>
    [
        new($"{name}-curl-openssl", s_transfer, c => run(c, c.Peers.CurlOpenSsl)),
        new($"{name}-curl-ngtcp2", s_transfer, c => run(c, c.Peers.CurlNgtcp2)),
    ];
}
