using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>The client's side of a handshake.</summary>
/// <remarks>
/// <code>
/// state           awaits                                      then
/// Starting        key share (asked for at once)               ClientHello -> ServerHello
/// ServerHello     ServerHello, or one HelloRetryRequest       request -> Agreeing, or -> Retrying (or a second ClientHello at once)
/// Retrying        key share                                   second ClientHello -> ServerHello
/// Agreeing        agreed key                                  handshake secrets -> Extensions
/// Extensions      EncryptedExtensions                         -> Certificate, or (ticket taken) request -> ServerFinished
/// Certificate     CertificateRequest (once), or Certificate   -> Certificate, or Proof
/// Proof           CertificateVerify                           requests -> ServerFinished
/// ServerFinished  Finished (after the answers)                Finished -> Complete, or (client certificate) requests -> Signing
/// Signing         certificate, signature                      Certificate, CertificateVerify, Finished -> Complete
/// </code>
/// What comes in another order is unexpected_message. Both 1-RTT secrets come with our Finished, that of 0-RTT with the ClientHello. What
/// follows the handshake is not ours to read: a new owner of the connection has no TLS machine.
/// </remarks>
internal sealed class TlsClient : ITlsHandshake, IHandshakeRole
{
    public const int EntropyLength = 32;

    private enum State
    {
        Starting,
        ServerHello,
        Retrying,
        Agreeing,
        Extensions,
        Certificate,
        Proof,
        ServerFinished,
        Signing,
        Complete,
    }

    private readonly TlsClientOptions _options;
    private readonly HandshakeLink _link = new();
    private readonly PeerIdentity _server;
    private readonly ClientHello _hello;
    private readonly ResumptionOffer? _offer;
    private bool _isResumed;
    private State _state;
    private CipherSuite? _retrySuite;
    private CipherSuite _suite;
    private KeyShare? _share;
    private Messages.CertificateRequest? _certificateRequest;
    private TlsCredential? _credential;
    private SignatureScheme _scheme;
    private KeySchedule? _schedule;
    private ReadOnlyMemory<byte> _alpn;
    private byte[] _clientSecret = [];
    private byte[] _serverSecret = [];
    private byte[] _clientApplicationSecret = [];
    private byte[] _serverApplicationSecret = [];
    private byte[] _exporter = [];

    /// <param name="options">What we offer, and whom we call.</param>
    /// <param name="transportParameters">Ours.</param>
    /// <param name="entropy">32 bytes of the host's random source, which everybody will see as our random.</param>
    /// <param name="offer">A ticket of an earlier session with this server, whose application protocol and suite are among ours.</param>
    /// <param name="early">What became of 0-RTT data in a handshake that the server turned down, and that this one takes the place of.</param>
    public TlsClient(
        TlsClientOptions options, ReadOnlyMemory<byte> transportParameters, ReadOnlySpan<byte> entropy, ResumptionOffer? offer = null, EarlyDataState early = EarlyDataState.None)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(entropy.Length, EntropyLength);
        options.ThrowIfUnusable();
        _options = options;
        _offer = offer is { } o && options.Resumes && options.Suites.Contains(o.Ticket.Suite) ? o : null;
        _server = new(peerIsServer: true, options.ServerName);
        _hello = new()
        {
            Random = entropy.ToArray(),
            CipherSuites = [.. options.Suites.Select(suite => (ushort)suite)],
            ServerName = ServerNames.IsSent(options.ServerName) ? options.ServerName.ToLowerInvariant() : null,
            ApplicationProtocols = options.AlpnProtocols,
            Groups = [.. options.Groups.Select(group => (ushort)group)],
            SignatureSchemes = [.. options.SignatureSchemes.Select(scheme => (ushort)scheme)],
            TransportParameters = transportParameters.ToArray(),
            PskModes = options.Resumes ? [PskOffer.DheMode] : null,
        };
        EarlyData = early;
        if (_offer is { EarlyData: true, Ticket.AllowsEarlyData: true })
        {
            _hello.HasEarlyData = true;
            EarlyData = EarlyDataState.Offered;
        }

