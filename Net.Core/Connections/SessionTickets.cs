using Net.Core.Crypto;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What a connection has to remember of the tickets that it gave, or that it was given (RFC 8446, section 4.6.1).</summary>
internal sealed class SessionTickets : IPart<SessionTickets>
{
    private ulong _issued;
    private uint? _issuedUnder;
    private byte[]? _applicationState;

    public static ulong Section => SectionNumber.SessionTickets;

    public ulong Changes { get; private set; }

    /// <summary>Of a server: the number of the key that the latest ticket was sealed with; null before the first.</summary>
    public uint? IssuedUnder => _issuedUnder;

    /// <summary>Of a server: how many there were. Also the nonce of the next one, from which its key is made: no two may have the same.</summary>
    public ulong Issued => _issued;

    /// <summary>Of a client: what the application protocol wants to be kept with tickets; null until it has said so.</summary>
    public byte[]? ApplicationState => _applicationState;

    /// <summary>Makes a ticket for the session, and counts it.</summary>
    /// <param name="key">The newest.</param>
    /// <param name="second">Of the wall clock.</param>
    /// <param name="entropy">20 bytes.</param>
    public NewSessionTicket Issue(
        TlsSession session, TlsServerOptions options, uint version, RememberedLimits limits, TicketKey key, long second, ReadOnlySpan<byte> entropy)
    {
        byte[] nonce = new byte[sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(nonce, _issued);
        uint ageAdd = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(entropy[TicketSealer.SerialLength..]);
        uint lifetime = (uint)double.Clamp(options.TicketLifetime.TotalSeconds, 0, TlsLimits.TicketLifetime);
        byte[] psk = KeySchedule.ResumptionPsk(session.Suite, session.ResumptionSecret.Span, nonce);
        SealedSession content = new(
            session.Suite, version, second, lifetime, ageAdd, session.Alpn, session.ServerName, psk, limits, options.EarlyDataState);
        byte[] ticket = TicketSealer.Seal(key, content, entropy[..TicketSealer.SerialLength]);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(psk);
        _issued++;
        _issuedUnder = key.Number;
        Changes++;
        return new() { Lifetime = lifetime, AgeAdd = ageAdd, Nonce = nonce, Ticket = ticket, AllowsEarlyData = options.AcceptsEarlyData };
    }

    /// <summary>What a client keeps of a ticket; null when it is of no use.</summary>
    public ResumptionTicket? Receive(NewSessionTicket message, TlsSession session, uint version, RememberedLimits limits, Instant now)
    {
        uint lifetime = uint.Min(message.Lifetime, TlsLimits.TicketLifetime);
        return !session.TakesTickets || lifetime == 0 || message.Ticket.Length > TlsLimits.KeptTicket ? null : new()
        {
            Suite = session.Suite,
            Version = version,
            Alpn = session.Alpn,
            Ticket = message.Ticket,
            Psk = KeySchedule.ResumptionPsk(session.Suite, session.ResumptionSecret.Span, message.Nonce),
            AgeAdd = message.AgeAdd,
            ReceivedAt = now,
            ExpiresAt = now + TimeSpan.FromSeconds(lifetime),
            AllowsEarlyData = message.AllowsEarlyData,
            Limits = limits,
            PeerCertificates = session.PeerCertificates,
            ApplicationState = _applicationState,
        };
    }

    public void Keep(byte[] applicationState)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(applicationState.Length, TlsLimits.ApplicationState, nameof(applicationState));
        _applicationState = applicationState;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_issued);
        writer.WriteBool(_issuedUnder is not null);
        if (_issuedUnder is uint number)
        {
            writer.WriteNumber(number);
        }

        writer.WriteBool(_applicationState is not null);
        writer.WriteBytes(_applicationState);
    }

    public static SessionTickets Import(SnapshotReader reader)
    {
        SessionTickets tickets = new() { _issued = reader.ReadNumber() };
        tickets._issuedUnder = reader.ReadBool() ? (uint)reader.ReadNumber(uint.MaxValue) : null;
        bool hasState = reader.ReadBool();
        byte[] state = reader.ReadBytes().ToArray();
        tickets._applicationState = hasState ? state : null;
        bool sound = (tickets._issued > 0) == tickets._issuedUnder is not null && state.Length <= (hasState ? TlsLimits.ApplicationState : 0);
        return sound ? tickets : throw new SnapshotException("tickets contradict their count");
    }
}
