using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>The server's side of a handshake.</summary>
/// <remarks>
/// <code>
/// state           awaits                                      then
/// Hello           ClientHello                                 HelloRetryRequest -> SecondHello, or requests -> Preparing
/// SecondHello     ClientHello                                 requests -> Preparing
/// Preparing       key share, agreed key, certificate          ServerHello .. Certificate, request -> Signing; with a ticket, which
///                                                             needs no certificate: ServerHello .. Finished -> ClientFinished
/// Signing         signature                                   CertificateVerify, Finished -> ClientCertificate or ClientFinished
/// ClientCertificate  Certificate                              -> ClientProof, or (empty) ClientFinished
/// ClientProof     CertificateVerify                           requests -> ClientFinished
/// ClientFinished  Finished (after the answers)                -> Complete
/// </code>
/// What comes in another order is unexpected_message. The 1-RTT write secret is there with our Finished, the read secret with the
/// client's, so that nothing of a client is processed before its handshake is complete (RFC 9001, section 5.7). When 0-RTT data is read,
/// both are there with our Finished, and behind them the 0-RTT secret: what it opens can be answered at once.
/// </remarks>
internal sealed class TlsServer : ITlsHandshake, IHandshakeRole
{
    public const int EntropyLength = 32;

    private enum State
    {
        Hello,
        SecondHello,
        Preparing,
        Signing,
        ClientCertificate,
        ClientProof,
        ClientFinished,
        Complete,
    }

    private readonly TicketContext? _tickets;
    private TlsServerOptions _options;
    private readonly byte[] _random;
    private readonly HandshakeLink _link = new();
    private readonly PeerIdentity _client = new(peerIsServer: false, serverName: null);
    private State _state;
    private ReadOnlyMemory<byte> _transportParameters;
    private ClientHello? _hello;
    private ServerChoice _choice;
    private KeyShare? _share;
    private byte[]? _shared;
    private TlsCredential? _credential;
    private SignatureScheme _scheme;
    private KeySchedule? _schedule;
    private byte[] _clientSecret = [];
    private byte[] _serverSecret = [];
    private byte[] _clientApplicationSecret = [];
    private byte[] _exporter = [];
    private byte[] _earlySecret = [];
    private byte[] _earlyExporter = [];
    private ResumedSession? _resumed;
    private bool _takesTickets;

    /// <param name="options">What we offer.</param>
    /// <param name="transportParameters">Ours; may be empty and set later, see <see cref="SetTransportParameters"/>.</param>
    /// <param name="entropy">32 bytes of the host's random source, which the client will see as our random.</param>
    /// <param name="tickets">Null: no session is resumed.</param>
    public TlsServer(TlsServerOptions options, ReadOnlyMemory<byte> transportParameters, ReadOnlySpan<byte> entropy, TicketContext? tickets = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(entropy.Length, EntropyLength);
        options.ThrowIfUnusable();
        _options = options;
        // Who wants to see a certificate of the client wants to see it each time: no session of another trust slips in (checklist S45).
        _tickets = options.ClientCertificates == ClientCertificates.None && options.Tickets > 0 ? tickets : null;
        _transportParameters = transportParameters;
        _random = entropy.ToArray();
    }

    public ReadOnlyMemory<byte> PeerTransportParameters { get; private set; }

    public ReadOnlyMemory<byte> ClientRandom { get; private set; }

    /// <summary>The name that the client asked for, in lower case; null before its ClientHello and without SNI.</summary>
    public string? ServerName { get; private set; }

    /// <summary>The client's offer; empty before its ClientHello and after the handshake.</summary>
    public IReadOnlyList<byte[]> AlpnOffered { get; private set; } = [];

    public bool IsComplete => _state == State.Complete;

    public TlsSession? Session { get; private set; }

    public TlsSession? EarlySession { get; private set; }

    public EarlyDataState EarlyData { get; private set; }

    /// <summary>Sets our transport parameters when they depend on the ClientHello: before the answer to its <see cref="SelectCertificateRequest"/>.</summary>
    /// <exception cref="InvalidOperationException">They were sent.</exception>
    public void SetTransportParameters(ReadOnlyMemory<byte> transportParameters)
    {
        if (_state > State.Preparing)
        {
            throw new InvalidOperationException("the transport parameters were sent");
        }

        _transportParameters = transportParameters;
    }

    public TransportError OnCrypto(EncryptionLevel level, ReadOnlySpan<byte> inOrderBytes) => _link.OnCrypto(level, inOrderBytes, this);

    public TransportError OnAnswer(CryptoAnswer answer) => _link.OnAnswer(answer, this);

    public bool TryTakeOutput(out TlsOutput output) => _link.TryTakeOutput(out output);

    public bool TryTakeSecret(out TlsSecret secret) => _link.TryTakeSecret(out secret);