        _link.Ask(new GenerateKeySharesRequest(_link.NextRequestId, [options.Groups[0]]));
    }

    public ReadOnlyMemory<byte> PeerTransportParameters { get; private set; }

    public ReadOnlyMemory<byte> ClientRandom => _hello.Random;

    public bool IsComplete => _state == State.Complete;

    public TlsSession? Session { get; private set; }

    public TlsSession? EarlySession { get; private set; }

    public EarlyDataState EarlyData { get; private set; }

    public TransportError OnCrypto(EncryptionLevel level, ReadOnlySpan<byte> inOrderBytes) => _link.OnCrypto(level, inOrderBytes, this);

    public TransportError OnAnswer(CryptoAnswer answer) => _link.OnAnswer(answer, this);

    public bool TryTakeOutput(out TlsOutput output) => _link.TryTakeOutput(out output);

    public bool TryTakeSecret(out TlsSecret secret) => _link.TryTakeSecret(out secret);

    public bool TryTakeRequest(out CryptoRequest request) => _link.TryTakeRequest(out request);

    TransportError IHandshakeRole.OnMessage(in HandshakeMessage message) => (_state, message.Type) switch
    {
        (State.ServerHello, HandshakeType.ServerHello) => OnServerHello(message),
        (State.Extensions, HandshakeType.EncryptedExtensions) => OnEncryptedExtensions(message),
        (State.Certificate, HandshakeType.CertificateRequest) when _certificateRequest is null => OnCertificateRequest(message),
        (State.Certificate, HandshakeType.Certificate) => OnCertificate(message),
        (State.Proof, HandshakeType.CertificateVerify) => OnCertificateVerify(message),
        (State.ServerFinished, HandshakeType.Finished) => OnFinished(message),
        // QUIC updates keys by a bit of its packets: a KeyUpdate message is an error in any state (RFC 9001, section 6).
        _ => AlertDescription.UnexpectedMessage.Because("a handshake message out of order"),
    };

    TransportError IHandshakeRole.OnAnswer(CryptoRequest request, CryptoAnswer answer) => answer switch
    {
        KeySharesAnswer a => OnKeyShare(a),
        AgreedKeyAnswer a => OnAgreedKey(a),
        CertificateAnswer a => OnCredential(a.Credential),
        SignatureAnswer a => OnSignature(a),
        CertificateVerdictAnswer a => PeerIdentity.Judge(a),
        SignatureVerdictAnswer a => PeerIdentity.Judge(a),
        _ => TransportError.None,
    };

    void IHandshakeRole.Wipe() => Wipe();

    private TransportError OnKeyShare(KeySharesAnswer answer)
    {
        if (answer.Shares is not [KeyShare share])
        {
            return AlertDescription.InternalError.Because("no key share could be made");
        }

        CryptographicOperations.ZeroMemory(_share?.Private);
        _share = share;
        SendHello();
        return TransportError.None;
    }

    private void SendHello()
    {
        _hello.KeyShares = [new(_share!.Group, _share.Public)];
        _state = State.ServerHello;
        if (_offer is not { } offer || (_retrySuite is CipherSuite retry && retry.Hash != offer.Ticket.Suite.Hash))
        {
            _hello.PreSharedKey = null;
            _link.Send(EncryptionLevel.Initial, _hello);
            return;
        }

        // The binder covers all of the message but itself, so its place is filled last (RFC 8446, section 4.2.11.2).
        CipherSuite suite = _retrySuite ?? offer.Ticket.Suite;
        KeySchedule early = new(suite, offer.Ticket.Psk);
        byte[] binder = new byte[suite.HashLength];
        _hello.PreSharedKey = new() { Identities = [new(offer.Ticket.Ticket, offer.ObfuscatedAge)], Binders = [binder] };
        byte[] message = MessageWriter.Frame(_hello);
        int covered = message.Length - (2 + 1 + binder.Length);
        early.Binder(_link.Transcript.HashWith(suite, message.AsSpan(0, covered))).CopyTo(message.AsSpan(covered + 3));
        _link.Send(EncryptionLevel.Initial, message);
        if (EarlyData == EarlyDataState.Offered)
        {
            byte[] hash = _link.Transcript.Hash(suite);
            _link.Install(EncryptionLevel.ZeroRtt, isWrite: true, suite, early.ClientEarlyTraffic(hash));
            EarlySession = NewSession(suite, offer.Ticket.Alpn, offer.Ticket.PeerCertificates, early.EarlyExporterMaster(hash), resumption: default);
        }

        early.Wipe();
    }

    private TransportError OnServerHello(in HandshakeMessage message)
    {
        TransportError error = ServerHello.TryRead(message.Body, out ServerHello hello);
        if (error.IsError)
        {
            return error;
        }

        if (hello.SessionId.Length > 0 || !_options.Suites.Contains(hello.Suite) || (_retrySuite is not null && _retrySuite != hello.Suite))
        {
            return AlertDescription.IllegalParameter.Because("ServerHello chose what was not offered");
        }

        _suite = hello.Suite;
        return hello.IsRetryRequest ? OnRetryRequest(message, hello) : OnChosenShare(message, hello);
    }

    private TransportError OnRetryRequest(in HandshakeMessage message, ServerHello hello)
    {
        if (_retrySuite is not null)
        {
            return AlertDescription.UnexpectedMessage.Because("a second HelloRetryRequest");
        }

        // It must change something, and may not ask for what it has (RFC 8446, section 4.1.4).
        bool asksForOther = hello.RetryGroup is NamedGroup group && group != _share!.Group && _options.Groups.Contains(group);
        if ((hello.RetryGroup is null && hello.Cookie is null) || (hello.RetryGroup is not null && !asksForOther))
        {
            return AlertDescription.IllegalParameter.Because("HelloRetryRequest asks for nothing that could change");
        }

        if (hello.Cookie?.Length > TlsLimits.Cookie)
        {
            return AlertDescription.IllegalParameter.Because("a cookie longer than is sent back");
        }

        _retrySuite = hello.Suite;
        RejectEarlyData();
        _hello.HasEarlyData = false;
        _hello.Cookie = hello.Cookie;
        _link.Transcript.ReplaceByMessageHash(hello.Suite);
        _link.Transcript.Append(message.Bytes.Span);
        if (hello.RetryGroup is null)
        {
            SendHello();
            return TransportError.None;
        }

        _link.Ask(new GenerateKeySharesRequest(_link.NextRequestId, [hello.RetryGroup.Value]));
        _state = State.Retrying;
        return TransportError.None;
    }

    private TransportError OnChosenShare(in HandshakeMessage message, ServerHello hello)
    {
        if (hello.KeyShare is not KeyShareEntry chosen)
        {
            return AlertDescription.MissingExtension.Because("ServerHello without a key share");
        }

        if (chosen.Group != _share!.Group)
        {
            return AlertDescription.IllegalParameter.Because("ServerHello's key share is in another group");
        }

        if (hello.SelectedIdentity is ushort identity)
        {
            if (_hello.PreSharedKey is null)
            {
                return AlertDescription.UnsupportedExtension.Because("a ticket is taken that was not offered");
            }

            if (identity != 0 || hello.Suite.Hash != _offer!.Value.Ticket.Suite.Hash)
            {
                return AlertDescription.IllegalParameter.Because("a ticket is taken that does not fit");
            }

            _isResumed = true;
        }
        else
        {
            RejectEarlyData();
        }

        _link.Transcript.Append(message.Bytes.Span);
        _link.Ask(new AgreeKeyRequest(_link.NextRequestId, _share, chosen.PublicKey));
        _state = State.Agreeing;
        return _link.ReadNext(EncryptionLevel.Handshake);
    }

    private TransportError OnAgreedKey(AgreedKeyAnswer answer)
    {
        CryptographicOperations.ZeroMemory(_share!.Private);
        if (answer.Secret is null)
        {
            return AlertDescription.IllegalParameter.Because("the key share is not a public key");
        }

        _schedule = new(_suite, _isResumed ? _offer!.Value.Ticket.Psk : default);
        _schedule.AddSharedSecret(answer.Secret);
        CryptographicOperations.ZeroMemory(answer.Secret);
        byte[] hash = _link.Transcript.Hash(_suite);
        _clientSecret = _schedule.ClientHandshakeTraffic(hash);
        _serverSecret = _schedule.ServerHandshakeTraffic(hash);
        _link.Install(EncryptionLevel.Handshake, isWrite: false, _suite, [.. _serverSecret]);
        _link.Install(EncryptionLevel.Handshake, isWrite: true, _suite, [.. _clientSecret]);
        _state = State.Extensions;
        return TransportError.None;
    }

    private TransportError OnEncryptedExtensions(in HandshakeMessage message)
    {
        TransportError error = EncryptedExtensions.TryRead(message.Body, out EncryptedExtensions extensions);
        if (error.IsError)
        {
            return error;
        }

        if (extensions.AcknowledgesServerName && _hello.ServerName is null)
        {
            return AlertDescription.UnsupportedExtension.Because("server_name is answered though it was not sent");
        }

        if (extensions.ApplicationProtocol is null)
        {
            return AlertDescription.NoApplicationProtocol.Because("the server chose no application protocol");
        }

        if (!ApplicationProtocols.Contains(_options.AlpnProtocols, extensions.ApplicationProtocol))
        {
            return AlertDescription.IllegalParameter.Because("an application protocol that was not offered");
        }

        if (extensions.TransportParameters is null)
        {
            return AlertDescription.MissingExtension.Because("EncryptedExtensions without QUIC transport parameters");
        }

        if (extensions.TransportParameters.Length == 0)
        {
            return TransportError.Of(TransportErrorCode.TransportParameterError, "empty transport parameters", FrameType.Crypto);
        }

        TransportError early = OnEarlyDataAnswer(extensions);
        if (early.IsError)
        {
            return early;
        }

        _alpn = extensions.ApplicationProtocol;
        PeerTransportParameters = extensions.TransportParameters;
        _link.Transcript.Append(message.Bytes.Span);
        _state = State.Certificate;
        if (_isResumed)
        {
            _state = State.ServerFinished;
            _server.Recall(_offer!.Value.Ticket.PeerCertificates, _link);
        }

        return TransportError.None;
    }

    private TransportError OnEarlyDataAnswer(EncryptedExtensions extensions)
    {
        if (!extensions.AcceptsEarlyData)
        {
            RejectEarlyData();
            return TransportError.None;
        }

        if (EarlyData == EarlyDataState.None)
        {
            return AlertDescription.UnsupportedExtension.Because("early_data is answered though it was not sent");
        }

        // It was sealed by this suite and written in this protocol (RFC 8446, section 4.2.10).
        ResumptionTicket? ticket = _offer?.Ticket;
        if (EarlyData != EarlyDataState.Offered || ticket?.Suite != _suite || !ticket.Alpn.Span.SequenceEqual(extensions.ApplicationProtocol))
        {
            return AlertDescription.IllegalParameter.Because("early data is accepted for another session");
        }

        EarlyData = EarlyDataState.Accepted;
        return TransportError.None;
    }

    private void RejectEarlyData() => EarlyData = EarlyData == EarlyDataState.Offered ? EarlyDataState.Rejected : EarlyData;

    private TransportError OnCertificateRequest(in HandshakeMessage message)
    {
        _link.Transcript.Append(message.Bytes.Span);
        return Messages.CertificateRequest.TryRead(message.Body, out _certificateRequest);
    }

    private TransportError OnCertificate(in HandshakeMessage message)
    {
        TransportError error = _server.OnCertificate(message);
        if (!error.IsError && _server.Chain.Count == 0)
        {
            error = AlertDescription.DecodeError.Because("the server shows no certificate");
        }

        _link.Transcript.Append(message.Bytes.Span);
        _state = State.Proof;
        return error;
    }

    private TransportError OnCertificateVerify(in HandshakeMessage message)
    {
        TransportError error = _server.OnCertificateVerify(message, _suite, _options.SignatureSchemes, _link);
        _link.Transcript.Append(message.Bytes.Span);
        _state = State.ServerFinished;
        return error;
    }

    private TransportError OnFinished(in HandshakeMessage message)
    {
        byte[] expected = _schedule!.VerifyData(_serverSecret, _link.Transcript.Hash(_suite));
        if (message.Body.Length != expected.Length)
        {
            return AlertDescription.DecodeError.Because("Finished has the wrong length");
        }

        if (!CryptographicOperations.FixedTimeEquals(message.Body, expected))
        {
            return AlertDescription.DecryptError.Because("Finished is wrong");
        }

        _link.Transcript.Append(message.Bytes.Span);
        _schedule.AddMaster();
        byte[] hash = _link.Transcript.Hash(_suite);
        _clientApplicationSecret = _schedule.ClientApplicationTraffic(hash);
        _serverApplicationSecret = _schedule.ServerApplicationTraffic(hash);
        _exporter = _schedule.ExporterMaster(hash);
        TransportError error = _link.ReadNext(EncryptionLevel.OneRtt);
        if (error.IsError)
        {
            return error;
        }

        if (_certificateRequest is null)
        {
            return Finish();
        }

        _state = State.Signing;
        if (_options.Credential is not null)
        {
            return OnCredential(_options.Credential);
        }

        SignatureScheme[] schemes = [.. _certificateRequest.SignatureSchemes!.Select(scheme => (SignatureScheme)scheme)];
        _link.Ask(new SelectCertificateRequest(
            _link.NextRequestId, false, _options.ServerName, _options.AlpnProtocols, schemes, _certificateRequest.Authorities));
        return TransportError.None;
    }

    /// <summary>Without a certificate that fits, an empty chain says so, and the server decides (RFC 8446, section 4.4.2).</summary>
    private TransportError OnCredential(TlsCredential? credential)
    {
        SignatureScheme[] schemes = [.. _certificateRequest!.SignatureSchemes!.Select(scheme => (SignatureScheme)scheme)];
        if (credential?.SchemeFor(schemes) is not SignatureScheme scheme)
        {
            _link.Send(EncryptionLevel.Handshake, new Certificate { Chain = [] });
            return Finish();
        }

        _credential = credential;
        _scheme = scheme;
        _link.Send(EncryptionLevel.Handshake, new Certificate { Chain = credential.Chain });
        byte[] content = CertificateVerify.Content(byServer: false, _link.Transcript.Hash(_suite));
        _link.Ask(new SignRequest(_link.NextRequestId, _credential, scheme, content));
        return TransportError.None;
    }

    private TransportError OnSignature(SignatureAnswer answer)
    {
        if (answer.Signature is null)
        {
            return AlertDescription.InternalError.Because("the handshake could not be signed");
        }

        _link.Send(EncryptionLevel.Handshake, new CertificateVerify { Scheme = _scheme, Signature = answer.Signature });
        return Finish();
    }

    private TransportError Finish()
    {
        _link.Send(EncryptionLevel.Handshake, new Finished(_schedule!.VerifyData(_clientSecret, _link.Transcript.Hash(_suite))));
        _link.Install(EncryptionLevel.OneRtt, isWrite: false, _suite, [.. _serverApplicationSecret]);
        _link.Install(EncryptionLevel.OneRtt, isWrite: true, _suite, [.. _clientApplicationSecret]);
        ReadOnlyMemory<byte>[] chain = [.. _server.Chain.Select(certificate => (ReadOnlyMemory<byte>)certificate)];
        Session = NewSession(_suite, _alpn, chain, _exporter, _schedule.ResumptionMaster(_link.Transcript.Hash(_suite)));
        EarlySession = null;
        _state = State.Complete;
        _link.Transcript.Clear();
        Wipe();
        return TransportError.None;
    }

    private TlsSession NewSession(
        CipherSuite suite, ReadOnlyMemory<byte> alpn, IReadOnlyList<ReadOnlyMemory<byte>> chain, ReadOnlyMemory<byte> exporter, ReadOnlyMemory<byte> resumption) => new()
        {
            Suite = suite,
            Alpn = alpn,
            ServerName = _hello.ServerName,
            PeerCertificates = chain,
            ExporterSecret = exporter,
            ResumptionSecret = resumption,
            IsResumed = _isResumed || EarlyData == EarlyDataState.Offered,
            EarlyData = EarlyData,
            TakesTickets = _options.Resumes,
        };

    private void Wipe()
    {
        _schedule?.Wipe();
        foreach (byte[]? secret in (ReadOnlySpan<byte[]?>)
            [_share?.Private, _clientSecret, _serverSecret, _clientApplicationSecret, _serverApplicationSecret])
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
