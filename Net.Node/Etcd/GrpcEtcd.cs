using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Etcdserverpb;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Mvccpb;

namespace Net.Node.Etcd;

/// <summary>An etcd cluster over gRPC. A call goes to the member that answered last, and from one that does not to the next.</summary>
/// <remarks>
/// Trying another member repeats a call whose first copy may have been carried out. That is harmless here: conditions name revisions, so a
/// transaction happens once, and whoever repeats one sees in what it reads whether it was his.
/// </remarks>
internal sealed class GrpcEtcd : IEtcd
{
    /// <summary>For one member to answer: longer than an election usually takes to begin, shorter than anybody's patience with three of them.</summary>
    private static readonly TimeSpan s_attempt = TimeSpan.FromMilliseconds(800);

    /// <summary>For all attempts at one call: an election among the others may be under way.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2.5);

    /// <summary>The same while nobody has answered yet: a process that has just begun on a busy machine is slow itself.</summary>
    private static readonly TimeSpan s_firstAttempt = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan s_firstPatience = TimeSpan.FromSeconds(9);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>A member that has lost the others says so, and ends a watch, instead of saying nothing.</summary>
    private static readonly Metadata s_needsLeader = new() { { "hasleader", "true" } };

    private readonly EtcdAddress _address;
    private readonly GrpcChannel[] _channels;
    private int _preferred;
    private volatile bool _hasAnswered;

    /// <param name="address">Where.</param>
    /// <param name="trusted">Issuers of the members' certificates; null: the system's.</param>
    /// <param name="own">Shown to them, with its key; null: none.</param>
    public GrpcEtcd(EtcdAddress address, X509Certificate2Collection? trusted = null, X509Certificate2? own = null)
    {
        _address = address;
        _channels = [.. address.Endpoints.Select(endpoint => GrpcChannel.ForAddress(
            $"{(address.IsSecure ? "https" : "http")}://{endpoint}", new() { HttpHandler = Handler(trusted, own), DisposeHttpClient = true }))];
    }

    public Task<EtcdSnapshot> ListAsync(string prefix, CancellationToken cancellationToken) => TryAsync(async (channel, options) =>
    {
        RangeRequest request = new() { Key = ByteString.CopyFromUtf8(prefix), RangeEnd = EndOf(prefix) };
        RangeResponse response = await new KV.KVClient(channel).RangeAsync(request, options).ConfigureAwait(false);
        return new EtcdSnapshot(response.Header.Revision, [.. response.Kvs.Select(Entry)]);
    }, cancellationToken);

    public Task<EtcdOutcome> TransactAsync(EtcdTransaction transaction, CancellationToken cancellationToken)
    {
        TxnRequest request = new();
        request.Compare.AddRange(transaction.If.Select(condition => new Compare
        {
            Key = ByteString.CopyFromUtf8(condition.Key),
            Target = Compare.Types.CompareTarget.Mod,
            Result = Compare.Types.CompareResult.Equal,
            ModRevision = condition.Revision,
        }));
        request.Success.AddRange(transaction.Then.Select(Write));
        IEnumerable<RequestOp> reads = transaction.Read.Select(key => new RequestOp { RequestRange = new() { Key = ByteString.CopyFromUtf8(key) } });
        (transaction.If.Count > 0 ? request.Failure : request.Success).AddRange(reads);
        return TryAsync(async (channel, options) =>
        {
            TxnResponse response = await new KV.KVClient(channel).TxnAsync(request, options).ConfigureAwait(false);
            bool wasRead = !response.Succeeded || transaction.If.Count == 0;
            return new EtcdOutcome(response.Succeeded, response.Header.Revision, wasRead ? [.. transaction.Read.Select((key, i) =>
            {
                RangeResponse range = response.Responses[i + (response.Succeeded ? transaction.Then.Count : 0)].ResponseRange;
                return range.Kvs.Count > 0 ? Entry(range.Kvs[0]) : new EtcdEntry(key, null, 0);
            })] : []);
        }, cancellationToken);
    }

    public Task<long> GrantAsync(TimeSpan life, CancellationToken cancellationToken) => TryAsync(async (channel, options) =>
        (await new Lease.LeaseClient(channel).LeaseGrantAsync(new() { TTL = (long)life.TotalSeconds }, options).ConfigureAwait(false)).ID, cancellationToken);

    public Task<bool> KeepAliveAsync(long lease, CancellationToken cancellationToken) => TryAsync(async (channel, options) =>
    {
        using AsyncDuplexStreamingCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call = new Lease.LeaseClient(channel).LeaseKeepAlive(options);
        await call.RequestStream.WriteAsync(new() { ID = lease }).ConfigureAwait(false);
        bool isAlive = await call.ResponseStream.MoveNext(options.CancellationToken).ConfigureAwait(false) && call.ResponseStream.Current.TTL > 0;
        await call.RequestStream.CompleteAsync().ConfigureAwait(false);
        return isAlive;
    }, cancellationToken);