    public bool TryTakeRequest(out CryptoRequest request) => _link.TryTakeRequest(out request);

    TransportError IHandshakeRole.OnMessage(in HandshakeMessage message) => (_state, message.Type) switch
    {
        (State.Hello, HandshakeType.ClientHello) => OnHello(message),
        (State.SecondHello, HandshakeType.ClientHello) => OnSecondHello(message),
        (State.ClientCertificate, HandshakeType.Certificate) => OnCertificate(message),
        (State.ClientProof, HandshakeType.CertificateVerify) => OnCertificateVerify(message),
        (State.ClientFinished, HandshakeType.Finished) => OnFinished(message),
        // QUIC updates keys by a bit of its packets: a KeyUpdate message is an error in any state (RFC 9001, section 6).
        _ => AlertDescription.UnexpectedMessage.Because("a handshake message out of order"),
    };

    TransportError IHandshakeRole.OnAnswer(CryptoRequest request, CryptoAnswer answer) => answer switch
    {
        KeySharesAnswer a => OnKeyShare(a),
        AgreedKeyAnswer a => OnAgreedKey(a),
        CertificateAnswer a => OnCredential(a, (SelectCertificateRequest)request),
        SignatureAnswer a => OnSignature(a),
        CertificateVerdictAnswer a => PeerIdentity.Judge(a),
        SignatureVerdictAnswer a => PeerIdentity.Judge(a),
        _ => TransportError.None,
    };

    void IHandshakeRole.Wipe() => Wipe();

    private TransportError OnHello(in HandshakeMessage message)
    {
        TransportError error = ReadHello(message, out ClientHello hello);
        if (error.IsError)
        {
            return error;
        }

        _hello = hello;
        PeerTransportParameters = hello.TransportParameters;
        ClientRandom = hello.Random;
        ServerName = hello.ServerName;
        AlpnOffered = hello.ApplicationProtocols!;
        EarlyData = hello.HasEarlyData ? EarlyDataState.Rejected : EarlyDataState.None;
        if (_choice.ClientShare is not null)
        {
            error = TryResume(message);
            if (!error.IsError && hello.HasEarlyData && _resumed?.MayBringEarlyData(_choice, _options, _tickets!) == true)
            {
                EarlyData = EarlyDataState.Accepted;
                KeySchedule early = new(_choice.Suite, _resumed.Session.Psk.Span);
                byte[] hash = _link.Transcript.Hash(_choice.Suite);
                _earlySecret = early.ClientEarlyTraffic(hash);
                _earlyExporter = early.EarlyExporterMaster(hash);
                early.Wipe();
            }

            return error.IsError ? error : Prepare();
        }

        _link.Transcript.Append(message.Bytes.Span);

        // None of the shares is of use: ask for one in the group that we chose (RFC 8446, section 4.1.4).
        _link.Transcript.ReplaceByMessageHash(_choice.Suite);
        _link.Send(EncryptionLevel.Initial, ServerHello.RetryRequest(_choice.Suite, _choice.Group));
        _state = State.SecondHello;
        return TransportError.None;
    }

    private TransportError OnSecondHello(in HandshakeMessage message)
    {
        ServerChoice first = _choice;
        TransportError error = ReadHello(message, out ClientHello hello);
        if (error.IsError)
        {
            return error;
        }

        bool answersUs = hello.KeyShareCount == 1 && _choice.ClientShare is not null && _choice.Group == first.Group;
        if (!answersUs || hello.HasEarlyData || !ServerChoice.IsSameOffer(_hello!, hello))
        {
            return AlertDescription.IllegalParameter.Because("the second ClientHello is not the first with the share that was asked for");
        }

        _hello = hello;
        error = TryResume(message);
        return error.IsError ? error : Prepare();
    }

    /// <summary>Looks for a ticket that can be taken, and lets the transcript have the ClientHello.</summary>
    private TransportError TryResume(in HandshakeMessage message)
    {
        TransportError error = TransportError.None;
        _takesTickets = _tickets is not null && _hello!.PskModes?.Contains(PskOffer.DheMode) == true;
        if (_tickets is not null)
        {
            error = ResumedSession.TryTake(_hello!, message.Bytes.Span, _choice, _tickets, _link.Transcript, out _resumed);
        }

        _link.Transcript.Append(message.Bytes.Span);
        return error;
    }

    private TransportError ReadHello(in HandshakeMessage message, out ClientHello hello)
    {
        TransportError error = ClientHello.TryRead(message.Body, out hello);
        if (!error.IsError)
        {
            error = ServerChoice.TryMake(hello, _options, out _choice);
        }

        // Empty parameters would look like none; a client always has one, its source connection ID (RFC 9000, section 7.3).
        return !error.IsError && hello.TransportParameters!.Length == 0
            ? TransportError.Of(TransportErrorCode.TransportParameterError, "empty transport parameters", FrameType.Crypto)
            : error;
    }

