using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Tls;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>A client's socket, and what its test case does to a connection besides fetching.</summary>
internal sealed class ClientHost : IAsyncDisposable
{
    /// <summary>Below the runner's files of a megabyte and more, so that both windows must move.</summary>
    private const ulong StreamWindow = 128 * 1024;
    private const ulong ConnectionWindow = 512 * 1024;

    private static readonly TimeSpan s_ticketLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(2);

    private readonly TestCase _testCase;
    private readonly Host _host;
    private readonly UdpAddress _remote;
    private readonly TlsClientOptions _tls;
    private readonly UdpAddress _first;

    public ClientHost(Contract contract, TestCase testCase, IPEndPoint remote, string serverName)
    {
        _testCase = testCase;
        _remote = UdpAddress.FromEndPoint(remote);
        _tls = new() { AlpnProtocols = [testCase.Http3 ? Protocol.Http3 : Protocol.Hq], ServerName = serverName, Suites = Protocol.Suites(testCase), SendsEarlyData = testCase.Plan == ClientPlan.ResumeEarly };
        ConnectionOptions options = Protocol.Options(contract, testCase);
        options = options with { Streams = options.Streams with { StreamWindow = StreamWindow, ConnectionWindow = ConnectionWindow } };
        IPAddress any = remote.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
#pragma warning disable CA5359 // The runner makes a new authority for every case and names none of it to the client: nothing could be validated.
        HostCrypto crypto = new(new() { RemoteCertificateValidation = (_, _, _, _) => true });
#pragma warning restore CA5359
        _host = new(UdpAddress.FromEndPoint(new(any, 0)), options, null, retry: false, crypto, (_, _) => throw new InvalidOperationException("a client accepts nobody"));
        _first = _host.Shard.Channel.Local;
    }

    /// <summary>A new connection, once its handshake is complete.</summary>
    /// <param name="urls">What will be fetched over it.</param>
    /// <exception cref="IOException">It failed.</exception>
    public async Task<IFetcher> ConnectAsync(IReadOnlyList<Uri> urls)
    {
        IFetcher fetcher = _testCase.Http3
            ? await Http3Fetcher.ConnectAsync(_host, _tls, _remote)
            : await HqFetcher.ConnectAsync(_host, _tls, _remote, _tls.SendsEarlyData ? urls : []);
        bool sawRetry = await _host.RunAsync(_ => fetcher.Connection.PeerParameters?.RetrySourceConnectionId is not null);
        if (_testCase.PreferredVersion is uint version && await _host.RunAsync(_ => fetcher.Connection.Version) != version)
        {
            throw new ContractException("the server did not change to QUIC version 2");
        }

        return _testCase.Retry && !sawRetry ? throw new ContractException("the server sent no Retry") : fetcher;
    }

    /// <summary>Waits for the fetches, and does meanwhile what the test case is about.</summary>
    public async Task DuringAsync(IFetcher fetcher, Task fetches)
    {
        if (_testCase.KeyUpdate)
        {
            await UpdateKeysAsync(fetcher, fetches);
        }

        if (_testCase.Migrates && fetcher.Connection.PeerParameters?.PreferredAddress is null)
        {
            await MoveAsync(fetcher, fetches);
        }

        await fetches;
        if (_testCase.Migrates && await _host.RunAsync(_ => fetcher.Connection.Path is NetworkPath path && path.Remote == _remote && path.Local.Port == _first.Port))
        {
            throw new ContractException("the connection did not move");
        }

        if (_testCase.KeyUpdate && await _host.RunAsync(_ => fetcher.Connection.Parts.Keys?.ReadGeneration ?? 0) == 0)
        {
            throw new ContractException("the server did not follow the key update");
        }
    }

    /// <summary>Waits until the server has given a ticket.</summary>
    /// <exception cref="ContractException">It gives none.</exception>
    public async Task HasTicketAsync()
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (await _host.RunAsync(_ => _host.Tickets.Servers) == 0)
        {
            if (watch.Elapsed > s_ticketLimit)
            {
                throw new ContractException("the server gave no session ticket");
            }

            await Task.Delay(s_poll);
        }
    }

    /// <summary>The connection that is open resumed a session, and its first requests went in 0-RTT if they should.</summary>
    /// <exception cref="ContractException">It did not, or they did not.</exception>
    public async Task MustHaveResumedAsync(IFetcher fetcher)
    {
        (bool isResumed, EarlyDataState early) = await _host.RunAsync(_ => (fetcher.Connection.Session?.IsResumed == true, fetcher.Connection.EarlyData));
        if (!isResumed)
        {
            throw new ContractException("the server did not resume the session");
        }

        if (_testCase.Plan == ClientPlan.ResumeEarly && early != EarlyDataState.Accepted)
        {
            throw new ContractException($"0-RTT was not accepted ({early})");
        }
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    /// <summary>A move needs a confirmed handshake and a spare ID of the server's: it is tried until it is permitted.</summary>
    private static async Task MoveAsync(IFetcher fetcher, Task fetches)
    {
        while (!fetches.IsCompleted)
        {
            if (await fetcher.TryMoveAsync() is Task move)
            {
                await move;
                return;
            }

            await Task.Delay(s_poll);
        }
    }

    /// <summary>An update needs an acknowledged packet first (RFC 9001, section 6.1): it is tried until it is permitted.</summary>
    private async Task UpdateKeysAsync(IFetcher fetcher, Task fetches)
    {
        while (!fetches.IsCompleted)
        {
            if (await _host.RunAsync(_ => fetcher.Connection.Parts is { Keys: OneRttKeys keys, Identity.IsConfirmed: true } && keys.TryInitiateUpdate()))
            {
                return;
            }

            await Task.Delay(s_poll);
        }
    }
}
