using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>What a server needs of the outside to judge a client's tickets.</summary>
/// <param name="Keys">The newest first.</param>
/// <param name="Second">Of the host's wall clock, as a ticket may be opened by another machine than its maker's.</param>
/// <param name="Version">The connection's QUIC version.</param>
/// <param name="Limits">What this server tells its clients now.</param>
/// <param name="Ledger">Of those who open tickets with these keys for the same purpose.</param>
internal sealed record TicketContext(IReadOnlyList<TicketKey> Keys, long Second, uint Version, RememberedLimits Limits, IEarlyDataLedger Ledger);

/// <summary>A ticket that was taken.</summary>
/// <param name="Session">What it holds.</param>
/// <param name="Index">Which of the client's identities.</param>
/// <param name="Serial">Tells tickets apart.</param>
/// <param name="SentAt">When the client says that it sent its ClientHello, in seconds of our clock.</param>
internal sealed record ResumedSession(SealedSession Session, ushort Index, UInt128 Serial, long SentAt)
{
    /// <summary>Whether 0-RTT data is read: the first ticket, fresh, used once, for a session that is like this one in all that the data was made for.</summary>
    public bool MayBringEarlyData(in ServerChoice choice, TlsServerOptions options, TicketContext context) =>
        options.AcceptsEarlyData
        && Index == 0
        && Session.Suite == choice.Suite
        && Session.Limits.HoldUnder(context.Limits)
        && Session.ApplicationState.Span.SequenceEqual(options.EarlyDataState.Span)
        && context.Ledger.TryUse(Serial, SentAt, context.Second);

    /// <summary>Takes the first ticket that is ours, alive, and of the same name, protocol, version and hash (checklist S45).</summary>
    /// <param name="hello">With its pre_shared_key.</param>
    /// <param name="message">All of its bytes.</param>
    /// <param name="resumed">Null: none can be taken, and the handshake is a full one.</param>
    /// <returns>decrypt_error when the client does not know the key of the ticket that was taken (RFC 8446, section 4.2.11).</returns>
    public static TransportError TryTake(
        ClientHello hello, ReadOnlySpan<byte> message, in ServerChoice choice, TicketContext context, Transcript transcript, out ResumedSession? resumed)
    {
        resumed = null;
        if (hello.PreSharedKey is not PskOffer offer || hello.PskModes?.Contains(PskOffer.DheMode) != true)
        {
            return TransportError.None;
        }

        for (int i = 0; i < offer.Identities.Count; i++)
        {
            if (!TicketSealer.TryOpen(context.Keys, offer.Identities[i].Ticket, out SealedSession? session, out UInt128 serial)
                || !IsUsable(session, hello, choice, context))
            {
                continue;
            }

            KeySchedule schedule = new(choice.Suite, session.Psk.Span);
            byte[] expected = schedule.Binder(transcript.HashWith(choice.Suite, message[..^offer.BindersLength]));
            schedule.Wipe();
            if (!CryptographicOperations.FixedTimeEquals(expected, offer.Binders[i]))
            {
                return AlertDescription.DecryptError.Because("a binder is wrong");
            }

            uint age = unchecked(offer.Identities[i].ObfuscatedAge - session.AgeAdd) / 1000;
            resumed = new(session, (ushort)i, serial, session.IssuedAt + age);
            return TransportError.None;
        }

        return TransportError.None;
    }

    private static bool IsUsable(SealedSession session, ClientHello hello, in ServerChoice choice, TicketContext context)
    {
        long age = context.Second - session.IssuedAt;
        return age >= -EarlyDataLedger.Tolerance
            && age <= session.Lifetime
            && session.Version == context.Version
            && session.Suite.Hash == choice.Suite.Hash
            && session.Alpn.Span.SequenceEqual(choice.ApplicationProtocol)
            // Both in lower case: a name is the same name however it is written.
            && session.ServerName == hello.ServerName;
    }
}