    private TransportError Prepare()
    {
        _state = State.Preparing;
        if (_resumed is null)
        {
            SignatureScheme[] schemes = [.. _hello!.SignatureSchemes!.Select(scheme => (SignatureScheme)scheme)];
            _link.Ask(new SelectCertificateRequest(_link.NextRequestId, true, _hello.ServerName, _hello.ApplicationProtocols!, schemes, []));
        }

        _link.Ask(new GenerateKeySharesRequest(_link.NextRequestId, [_choice.Group]));
        return _link.ReadNext(EncryptionLevel.Handshake);
    }

    private TransportError OnKeyShare(KeySharesAnswer answer)
    {
        if (answer.Shares is not [KeyShare share])
        {
            return AlertDescription.InternalError.Because("no key share could be made");
        }

        _share = share;
        _link.Ask(new AgreeKeyRequest(_link.NextRequestId, share, _choice.ClientShare));
        return TransportError.None;
    }

    private TransportError OnAgreedKey(AgreedKeyAnswer answer)
    {
        CryptographicOperations.ZeroMemory(_share!.Private);
        _shared = answer.Secret;
        return _shared is null ? AlertDescription.IllegalParameter.Because("the key share is not a public key") : SendHelloWhenReady();
    }

    private TransportError OnCredential(CertificateAnswer answer, SelectCertificateRequest request)
    {
        if (answer.Credential is null)
        {
            return request.ServerName is null
                ? AlertDescription.HandshakeFailure.Because("no certificate without a server name")
                : AlertDescription.UnrecognizedName.Because("no certificate for this server name");
        }

        if (answer.Credential.SchemeFor(request.SignatureSchemes) is not SignatureScheme scheme)
        {
            return AlertDescription.HandshakeFailure.Because("no signature scheme in common");
        }

        TransportError error = answer.Options is TlsServerOptions options ? ChooseAgain(options) : TransportError.None;
        if (error.IsError)
        {
            return error;
        }

        _credential = answer.Credential;
        _scheme = scheme;
        return SendHelloWhenReady();
    }

    /// <summary>Other options rule for this client: what was chosen before they were known must be theirs, too.</summary>
    private TransportError ChooseAgain(TlsServerOptions options)
    {
        _options = options;
        byte[]? protocol = ApplicationProtocols.Select(options.AlpnProtocols, _hello!.ApplicationProtocols!);
        if (protocol is null)
        {
            return AlertDescription.NoApplicationProtocol.Because("no application protocol in common");
        }

        // The suite may have been told already, in a HelloRetryRequest: it stays, or there is none.
        _choice = _choice with { ApplicationProtocol = protocol };
        return options.Suites.Contains(_choice.Suite) ? TransportError.None : AlertDescription.HandshakeFailure.Because("no cipher suite in common");
    }

    private TransportError SendHelloWhenReady()
    {
        if (_shared is null || (_credential is null && _resumed is null))
        {
            return TransportError.None;
        }

        _link.Send(EncryptionLevel.Initial, new ServerHello
        {
            Random = _random,
            Suite = _choice.Suite,
            KeyShare = new(_choice.Group, _share!.Public),
            SelectedIdentity = _resumed?.Index,
        });
        _schedule = new(_choice.Suite, _resumed is null ? default : _resumed.Session.Psk.Span);
        _schedule.AddSharedSecret(_shared);
        CryptographicOperations.ZeroMemory(_shared);
        byte[] hash = _link.Transcript.Hash(_choice.Suite);
        _clientSecret = _schedule.ClientHandshakeTraffic(hash);
        _serverSecret = _schedule.ServerHandshakeTraffic(hash);
        _link.Install(EncryptionLevel.Handshake, isWrite: true, _choice.Suite, [.. _serverSecret]);
        _link.Install(EncryptionLevel.Handshake, isWrite: false, _choice.Suite, [.. _clientSecret]);

        _link.Send(EncryptionLevel.Handshake, new EncryptedExtensions
        {
            ApplicationProtocol = _choice.ApplicationProtocol,
            TransportParameters = _transportParameters.ToArray(),
            AcknowledgesServerName = _hello!.ServerName is not null,
            AcceptsEarlyData = EarlyData == EarlyDataState.Accepted,
        });
        if (_resumed is not null)
        {
            return SendFinished();
        }

        if (_options.ClientCertificates != ClientCertificates.None)
        {
            _link.Send(EncryptionLevel.Handshake, new Messages.CertificateRequest
            {
                SignatureSchemes = [.. _options.SignatureSchemes.Select(scheme => (ushort)scheme)],
                Authorities = _options.ClientAuthorities,
            });
        }

        _link.Send(EncryptionLevel.Handshake, new Certificate { Chain = _credential!.Chain });
        byte[] content = CertificateVerify.Content(byServer: true, _link.Transcript.Hash(_choice.Suite));
        _link.Ask(new SignRequest(_link.NextRequestId, _credential, _scheme, content));
        _state = State.Signing;
        return TransportError.None;
    }

