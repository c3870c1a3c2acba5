using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>What both roles share: the level that is read, the queues of what comes out, the requests under way, the transcript, the first error.</summary>
internal sealed class HandshakeLink
{
    private readonly MessageBuffer _buffer = new();
    private readonly Queue<TlsOutput> _outputs = new();
    private readonly Queue<TlsSecret> _secrets = new();
    private readonly Queue<CryptoRequest> _requests = new();
    private readonly List<CryptoRequest> _underWay = [];
    private ulong _nextRequest;

    /// <summary>The one level whose bytes are due now.</summary>
    public EncryptionLevel ReadLevel { get; private set; } = EncryptionLevel.Initial;

    public Transcript Transcript { get; } = new();

    /// <summary>The first error, which every later call gives again.</summary>
    public TransportError Error { get; private set; }

    /// <summary>While a request is under way messages wait in the buffer.</summary>
    public bool IsWaiting => _underWay.Count > 0;

    public ulong NextRequestId => _nextRequest;

    public TransportError OnCrypto(EncryptionLevel level, ReadOnlySpan<byte> bytes, IHandshakeRole role)
    {
        if (Error.IsError || bytes.IsEmpty)
        {
            return Error;
        }

        // Each level has its own stream of messages, and it is over when the next level's keys are there (RFC 9001, section 4.1.3).
        TransportError error = level == ReadLevel
            ? _buffer.Append(bytes)
            : AlertDescription.UnexpectedMessage.Because("handshake data at the wrong encryption level");
        return error.IsError ? Fail(error, role) : ReadMessages(role);
    }

    /// <exception cref="InvalidOperationException">No such request is under way, or it has another kind of answer.</exception>
    public TransportError OnAnswer(CryptoAnswer answer, IHandshakeRole role)
    {
        if (Error.IsError)
        {
            // The handshake failed while the request was under way.
            return Error;
        }

        TransportError error = role.OnAnswer(Close(answer), answer);
        return error.IsError ? Fail(error, role) : ReadMessages(role);
    }

    /// <summary>Goes to the next level. Bytes behind the last message of the old one would have changed keys in their middle (RFC 8446, section 5.1).</summary>
    public TransportError ReadNext(EncryptionLevel level)
    {
        ReadLevel = level;
        return _buffer.IsEmpty ? TransportError.None : AlertDescription.UnexpectedMessage.Because("handshake data behind a change of keys");
    }

    /// <summary>Sends a message, and lets the transcript have it.</summary>
    public void Send<T>(EncryptionLevel level, T message) where T : IHandshakeMessage => Send(level, MessageWriter.Frame(message));

    /// <inheritdoc cref="Send{T}(EncryptionLevel, T)"/>
    public void Send(EncryptionLevel level, byte[] message)
    {
        Transcript.Append(message);
        _outputs.Enqueue(new(level, message));
    }

    public void Install(EncryptionLevel level, bool isWrite, CipherSuite suite, byte[] secret) =>
        _secrets.Enqueue(new(level, isWrite, suite, secret));

    /// <summary>Sends out a request, whose id is <see cref="NextRequestId"/>.</summary>
    public void Ask(CryptoRequest request)
    {
        _nextRequest++;
        _requests.Enqueue(request);
        _underWay.Add(request);
    }

    public bool TryTakeOutput(out TlsOutput output) => _outputs.TryDequeue(out output);

    public bool TryTakeSecret(out TlsSecret secret) => _secrets.TryDequeue(out secret);

    public bool TryTakeRequest(out CryptoRequest request) => _requests.TryDequeue(out request!);

    private TransportError ReadMessages(IHandshakeRole role)
    {
        while (!IsWaiting)
        {
            TransportError error = _buffer.TryTake(out bool taken, out HandshakeMessage message);
            if (!error.IsError && taken)
            {
                error = role.OnMessage(message);
            }

            if (error.IsError)
            {
                return Fail(error, role);
            }

            if (!taken)
            {
                break;
            }
        }

        return TransportError.None;
    }

    private CryptoRequest Close(CryptoAnswer answer)
    {
        CryptoRequest? request = _underWay.Find(candidate => candidate.Id == answer.Id);
        bool fits = (request, answer) switch
        {
            (GenerateKeySharesRequest, KeySharesAnswer) => true,
            (AgreeKeyRequest, AgreedKeyAnswer) => true,
            (SelectCertificateRequest, CertificateAnswer) => true,
            (SignRequest, SignatureAnswer) => true,
            (VerifySignatureRequest, SignatureVerdictAnswer) => true,
            (ValidateCertificateRequest, CertificateVerdictAnswer) => true,
            _ => false,
        };
        if (!fits)
        {
            throw new InvalidOperationException("an answer without its request");
        }

        _underWay.Remove(request!);
        return request!;
    }

    private TransportError Fail(TransportError error, IHandshakeRole role)
    {
        Error = error;
        _outputs.Clear();
        _secrets.Clear();
        _requests.Clear();
        _underWay.Clear();
        Transcript.Clear();
        role.Wipe();
        return error;
    }
}
