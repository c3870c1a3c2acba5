using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>What a server makes of a ClientHello: a pure function of offer and options.</summary>
/// <param name="Suite">The first of ours that is offered.</param>
/// <param name="Group">The first of ours with a share; if there is none, the first that the client could send one for.</param>
/// <param name="ClientShare">Null: ask again, by HelloRetryRequest.</param>
/// <param name="ApplicationProtocol">The first of ours that is offered.</param>
internal readonly record struct ServerChoice(CipherSuite Suite, NamedGroup Group, byte[]? ClientShare, byte[] ApplicationProtocol)
{
    public static TransportError TryMake(ClientHello hello, TlsServerOptions options, out ServerChoice choice)
    {
        choice = default;
        TransportError error = CheckFields(hello);
        if (error.IsError)
        {
            return error;
        }

        byte[]? protocol = ApplicationProtocols.Select(options.AlpnProtocols, hello.ApplicationProtocols ?? []);
        if (protocol is null)
        {
            return AlertDescription.NoApplicationProtocol.Because("no application protocol in common");
        }

        if (hello.SignatureSchemes is null || hello.Groups is null || hello.KeyShares is null)
        {
            return AlertDescription.MissingExtension.Because("ClientHello without groups, key shares or signature algorithms");
        }

        int suite = FirstCommon(options.Suites, static s => (ushort)s, hello.CipherSuites);
        int group = FirstCommon(options.Groups, static g => (ushort)g, hello.Groups);
        if (suite < 0 || group < 0)
        {
            return AlertDescription.HandshakeFailure.Because(suite < 0 ? "no cipher suite in common" : "no group in common");
        }

        choice = new(options.Suites[suite], options.Groups[group], null, protocol);
        foreach (NamedGroup candidate in options.Groups)
        {
            foreach (KeyShareEntry share in hello.KeyShares)
            {
                if (share.Group == candidate)
                {
                    choice = choice with { Group = candidate, ClientShare = share.PublicKey };
                    return TransportError.None;
                }
            }
        }

        return TransportError.None;
    }

    /// <summary>Whether a second ClientHello changed only what it may change (RFC 8446, section 4.1.2): here the key shares.</summary>
    public static bool IsSameOffer(ClientHello first, ClientHello second) =>
        first.Random.AsSpan().SequenceEqual(second.Random)
        && first.CipherSuites.AsSpan().SequenceEqual(second.CipherSuites)
        && first.Groups.AsSpan().SequenceEqual(second.Groups)
        && first.SignatureSchemes.AsSpan().SequenceEqual(second.SignatureSchemes)
        && first.TransportParameters.AsSpan().SequenceEqual(second.TransportParameters)
        && first.ServerName == second.ServerName
        && first.ApplicationProtocols!.Count == second.ApplicationProtocols!.Count
        && first.ApplicationProtocols.Zip(second.ApplicationProtocols).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private static TransportError CheckFields(ClientHello hello)
    {
        if (!hello.OffersTls13)
        {
            return AlertDescription.ProtocolVersion.Because("TLS 1.3 is not offered");
        }

        if (hello.SessionId.Length > 0)
        {
            return TransportError.ProtocolViolation("a session ID, as for middleboxes (RFC 9001, section 8.4)", FrameType.Crypto);
        }

        if (hello.PreSharedKey is not null && hello.PskModes is null)
        {
            return AlertDescription.MissingExtension.Because("pre_shared_key without its modes");
        }

        if (hello.HasEarlyData && hello.PreSharedKey is null)
        {
            return AlertDescription.IllegalParameter.Because("early_data without pre_shared_key");
        }

        if (hello.TransportParameters is null)
        {
            return AlertDescription.MissingExtension.Because("ClientHello without QUIC transport parameters");
        }

        // A share must be in a group that is also listed (section 4.2.8).
        foreach (KeyShareEntry share in hello.KeyShares ?? [])
        {
            if (hello.Groups is not null && Array.IndexOf(hello.Groups, (ushort)share.Group) < 0)
            {
                return AlertDescription.IllegalParameter.Because("a key share in a group that is not offered");
            }
        }

        return TransportError.None;
    }

    /// <summary>Our order wins; linear in the peer's list, as ours is a handful.</summary>
    private static int FirstCommon<T>(IReadOnlyList<T> ours, Func<T, ushort> number, ushort[] theirs)
    {
        for (int i = 0; i < ours.Count; i++)
        {
            if (Array.IndexOf(theirs, number(ours[i])) >= 0)
            {
                return i;
            }
        }

        return -1;
    }
}
