using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>What is said to strangers without remembering them. Each answer is shorter than its cause, and few wait at a time.</summary>
/// <param name="capacity">Answers that wait to be sent; further ones are dropped.</param>
internal sealed class StatelessAnswers(int capacity)
{
    /// <summary>Room for the fixed bit, some unpredictable bits and the token (RFC 9000, section 10.3).</summary>
    public const int MinReset = 21;

    public const int MaxReset = 64;

    /// <summary>What is no longer than this is answered by one byte less (section 10.3.3).</summary>
    private const int ShortTrigger = 43;

    private readonly Queue<StatelessPacket> _waiting = new();

    public bool IsEmpty => _waiting.Count == 0;

    public bool IsFull => _waiting.Count >= capacity;

    public bool TryTake(out StatelessPacket packet) => _waiting.TryDequeue(out packet);

    /// <summary>Version Negotiation (RFC 9000, section 6.1).</summary>
    public void Negotiate(in InvariantHeader header, in NetworkPath path, uint random)
    {
        if (!IsFull)
        {
            Span<byte> packet = stackalloc byte[128];
            ByteWriter writer = new(packet);
            // A version that nobody speaks is among them, so that clients keep passing over what they do not know (RFC 9000, section 6.3).
            VersionNegotiationPacket.Write(
                ref writer, (byte)random, header.Source, header.Destination, [QuicVersion.V1, QuicVersion.V2, QuicVersion.Reserved(random)]);
            Add(writer.Written, path);
        }
    }

    /// <summary>Retry (RFC 9000, section 17.2.5), in answer to an Initial.</summary>
    /// <param name="source">The ID that the client is to come back with.</param>
    /// <param name="random">For the four bits that mean nothing.</param>
    public void Retry(in LongHeader initial, ConnectionId source, ReadOnlySpan<byte> token, byte random, in NetworkPath path)
    {
        if (!IsFull)
        {
            Span<byte> packet = stackalloc byte[RetryPacket.Length(initial.Source, source, AddressTokens.MaxLength)];
            ByteWriter writer = new(packet);
            RetryPacket.Write(ref writer, initial.Version, initial.Source, source, token);
            packet[0] |= (byte)(random & 0x0F);
            int length = writer.Position + RetryPacket.TagLength;
            RetryIntegrity.Compute(initial.Version, packet[..writer.Position], initial.Destination, packet[writer.Position..length]);
            Add(packet[..length], path);
        }
    }

    /// <summary>
    /// CONNECTION_CLOSE in an Initial packet: the client need not wait for a time-out (RFC 9000, section 8.1.3). Only if its own Initial
    /// opens: one that was damaged on the way must not end a connection.
    /// </summary>
    /// <param name="datagram">Begins with the Initial; opened in place.</param>
    public void Refuse(Span<byte> datagram, in LongHeader initial, TransportErrorCode code, in NetworkPath path)
    {
        if (IsFull)
        {
            return;
        }

        Span<byte> client = stackalloc byte[InitialSecrets.Length];
        Span<byte> server = stackalloc byte[InitialSecrets.Length];
        InitialSecrets.Derive(initial.Version, initial.Destination, client, server);
        if (!Opens(datagram[..initial.PacketLength], initial, client))
        {
            return;
        }

        using PacketProtection keys = ProtectionSuites.Default.Create(InitialSecrets.Suite, server, server, initial.Version);
        Span<byte> packet = stackalloc byte[128];
        ByteWriter writer = new(packet);
        LongHeader.Write(ref writer, LongPacketType.Initial, initial.Version, initial.Source, initial.Destination, [], out int lengthOffset);
        int numberOffset = writer.Position;
        PacketNumber.Write(ref writer, 0, 1);
        new ConnectionCloseFrame(isApplication: false, (ulong)code, 0, default).Write(ref writer);
        int end = writer.Position + PacketProtection.TagLength;
        LongHeader.PatchLength(packet, lengthOffset, end - numberOffset);
        keys.Seal(packet[..end], numberOffset, 1, 0);
        Add(packet[..end], path);
    }

    /// <summary>Stateless reset (RFC 9000, section 10.3): looks like a short packet, and ends with the token of the ID that the datagram was sent to.</summary>
    /// <param name="trigger">Bytes of the datagram that is answered: the reset is shorter, so that two ends never answer each other for ever.</param>
    /// <param name="random"><see cref="MaxReset"/> bytes.</param>
    /// <returns>False when the trigger is too short, or too many answers wait.</returns>
    public bool Reset(int trigger, ResetToken token, Span<byte> random, in NetworkPath path)
    {
        if (trigger <= MinReset || IsFull)
        {
            return false;
        }

        // Longer than that it need not be to pass for a packet; of one length it should not always be.
        int length = trigger <= ShortTrigger ? trigger - 1 : ShortTrigger + (random[0] % (int.Min(trigger, MaxReset + 1) - ShortTrigger));
        random[0] = (byte)(0x40 | (random[1] & 0x3F));
        token.CopyTo(random[(length - ResetToken.Length)..]);
        Add(random[..length], path);
        return true;
    }

    private static bool Opens(Span<byte> packet, in LongHeader initial, ReadOnlySpan<byte> secret)
    {
        using PacketProtection keys = ProtectionSuites.Default.Create(InitialSecrets.Suite, secret, secret, initial.Version);
        return keys.TryUnmask(packet, initial.PacketNumberOffset, out int length, out uint truncated)
            && keys.TryOpen(packet, initial.PacketNumberOffset + length, PacketNumber.Decode(null, truncated, length));
    }

    private void Add(ReadOnlySpan<byte> packet, in NetworkPath path) => _waiting.Enqueue(new(packet.ToArray(), path));
}

/// <summary>A datagram of no connection.</summary>
internal readonly record struct StatelessPacket(byte[] Bytes, NetworkPath Path);