    public Task RevokeAsync(long lease, CancellationToken cancellationToken) => TryAsync(async (channel, options) =>
    {
        try
        {
            _ = await new Lease.LeaseClient(channel).LeaseRevokeAsync(new() { ID = lease }, options).ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.NotFound)
        {
            // It has ended by itself.
        }

        return true;
    }, cancellationToken);

    public async Task WatchAsync(string prefix, long fromRevision, Action<IReadOnlyList<EtcdEntry>> changed, CancellationToken cancellationToken)
    {
        int at = Volatile.Read(ref _preferred);
        try
        {
            using AsyncDuplexStreamingCall<WatchRequest, WatchResponse> call =
                new Watch.WatchClient(_channels[at]).Watch(s_needsLeader, cancellationToken: cancellationToken);
            WatchCreateRequest create = new() { Key = ByteString.CopyFromUtf8(prefix), RangeEnd = EndOf(prefix), StartRevision = fromRevision };
            await call.RequestStream.WriteAsync(new() { CreateRequest = create }, cancellationToken).ConfigureAwait(false);
            while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
            {
                WatchResponse response = call.ResponseStream.Current;
                if (response.Canceled)
                {
                    throw new EtcdException($"{_address} ended a watch ({response.CancelReason})");
                }

                if (response.Events.Count > 0)
                {
                    changed([.. response.Events.Select(e => e.Type == Event.Types.EventType.Put
                        ? Entry(e.Kv) : new EtcdEntry(e.Kv.Key.ToStringUtf8(), null, e.Kv.ModRevision))]);
                }
            }
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            _ = Interlocked.CompareExchange(ref _preferred, (at + 1) % _channels.Length, at);
            throw new EtcdException(Describe(e), e);
        }

        cancellationToken.ThrowIfCancellationRequested();
        throw new EtcdException($"{_address} ended a watch");
    }

    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
        {
            channel.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private async Task<T> TryAsync<T>(Func<GrpcChannel, CallOptions, Task<T>> call, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_hasAnswered ? s_patience : s_firstPatience);
        RpcException? last = null;
        for (int failures = 0; ; failures++)
        {
            int at = Volatile.Read(ref _preferred);
            try
            {
                CallOptions options = new(s_needsLeader, DateTime.UtcNow + (_hasAnswered ? s_attempt : s_firstAttempt), patience.Token);
                T answer = await call(_channels[at], options).ConfigureAwait(false);
                _hasAnswered = true;
                return answer;
            }
            catch (RpcException e) when (IsSilence(e) && !cancellationToken.IsCancellationRequested)
            {
                last = patience.IsCancellationRequested ? last ?? e : e;
                _ = Interlocked.CompareExchange(ref _preferred, (at + 1) % _channels.Length, at);
            }
            catch (RpcException e)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new EtcdException(Describe(e), e);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The time is over; said below.
            }

            if (patience.IsCancellationRequested)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new EtcdException(Describe(last), last!);
            }

            if (failures % _channels.Length == _channels.Length - 1)
            {
                // All of them: an election takes a moment.
                await Task.Delay(s_pause, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Another member may do better.</summary>
    private static bool IsSilence(RpcException e) => e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled
        or StatusCode.Internal or StatusCode.Unknown or StatusCode.Aborted or StatusCode.ResourceExhausted;

    private string Describe(RpcException? e) => e is null or { StatusCode: StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled }
        ? $"{_address} does not answer"
        : $"{_address} does not do what it is asked for ({e.Status.Detail.ReplaceLineEndings(" ")})";

    private static SocketsHttpHandler Handler(X509Certificate2Collection? trusted, X509Certificate2? own)
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectTimeout = s_firstAttempt,
            EnableMultipleHttp2Connections = true,
            // A member that hangs ends a watch as well as one that dies.
            KeepAlivePingDelay = TimeSpan.FromSeconds(2),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(2),
        };
        if (own is not null)
        {
            handler.SslOptions.ClientCertificates = [own];
        }

        if (trusted is not null)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(trusted);
            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return handler;
    }

    private static EtcdEntry Entry(KeyValue pair) => new(pair.Key.ToStringUtf8(), pair.Value.Memory, pair.ModRevision);

    private static RequestOp Write(EtcdWrite write)
    {
        ByteString key = ByteString.CopyFromUtf8(write.Key);
        return write.Value is ReadOnlyMemory<byte> value
            ? new() { RequestPut = new() { Key = key, Value = ByteString.CopyFrom(value.Span), Lease = write.Lease } }
            : new() { RequestDeleteRange = new() { Key = key } };
    }

    /// <summary>The first key behind all that begin with the prefix, which ends with a slash.</summary>
    private static ByteString EndOf(string prefix) => ByteString.CopyFromUtf8(prefix[..^1] + (char)(prefix[^1] + 1));
}