    private TransportError OnSignature(SignatureAnswer answer)
    {
        if (answer.Signature is null)
        {
            return AlertDescription.InternalError.Because("the handshake could not be signed");
        }

        _link.Send(EncryptionLevel.Handshake, new CertificateVerify { Scheme = _scheme, Signature = answer.Signature });
        return SendFinished();
    }

    private TransportError SendFinished()
    {
        CipherSuite suite = _choice.Suite;
        _link.Send(EncryptionLevel.Handshake, new Finished(_schedule!.VerifyData(_serverSecret, _link.Transcript.Hash(suite))));
        _schedule!.AddMaster();
        byte[] hash = _link.Transcript.Hash(suite);
        _clientApplicationSecret = _schedule.ClientApplicationTraffic(hash);
        _exporter = _schedule.ExporterMaster(hash);
        _link.Install(EncryptionLevel.OneRtt, isWrite: true, suite, _schedule.ServerApplicationTraffic(hash));
        if (EarlyData == EarlyDataState.Accepted)
        {
            _link.Install(EncryptionLevel.OneRtt, isWrite: false, suite, [.. _clientApplicationSecret]);
            _link.Install(EncryptionLevel.ZeroRtt, isWrite: false, suite, [.. _earlySecret]);
            EarlySession = NewSession(_earlyExporter, resumption: default);
        }

        _state = _options.ClientCertificates == ClientCertificates.None ? State.ClientFinished : State.ClientCertificate;
        return TransportError.None;
    }

    private TransportError OnCertificate(in HandshakeMessage message)
    {
        TransportError error = _client.OnCertificate(message);
        if (error.IsError)
        {
            return error;
        }

        if (_client.Chain.Count == 0 && _options.ClientCertificates == ClientCertificates.Require)
        {
            return AlertDescription.CertificateRequired.Because("a client certificate is required");
        }

        _link.Transcript.Append(message.Bytes.Span);
        _state = _client.Chain.Count > 0 ? State.ClientProof : State.ClientFinished;
        return TransportError.None;
    }

    private TransportError OnCertificateVerify(in HandshakeMessage message)
    {
        TransportError error = _client.OnCertificateVerify(message, _choice.Suite, _options.SignatureSchemes, _link);
        _link.Transcript.Append(message.Bytes.Span);
        _state = State.ClientFinished;
        return error;
    }

    private TransportError OnFinished(in HandshakeMessage message)
    {
        byte[] expected = _schedule!.VerifyData(_clientSecret, _link.Transcript.Hash(_choice.Suite));
        if (message.Body.Length != expected.Length)
        {
            return AlertDescription.DecodeError.Because("Finished has the wrong length");
        }

        if (!CryptographicOperations.FixedTimeEquals(message.Body, expected))
        {
            return AlertDescription.DecryptError.Because("Finished is wrong");
        }

        _link.Transcript.Append(message.Bytes.Span);
        if (EarlyData != EarlyDataState.Accepted)
        {
            _link.Install(EncryptionLevel.OneRtt, isWrite: false, _choice.Suite, [.. _clientApplicationSecret]);
        }

        Session = NewSession(_exporter, _schedule.ResumptionMaster(_link.Transcript.Hash(_choice.Suite)));
        EarlySession = null;
        _state = State.Complete;
        _link.Transcript.Clear();
        Wipe();
        // A connection lives on for hours: it does not keep what a handshake needed.
        (_hello, _share, _credential, _schedule, _resumed, AlpnOffered) = (null, null, null, null, null, []);
        return _link.ReadNext(EncryptionLevel.OneRtt);
    }

    private TlsSession NewSession(ReadOnlyMemory<byte> exporter, ReadOnlyMemory<byte> resumption) => new()
    {
        Suite = _choice.Suite,
        Alpn = _choice.ApplicationProtocol,
        ServerName = ServerName,
        PeerCertificates = [.. _client.Chain.Select(certificate => (ReadOnlyMemory<byte>)certificate)],
        ExporterSecret = exporter,
        ResumptionSecret = resumption,
        IsResumed = _resumed is not null,
        EarlyData = EarlyData,
        TakesTickets = _takesTickets,
    };

    private void Wipe()
    {
        _schedule?.Wipe();
        foreach (byte[]? secret in (ReadOnlySpan<byte[]?>)[_share?.Private, _shared, _clientSecret, _serverSecret, _clientApplicationSecret, _earlySecret])
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
