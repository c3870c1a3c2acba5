using System.Buffers;
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

    /// <summary>Bytes that wait for the other node: all that completes a copy may, as it is written much faster than it is sent.</summary>
    public const long MaxNodeQueue = 1024 * 1024 * 1024;

    /// <summary>Bytes that are read at once, until a record is longer: most links never carry such a one, and each move has two.</summary>
    private const int FirstBuffer = 16 * 1024;

    private const long Broken = 1;

    private readonly QuicConnection _connection;
    private readonly QuicStream _stream;
    private readonly Action<MessageLink, LinkMessage> _onMessage;
    private readonly Action<MessageLink> _onLost;
    private readonly RecordQueue _outgoing;
    private readonly CancellationTokenSource _stop = new();
    private int _isLost;

    /// <param name="onMessage">Called in the order of arrival, one at a time, in a step of the link's shard: it must not wait.</param>
    /// <param name="onLost">Called once, after the last message.</param>
    /// <param name="maxQueue">Bytes that may wait to be sent; then the link is lost.</param>
    public MessageLink(
        QuicConnection connection, QuicStream stream, Action<MessageLink, LinkMessage> onMessage, Action<MessageLink> onLost, long maxQueue = MaxControlQueue)
    {
        _outgoing = new(maxQueue);
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

    /// <inheritdoc/>
    public long Waiting => _outgoing.Waiting;

    /// <summary>Begins to read and write; the first thing said is which versions are spoken.</summary>
    public void Start()
    {
        // Queued before anything is read: what arrived already is answered by other threads, and an answer must not overtake this.
        Send(HelloMessage.Ours);
        _ = ReadAsync();
    }

    /// <summary>Sends a message, behind those that are queued. From any thread; dropped when the link is lost.</summary>
    public void Send(LinkMessage message)
    {
        Queue(message);
        Flush();
    }

    /// <inheritdoc/>
    public void Queue(LinkMessage message)
    {
        if (!_outgoing.TryAdd(LinkCodec.Write(message)))
        {
            // Whoever sends must not be the one that is told, in the middle of a turn.
            _ = Task.Run(Lose);
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (_outgoing.TryBeginWriting())
        {
            // Begun here, not by a task that waits for it: in a freeze each change of threads is part of the stall.
            _ = WriteAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _outgoing.Close();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReadAsync()
    {
        // Each move has a link of its own.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        int filled = 0;
        bool isAgreed = false;
        try
        {
            while (true)
            {
                if (filled == buffer.Length)
                {
                    // A record is bounded (LinkCodec.MaxRecord), and so is this.
                    byte[] larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.CopyTo(larger, 0);
                    CryptographicOperations.ZeroMemory(buffer);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
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
            // A read that has ended, by whatever cause, touches it no more.
            CryptographicOperations.ZeroMemory(buffer);
            ArrayPool<byte>.Shared.Return(buffer);
            Lose();
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            while (_outgoing.TryTake(out byte[]? records))
            {
                try
                {
                    await _stream.WriteAsync(records, _stop.Token).ConfigureAwait(false);
                }
                finally
                {
                    // Keys and their shares are among what is said. A write that has ended, by whatever cause, touches it no more.
                    CryptographicOperations.ZeroMemory(records);
                }
            }
        }
        catch (Exception e) when (e is QuicException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            Lose();
        }
    }

    private void Lose()
    {
        if (Interlocked.Exchange(ref _isLost, 1) == 0)
        {
            _outgoing.Close();
            _stream.Abort(QuicAbortDirection.Both, Broken);
            _onLost(this);
        }
    }
}
