using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

/// <summary>A client and a server that pass each other their CRYPTO bytes, cut as wanted and perhaps tampered with on the way.</summary>
internal sealed class HandshakePair
{
    public static readonly byte[] ClientParameters = [0x0F, 0x01, 0xC1];
    public static readonly byte[] ServerParameters = [0x0F, 0x01, 0x5E];

    public HandshakePair(
        IReadOnlyList<CipherSuite>? clientSuites = null,
        IReadOnlyList<NamedGroup>? clientGroups = null,
        IReadOnlyList<NamedGroup>? serverGroups = null,
        ClientCertificates mode = ClientCertificates.None,
        TlsCredential? clientCredential = null,
        IReadOnlyList<byte[]>? clientAlpn = null,
        string serverName = "server.test",
        ulong seed = 1,
        ResumptionOffer? offer = null,
        TicketContext? tickets = null,
        bool early = false,
        bool resumes = true,
        byte[]? earlyState = null,
        IReadOnlyList<CipherSuite>? serverSuites = null,
        IReadOnlyList<byte[]>? serverAlpn = null)
    {
        ClientHost = new(seed);
        ServerHost = new(seed + 1_000_000);
        byte[] entropy = new byte[32];
        ClientHost.FillEntropy(entropy);
        Client = new(
            new TlsClientOptions
            {
                AlpnProtocols = clientAlpn ?? ["h3"u8.ToArray()],
                ServerName = serverName,
                Resumes = resumes,
                SendsEarlyData = early,
                Credential = clientCredential,
                Suites = clientSuites ?? [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256],
                Groups = clientGroups ?? [NamedGroup.X25519, NamedGroup.Secp256r1],
            },
            ClientParameters,
            entropy,
            offer);
        ServerHost.FillEntropy(entropy);
        Server = new(
            new TlsServerOptions
            {
                AlpnProtocols = serverAlpn ?? ["h3"u8.ToArray(), "hq-interop"u8.ToArray()],
                Suites = serverSuites ?? [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256],
                ClientCertificates = mode,
                AcceptsEarlyData = early,
                EarlyDataState = earlyState,
                Groups = serverGroups ?? [NamedGroup.X25519, NamedGroup.Secp256r1],
            },
            ServerParameters,
            entropy,
            tickets);
    }

    public TlsClient Client { get; }

    public TlsServer Server { get; }

    public TestHost ClientHost { get; }

    public TestHost ServerHost { get; }

    public List<TlsSecret> ClientSecrets { get; } = [];

    public List<TlsSecret> ServerSecrets { get; } = [];

    /// <summary>Every message as it was delivered.</summary>
    public List<(bool FromClient, EncryptionLevel Level, byte[] Bytes)> Log { get; } = [];

    /// <summary>Bytes per call; a message is always cut at its end too.</summary>
    public int PieceLength { get; set; } = int.MaxValue;

    /// <summary>Replaces messages on their way: from whom, which bytes; null leaves them.</summary>
    public Func<bool, byte[], byte[]?>? Tamper { get; set; }

    public TransportError ClientError { get; private set; }

    public TransportError ServerError { get; private set; }

    public bool IsComplete => Client.IsComplete && Server.IsComplete;

    /// <summary>Goes on until neither side has anything to say.</summary>
    public HandshakePair Run()
    {
        bool moved = true;
        for (int turn = 0; moved && turn < 50; turn++)
        {
            moved = Serve(Client, ClientHost, ClientSecrets, fromClient: true) | Serve(Server, ServerHost, ServerSecrets, fromClient: false);
        }

        Assert.IsFalse(moved, "the handshake goes in circles");
        return this;
    }

    public static HandshakeType TypeOf(byte[] message) => (HandshakeType)message[0];

    private bool Serve(ITlsHandshake side, TestHost host, List<TlsSecret> secrets, bool fromClient)
    {
        bool moved = false;
        while (side.TryTakeSecret(out TlsSecret secret))
        {
            secrets.Add(secret);
            moved = true;
        }

        while (side.TryTakeOutput(out TlsOutput output))
        {
            byte[] bytes = output.Bytes.ToArray();
            Deliver(fromClient, output.Level, Tamper?.Invoke(fromClient, bytes) ?? bytes);
            moved = true;
        }

        while (side.TryTakeRequest(out CryptoRequest request))
        {
            TransportError error = side.OnAnswer(CryptoWorker.Answer(request, host));
            if (fromClient)
            {
                ClientError = error;
            }
            else
            {
                ServerError = error;
            }

            moved = true;
        }

        return moved;
    }

    private void Deliver(bool fromClient, EncryptionLevel level, byte[] bytes)
    {
        Log.Add((fromClient, level, bytes));
        for (int at = 0; at < bytes.Length; at += PieceLength)
        {
            ReadOnlySpan<byte> piece = bytes.AsSpan(at, int.Min(PieceLength, bytes.Length - at));
            if (fromClient)
            {
                ServerError = Server.OnCrypto(level, piece);
            }
            else
            {
                ClientError = Client.OnCrypto(level, piece);
            }

            if (PieceLength > bytes.Length)
            {
                break;
            }
        }
    }
}
