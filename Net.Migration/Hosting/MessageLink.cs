using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Messages over one stream of a mutually authenticated connection, in order, both ways, until it is lost.</summary>
internal sealed class MessageLink : ILink
{
    /// <summary>Bytes that wait for a peer of a control link. One that reads so slowly is lost.</summary>
    public const long MaxControlQueue = 16 * 1024 * 1024;

    /// <summary>Bytes that wait for the other node: a whole copy may, as it is written much faster than it is sent.</summary>
    public const long MaxNodeQueue = 1024 * 1024 * 1024;

    private const long Broken = 1;

    private readonly QuicConnection _connection;
    private readonly QuicStream _stream;
    private readonly Action<MessageLink, LinkMessage> _onMessage;
    private readonly Action<MessageLink> _onLost;
    private readonly Lock _gate = new();
    private readonly Queue<byte[]> _outgoing = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly long _maxQueue;
    private long _queued;
    private int _isLost;
    private bool _isWriting;
    private bool _isClosed;

    /// <param name="onMessage">Called in the order of arrival, one at a time, in a step of the link's shard: it must not wait.</param>
    /// <param name="onLost">Called once, after the last message.</param>
    /// <param name="maxQueue">Bytes that may wait to be sent; then the link is lost.</param>
    public MessageLink(
        QuicConnection connection, QuicStream stream, Action<MessageLink, LinkMessage> onMessage, Action<MessageLink> onLost, long maxQueue = MaxControlQueue)
    {
        _maxQueue = maxQueue;
        _connection = connection;
        _stream = stream;
        _onMessage = onMessage;
        _onLost = onLost;
        // Only links are on its shard, and a change of threads costs more than what a message has done: it is part of a freeze.
        stream.Driver.Reads.IsUrgent = true;
        stream.Driver.Writes.IsUrgent = true;
        using X509Certificate2? certificate = connection.RemoteCertificate is { } raw ? X509CertificateLoader.LoadCertificate(raw.GetRawCertData()) : null;
        PeerName = certificate?.GetNameInfo(X509NameType.SimpleName, forIssuer: false) ?? "";
        PeerFingerprint = certificate is null ? "" : Roster.FingerprintOf(certificate);
    }

    /// <summary>The common name in the peer's certificate: who it is, as its federation has said.</summary>
    public string PeerName { get; }

    /// <inheritdoc cref="RosterEntry.Fingerprint"/>
    public string PeerFingerprint { get; }

    public System.Net.IPEndPoint Remote => _connection.RemoteEndPoint;

    /// <summary>What a host keeps with the link; its own matter.</summary>
    public object? State { get; set; }

    /// <summary>Begins to read and write; the first thing said is which versions are spoken.</summary>
    public void Start()
    {
        // Queued before anything is read: what arrived already is answered by other threads, and an answer must not overtake this.
        Send(HelloMessage.Ours);
        _ = ReadAsync();
    }

    /// <summary>Queues a message. From any thread; dropped when the link is lost.</summary>
    public void Send(LinkMessage message)
    {
        byte[] record = LinkCodec.Write(message);
        bool isFull;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _queued += record.Length;
            isFull = _queued > _maxQueue;
            _outgoing.Enqueue(record);
            if (_isWriting && !isFull)
            {
                return;
            }

            _isWriting = true;
        }

        if (isFull)
        {
            // Whoever sends must not be the one that is told, in the middle of a turn.
            _ = Task.Run(Lose);
            return;
        }

        // Begun here, not by a task that waits for it: in a freeze each change of threads is part of the stall.
        _ = WriteAsync();
    }

    public async ValueTask DisposeAsync()
    {
        CloseQueue();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReadAsync()
    {
        // Below the size from which arrays are collected with the oldest generation alone: each move has a link of its own.
        byte[] buffer = new byte[64 * 1024];
        int filled = 0;
        bool isAgreed = false;
        try
        {
            while (true)
            {
                if (filled == buffer.Length)
                {
                    // A record is bounded (LinkCodec.MaxRecord), and so is this.
                    Array.Resize(ref buffer, buffer.Length * 2);
                }

                int read = await _stream.ReadAsync(buffer.AsMemory(filled), _stop.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    break;
                }

                filled += read;
                int at = 0;
                while (true)
                {
                    LinkRead result = LinkCodec.TryRead(buffer.AsSpan(at, filled - at), out int consumed, out LinkMessage? message);
                    if (result == LinkRead.Malformed || (result == LinkRead.Message && !isAgreed && message is not HelloMessage))
                    {
                        return;
                    }

                    if (result == LinkRead.NeedsMore)
                    {
                        break;
                    }

                    at += consumed;
                    if (message is HelloMessage hello)
                    {
                        isAgreed = hello.Agree() != 0;
                        if (!isAgreed)
                        {
                            return;
                        }
                    }
                    else if (message is not null)
                    {
                        _onMessage(this, message);
                    }
                }

                buffer.AsSpan(at, filled - at).CopyTo(buffer);
                filled -= at;
            }
        }
        catch (Exception e) when (e is QuicException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The link is lost: that is told below.
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
            Lose();
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            while (TryNext(out byte[]? record))
            {
                await _stream.WriteAsync(record, _stop.Token).ConfigureAwait(false);
                // Keys and their shares are among what is said.
                CryptographicOperations.ZeroMemory(record);
            }
        }
        catch (Exception e) when (e is QuicException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            Lose();
        }
    }

    /// <returns>False when there is nothing left: whoever sends next begins to write again.</returns>
    private bool TryNext([NotNullWhen(true)] out byte[]? record)
    {
        lock (_gate)
        {
            _isWriting = _outgoing.TryDequeue(out record);
            _queued -= record?.Length ?? 0;
            return record is not null;
        }
    }

    private void CloseQueue()
    {
        lock (_gate)
        {
            _isClosed = true;
            _outgoing.Clear();
            _queued = 0;
        }
    }

    private void Lose()
    {
        if (Interlocked.Exchange(ref _isLost, 1) == 0)
        {
            CloseQueue();
            _stream.Abort(QuicAbortDirection.Both, Broken);
            _onLost(this);
        }
    }
}
