using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Wire;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Tests.Node.Commands;

/// <summary>A network of answers.</summary>
internal sealed class FakeRuntime : ICommandRuntime, IControlConnection, IHttpConnection
{
    public Func<CancellationToken, Task> Connect { get; set; } = _ => Task.CompletedTask;

    public Func<CancellationToken, Task<MigrateReport>> Migrate { get; set; } = _ => throw new InvalidOperationException();

    public StatusReplyMessage? Status { get; set; }

    public Func<CommandOutput, INodeEvents, CancellationToken, Task> Node { get; set; } = (_, _, _) => Task.CompletedTask;

    public Func<Action<UdpAddress, UdpAddress>, CancellationToken, Task> Ingress { get; set; } = (_, _) => Task.CompletedTask;

    public bool Distrusts { get; set; }

    public (int Status, byte[] Body, long Length) Response { get; set; } = (200, [], -1);

    public NodeSetup? NodeSetup { get; private set; }

    public IngressSetup? IngressSetup { get; private set; }

    public HttpTarget? Target { get; private set; }

    public string? Requested { get; private set; }

    public X509Certificate2Collection? TrustedRoots { get; private set; }

    public bool IsInsecure { get; private set; }

    /// <summary>Something else than the fake to send the requests of `get`.</summary>
    public Func<HttpMessageHandler>? NewHandler { get; set; }

    /// <summary>Answers the requests of `get`; by default with <see cref="Response"/>.</summary>
    public Func<HttpRequestMessage, Task<HttpResponseMessage>>? Answer { get; set; }

    public Task RunIngressAsync(IngressSetup setup, Action<UdpAddress, UdpAddress> ready, CommandOutput output, CancellationToken cancellationToken)
    {
        IngressSetup = setup;
        return Ingress(ready, cancellationToken);
    }

    public Task RunNodeAsync(NodeSetup setup, INodeEvents events, CommandOutput output, CancellationToken cancellationToken)
    {
        NodeSetup = setup;
        return Node(output, events, cancellationToken);
    }

    public async Task<IControlConnection> ConnectAsync(UdpAddress join, MemberCredentials member, CancellationToken cancellationToken)
    {
        await Connect(cancellationToken);
        return this;
    }

    public Task<IHttpConnection> OpenAsync(HttpTarget target, CancellationToken cancellationToken)
    {
        Target = target;
        return Distrusts && !target.Insecure ? throw new AuthenticationException("unknown authority.") : Task.FromResult<IHttpConnection>(this);
    }

    public HttpMessageHandler CreateHandler(X509Certificate2Collection trustedRoots, bool insecure, Action<TimeSpan> connected)
    {
        (TrustedRoots, IsInsecure) = (trustedRoots, insecure);
        return NewHandler?.Invoke() ?? new FakeHandler(this, connected);
    }

    public Task<StatusReplyMessage> StatusAsync(CancellationToken cancellationToken) => Task.FromResult(Status!);

    public Task<MigrateReport> MigrateAsync(string component, string to, TimeSpan timeout, CancellationToken cancellationToken) => Migrate(cancellationToken);

    public Func<Task<DrainReport>> Drain { get; set; } = () => throw new InvalidOperationException();

    public Task<DrainReport> DrainAsync(string node, TimeSpan timeout, bool cancel, CancellationToken cancellationToken) => Drain();

    public Func<CheckpointAction, ulong, CancellationToken, Task<CheckpointReport>> Checkpoint { get; set; } = (_, _, _) => throw new InvalidOperationException();

    public Task<CheckpointReport> CheckpointAsync(string component, CheckpointAction action, ulong number, TimeSpan timeout, CancellationToken cancellationToken) =>
        Checkpoint(action, number, cancellationToken);

    public Task<IHttpResponse> PutAsync(string authority, string pathAndQuery, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        GetAsync(authority, pathAndQuery, cancellationToken);

    public Task<IHttpResponse> GetAsync(string authority, string pathAndQuery, CancellationToken cancellationToken)
    {
        Requested = $"{authority} {pathAndQuery}";
        return Task.FromResult<IHttpResponse>(new FakeResponse(Response.Status, Response.Body, Response.Length));
    }

    public ValueTask DisposeAsync() => default;

    private sealed class FakeHandler(FakeRuntime runtime, Action<TimeSpan> connected) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            runtime.Requested = $"{request.Method} {request.RequestUri!.AbsoluteUri}";
            if (runtime.Distrusts && !runtime.IsInsecure)
            {
                throw new HttpRequestException(HttpRequestError.SecureConnectionError, "no", new AuthenticationException("unknown authority."));
            }

            connected(TimeSpan.FromMilliseconds(5));
            if (runtime.Answer is not null)
            {
                HttpResponseMessage answer = await runtime.Answer(request);
                answer.RequestMessage ??= request;
                return answer;
            }

            (int status, byte[] body, long length) = runtime.Response;
            HttpResponseMessage response = new((System.Net.HttpStatusCode)status) { Content = new ByteArrayContent(body), RequestMessage = request };
            response.Content.Headers.ContentLength = length >= 0 ? length : null;
            return response;
        }
    }

    private sealed class FakeResponse(int status, byte[] body, long length) : IHttpResponse
    {
        private int _offset;

        public int Status => status;

        public long ContentLength => length;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            int count = Math.Min(Math.Min(buffer.Length, 7), body.Length - _offset);
            body.AsMemory(_offset, count).CopyTo(buffer);
            _offset += count;
            return new(count);
        }

        public ValueTask DisposeAsync() => default;
    }
}
