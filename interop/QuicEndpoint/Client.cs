using System.Net;
using System.Net.Sockets;

namespace QuicEndpoint;

/// <summary>Fetches what it is told to, over as many connections as the test case wants.</summary>
internal static class Client
{
    /// <summary>Handshakes at a time where each request has a connection of its own.</summary>
    private const int MaxConnections = 5;

    public static async Task RunAsync(Contract contract, TestCase testCase)
    {
        if (contract.Requests.Count == 0)
        {
            throw new ContractException("REQUESTS is empty: give at least one URL");
        }

        Uri first = contract.Requests[0];
        if (contract.Requests.Any(url => url.Authority != first.Authority))
        {
            throw new ContractException("REQUESTS names more than one server: give URLs of one");
        }

        IPEndPoint remote = await ResolveAsync(first);
        if (testCase.Plan == ClientPlan.ProbeVersions)
        {
            await VersionProbe.RunAsync(remote);
            return;
        }

        Directory.CreateDirectory(contract.Downloads);
        DownloadFolder downloads = new(contract.Downloads);
        await using ClientHost host = new(contract, testCase, remote, first.IdnHost);
        if (testCase.Plan == ClientPlan.OneConnection)
        {
            await FetchAsync(host, contract.Requests, downloads);
        }
        else if (testCase.Plan is ClientPlan.Resume or ClientPlan.ResumeEarly)
        {
            await FetchAsync(host, [.. contract.Requests.Take(1)], downloads, _ => host.HasTicketAsync());
            await FetchAsync(host, [.. contract.Requests.Skip(1)], downloads, host.MustHaveResumedAsync);
        }
        else
        {
            ParallelOptions few = new() { MaxDegreeOfParallelism = MaxConnections };
            await Parallel.ForEachAsync(contract.Requests, few, async (url, _) => await FetchAsync(host, [url], downloads));
        }
    }

    private static async Task FetchAsync(ClientHost host, IReadOnlyList<Uri> urls, DownloadFolder downloads, Func<IFetcher, Task>? atEnd = null)
    {
        await using IFetcher fetcher = await host.ConnectAsync(urls);
        Task fetches = Parallel.ForEachAsync(
            urls, new ParallelOptions { MaxDegreeOfParallelism = 100 }, async (url, _) => await downloads.StoreAsync(url, file => fetcher.FetchAsync(url, file)));
        await host.DuringAsync(fetcher, fetches);
        await (atEnd?.Invoke(fetcher) ?? Task.CompletedTask);
    }

    private static async Task<IPEndPoint> ResolveAsync(Uri url)
    {
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(url.IdnHost);
        return addresses.Length > 0 ? new(addresses[0], url.Port) : throw new SocketException((int)SocketError.HostNotFound);
    }
}
