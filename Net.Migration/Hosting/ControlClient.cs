using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A command's link to an ingress: it asks, and is not a member. One call at a time; a call that was cancelled ends the use of this object.</summary>
internal sealed class ControlClient : IAsyncDisposable
{
    /// <summary>Beyond a move's own time: for the answer's way, and for the ingress to say that none came.</summary>
    public static readonly TimeSpan AnswerGrace = TimeSpan.FromSeconds(5);

    private readonly MessageLink _link;
    private readonly Lock _lock = new();
    private TaskCompletionSource<LinkMessage>? _waiting;
    private bool _isLost;
    private ulong _lastId;

    private ControlClient(QuicConnection connection, QuicStream stream)
    {
        _link = new(connection, stream, (_, message) => OnMessage(message), _ => OnLost());
        _link.Start();
    }

    /// <param name="control">The ingress's control address.</param>
    /// <param name="certificate">Any certificate of the federation, with its key.</param>
    /// <param name="roots">Whose certificates are the federation's.</param>
    /// <exception cref="IOException">Nobody answers there, or not one of our federation.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<ControlClient> ConnectAsync(
        IPEndPoint control, X509Certificate2 certificate, X509Certificate2Collection roots, CancellationToken cancellationToken)
    {
        (QuicConnection connection, QuicStream stream) =
            await ControlTls.ConnectAsync(control, LinkCodec.ControlAlpn, certificate, roots, cancellationToken).ConfigureAwait(false);
        ControlClient client = new(connection, stream);
        if (client._link.PeerName == Names.Ingress)
        {
            return client;
        }

        await client.DisposeAsync().ConfigureAwait(false);
        throw new IOException($"{client._link.PeerName} is a member of the federation, but no ingress");
    }

    /// <exception cref="IOException">The link was lost.</exception>
    public async Task<StatusReplyMessage> StatusAsync(CancellationToken cancellationToken) =>
        (StatusReplyMessage)await AskAsync(new StatusAskMessage(++_lastId), cancellationToken).ConfigureAwait(false);

    /// <summary>Moves a component. An ingress that says nothing in time is an error of the link.</summary>
    /// <returns>How it ended, also when it failed.</returns>
    /// <exception cref="IOException">The link was lost: whether it moved is not known.</exception>
    public async Task<MigrateReport> MigrateAsync(string component, string to, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(timeout + AnswerGrace);
        try
        {
            MigrateMessage message = new(++_lastId, component, to, timeout);
            return ((MigrateReplyMessage)await AskAsync(message, late.Token).ConfigureAwait(false)).Report;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("the ingress does not answer", e);
        }
    }

    /// <summary>Moves everything away from a node.</summary>
    /// <param name="cancel">Instead: ends the drain that is under way, and lets the node be a host like any other again.</param>
    /// <returns>How it ended, also when something stays.</returns>
    /// <exception cref="IOException">The link was lost, or the ingress says nothing in time.</exception>
    public async Task<DrainReport> DrainAsync(string node, TimeSpan timeout, bool cancel, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(timeout + AnswerGrace);
        try
        {
            return ((DrainReplyMessage)await AskAsync(new DrainMessage(++_lastId, node, "", timeout, cancel), late.Token).ConfigureAwait(false)).Report;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("the ingress does not answer", e);
        }
    }

    /// <summary>Makes a checkpoint of a component, or has it go back to one.</summary>
    /// <param name="number">To which; 0: to the newest.</param>
    /// <returns>How it ended, also when it failed.</returns>
    /// <exception cref="IOException">The link was lost, or the ingress says nothing in time: whether it was done is not known.</exception>
    public async Task<CheckpointReport> CheckpointAsync(string component, CheckpointAction action, ulong number, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(timeout + AnswerGrace);
        try
        {
            CheckpointMessage message = new(++_lastId, component, action, number, timeout);
            return ((CheckpointReplyMessage)await AskAsync(message, late.Token).ConfigureAwait(false)).Report;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("the ingress does not answer", e);
        }
    }

    public ValueTask DisposeAsync() => _link.DisposeAsync();

    private async Task<LinkMessage> AskAsync(LinkMessage question, CancellationToken cancellationToken)
    {
        TaskCompletionSource<LinkMessage> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_isLost)
            {
                throw Lost();
            }

            _waiting = answer;
        }

        _link.Send(question);
        return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private void OnMessage(LinkMessage message)
    {
        lock (_lock)
        {
            ulong? id = message switch
            {
                StatusReplyMessage status => status.Id,
                MigrateReplyMessage reply => reply.Id,
                DrainReplyMessage drained => drained.Id,
                CheckpointReplyMessage checkpoint => checkpoint.Id,
                _ => null,
            };
            if (id == _lastId)
            {
                _ = _waiting?.TrySetResult(message);
            }
        }
    }

    private void OnLost()
    {
        lock (_lock)
        {
            _isLost = true;
            _ = _waiting?.TrySetException(Lost());
        }
    }

    private static IOException Lost() => new("the link to the ingress was lost");
}
