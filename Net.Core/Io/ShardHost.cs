using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>A shard with its thread and socket, shared by those who use it and ended by the last of them.</summary>
internal sealed class ShardHost
{
    /// <summary>Handshakes under way from which on a server's clients must show where they are (RFC 9000, section 8.1; checklist S25).</summary>
    public const int DefaultRetryAbove = 100;

    private const uint OnlyShard = 1;

    private readonly ShardThread _thread;
    private readonly SslHost _crypto;
    private int _users = 1;

    /// <param name="address">Bound before this returns.</param>
    /// <param name="connectionOptions">For all connections.</param>
    /// <param name="server">Null: only connects.</param>
    /// <param name="crypto">Disposed together with the shard.</param>
    /// <param name="accept">Gives a client's connection its owner, on the shard's thread; may be called before this constructor returns.</param>
    /// <param name="configure">Changes the endpoint's options; null for none.</param>
    /// <param name="retryAbove">See <see cref="EndpointOptions.RetryAbove"/>.</param>
    /// <param name="resetKey">32 bytes for stateless resets that a later process can send too; empty for those of this process alone.</param>
    /// <param name="alsoAt">A second address to bind.</param>
    /// <param name="network">Null: the system's.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public ShardHost(
        UdpAddress address,
        ConnectionOptions connectionOptions,
        TlsServerOptions? server,
        SslHost crypto,
        Func<ShardHost, Connection, IConnectionOwner> accept,
        Func<EndpointOptions, EndpointOptions>? configure = null,
        int? retryAbove = DefaultRetryAbove,
        ReadOnlyMemory<byte> resetKey = default,
        UdpAddress? alsoAt = null,
        QuicMemoryNetwork? network = null)
    {
        _crypto = crypto;
        EndpointOptions options = new()
        {
            Connection = HostDiagnostics.WithEnvironment(connectionOptions),
            Server = server,
            // No other process ever derives these connections' IDs.
            Keys = [new ConnectionKeys(0, 0, RandomNumberGenerator.GetBytes(32), resetKey.IsEmpty ? RandomNumberGenerator.GetBytes(32) : resetKey)],
            DefaultShard = OnlyShard,
            RetryAbove = retryAbove,
            Tokens = SharedTokens.Instance,
        };
        PathSockets? channel = null;
        try
        {
            channel = new(PathSockets.Bind(address, network, new() { HearsRefusals = server is null }), network);
            if (alsoAt is UdpAddress second)
            {
                channel.Add(channel.Bind(second));
            }
        }
        catch
        {
            channel?.Dispose();
            crypto.Dispose();
            throw;
        }

        // All connections of the port are here, and none ever leaves: an ID that leads nowhere is one of a connection that is over.
        // Tickets are sealed under a key that is derived from that of resets: what an earlier process was given may have been accepted there.
        Endpoint endpoint = new(configure?.Invoke(options) ?? options, crypto)
        {
            AnswersUnknown = server is not null,
            EarlyData = resetKey.IsEmpty ? new(since: long.MinValue) : EarlyDataLedger.AfterLoss(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
        };
        Shard = new(endpoint, channel, crypto, connection => accept(this, connection), new()
        {
            OffloadCrypto = true,
            WallClock = static () => DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
        });
        _thread = new(Shard, $"quic {Shard.Channel.Local}");
        _thread.Start();
        _ = EndAsync();
    }

    public Shard Shard { get; }

    /// <summary>Ends when thread and socket are gone.</summary>
    public Task Completion => _thread.Completion;

    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One user less. The last one may be on the shard's thread: nothing is waited for.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _thread.RequestStop();
        }
    }

    private async Task EndAsync()
    {
        // A thread that died of a fault has told its connections already.
        await _thread.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _crypto.Dispose();
    }
}
