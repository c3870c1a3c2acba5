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
        new("takeover-download-curl-openssl", s_transfer, c => Restarts.TakeOverDownloadAsync(c, c.Peers.CurlOpenSsl)),
        new("takeover-upload-curl-ngtcp2", s_transfer, c => Restarts.TakeOverUploadAsync(c, c.Peers.CurlNgtcp2)),
        new("drain-download-curl-ngtcp2", s_transfer, c => Restarts.DrainDownloadAsync(c, c.Peers.CurlNgtcp2)),
        new("relay-upload-curl-openssl", s_transfer, c => Relay.UploadAsync(c, c.Peers.CurlOpenSsl)),
        new("ingress-killed-download-curl-openssl", s_transfer, c => IngressRestarts.KillDownloadAsync(c, c.Peers.CurlOpenSsl)),
        new("tether-download-curl-openssl", s_transfer, c => Tethers.DownloadAsync(c, c.Peers.CurlOpenSsl)),
        new("rollback-curl-ngtcp2", s_transfer, c => RollBacks.RunAsync(c, c.Peers.CurlNgtcp2)),
        new("crowd20", s_transfer, c => Crowd.RunAsync(c, c.Peers.CurlNgtcp2, 20)),
        new("web-lean-curl-ngtcp2", s_transfer, c => WebRequests.RunLeanAsync(c, c.Peers.CurlNgtcp2)),
        new("wrong-usage", TimeSpan.FromMinutes(3), WrongInput.UsageAsync),
        new("wrong-input", TimeSpan.FromMinutes(3), WrongInput.InputAsync),
        new("packages", TimeSpan.FromMinutes(6), Packages.RunAsync),
    ];

    /// <summary>All moves but the long ones: what <see cref="Quick"/> has, and the rest of the combinations.</summary>
    public static IReadOnlyList<InteropCase> Moves { get; } = Distinct(
    [
        .. Quick,
        .. ForBothCurls("tether-download", Tethers.DownloadAsync),
        .. ForBothCurls("tether-upload", Tethers.UploadAsync),
        .. ForBothCurls("rollback", RollBacks.RunAsync),
        .. ForBothCurls("takeover-download", Restarts.TakeOverDownloadAsync),
        .. ForBothCurls("takeover-upload", Restarts.TakeOverUploadAsync),
        .. ForBothCurls("drain-download", Restarts.DrainDownloadAsync),
        .. ForBothCurls("drain-upload", Restarts.DrainUploadAsync),
        .. ForBothCurls("relay-download", Relay.DownloadAsync),
        .. ForBothCurls("relay-upload", Relay.UploadAsync),
        .. ForBothCurls("ingress-killed-download", IngressRestarts.KillDownloadAsync),
        .. ForBothCurls("ingress-killed-upload", IngressRestarts.KillUploadAsync),
        .. ForBothCurls("ingress-terminated", IngressRestarts.TerminateAsync),
        .. ForBothCurls("web", WebRequests.RunAsync, TimeSpan.FromMinutes(4)),
        new("get-nginx", s_transfer, Gets.FromNginxAsync),
        new("get-caddy", s_transfer, Gets.FromCaddyAsync),
        new("get-kestrel", s_transfer, Gets.FromKestrelAsync),
        new("app-restarts-curl-ngtcp2", s_transfer, c => AppRestarts.RunAsync(c, c.Peers.CurlNgtcp2)),
        new("app-hangs-curl-ngtcp2", s_transfer, c => AppRestarts.HangAsync(c, c.Peers.CurlNgtcp2)),
        new("get-lean", s_transfer, Gets.FromLeanAsync),
        new("page-chromium", TimeSpan.FromMinutes(6), Chromium.MoveAsync),
        new("page-takeover-chromium", TimeSpan.FromMinutes(6), Chromium.TakeOverAsync),
        .. ForBothCurls("etcd-download", OnEtcd.DownloadAsync, TimeSpan.FromMinutes(4)),
        .. ForBothCurls("etcd-ingress-killed", OnEtcd.ReplaceIngressAsync, TimeSpan.FromMinutes(4)),
        new("trust", TimeSpan.FromMinutes(3), c => Trust.RunAsync(c, c.Peers.CurlNgtcp2)),
        new("secrets", TimeSpan.FromMinutes(3), c => Secrets.RunAsync(c, c.Peers.CurlOpenSsl)),
        new("download-ipv6", s_transfer, c => Transfers.DownloadV6Async(c, c.Peers.CurlOpenSsl)),
        new("disk-full", s_transfer, c => FullDisk.RunAsync(c, c.Peers.CurlNgtcp2)),
        new("drain-timeout", s_transfer, Restarts.DrainTimeoutAsync),
        new("drain-alone", s_transfer, Restarts.DrainAloneAsync),
        new("demos", TimeSpan.FromMinutes(5), Demos.RunAsync),
        new("impatient", s_transfer, Restarts.ImpatientAsync),
    ]);

    /// <summary>Those that take many minutes, by name only.</summary>
    public static IReadOnlyList<InteropCase> Long { get; } =
    [
        new("crowd200", TimeSpan.FromMinutes(10), c => Crowd.RunAsync(c, c.Peers.CurlNgtcp2, 200)),
        .. ForBothCurls("thousand-download", Thousand.DownloadAsync, TimeSpan.FromHours(1)),
        .. ForBothCurls("thousand-upload", Thousand.UploadAsync, TimeSpan.FromHours(1)),
        .. CrashTable.Cells.Select(cell => new InteropCase(cell.Name, s_transfer, c => Crashes.RunAsync(c, cell))),
    ];

    private static InteropCase[] Distinct(IEnumerable<InteropCase> cases) => [.. cases.DistinctBy(c => c.Name)];

    private static InteropCase[] ForBothCurls(string name, Func<CaseContext, Peer, Task<string>> run, TimeSpan? limit = null) =>
    [
        new($"{name}-curl-openssl", limit ?? s_transfer, c => run(c, c.Peers.CurlOpenSsl)),
        new($"{name}-curl-ngtcp2", limit ?? s_transfer, c => run(c, c.Peers.CurlNgtcp2)),
    ];
}
