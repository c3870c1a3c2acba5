using Net.Core.Errors;
using Net.Core.Snapshots;
using Net.Core.Tls;
using Net.Core.Tls.Messages;

namespace Net.Core.Connections;

/// <summary>Puts together the TLS messages that come to a client after the handshake: tickets, and nothing else (RFC 9001, section 4.6).</summary>
/// <remarks>
/// A message may be cut anywhere, also by a move, so its beginning travels: the new owner has no TLS machine, and needs none. KeyUpdate is
/// forbidden in QUIC (section 6), all else unexpected. A byte is copied once or twice, however small the pieces are that it comes in.
/// </remarks>
internal sealed class PostHandshakeMessages : IPart<PostHandshakeMessages>
{
    /// <summary>Bytes of one message with its header: a ticket with its extensions is far smaller (checklist S38).</summary>
    public const int MaxMessage = 16 * 1024;

    // A message's beginning, with room to grow.
    private byte[] _held = [];
    private int _count;

    public static ulong Section => SectionNumber.PostHandshakeMessages;

    public ulong Changes { get; private set; }

    /// <param name="isServer">A client has nothing to say after its Finished.</param>
    /// <param name="bytes">The next bytes of the 1-RTT CRYPTO stream.</param>
    /// <param name="tickets">Those that are complete are added.</param>
    public TransportError Read(bool isServer, ReadOnlySpan<byte> bytes, List<NewSessionTicket> tickets)
    {
        if (bytes.IsEmpty)
        {
            return TransportError.None;
        }

        Changes++;
        // What lies there in one piece is read where it lies.
        ReadOnlySpan<byte> rest = _count == 0 ? bytes : Append(bytes);
        while (!rest.IsEmpty)
        {
            if (isServer || rest[0] != (byte)HandshakeType.NewSessionTicket)
            {
                return AlertDescription.UnexpectedMessage.Because("a TLS message after the handshake");
            }

            if (!IsComplete(rest, out int length))
            {
                break;
            }

            if (length > MaxMessage)
            {
                return AlertDescription.IllegalParameter.Because("a TLS message is too long");
            }

            TransportError error = NewSessionTicket.TryRead(rest[HandshakeMessage.HeaderLength..length], out NewSessionTicket ticket);
            if (error.IsError)
            {
                return error;
            }

            tickets.Add(ticket);
            rest = rest[length..];
        }

        Keep(rest);
        return TransportError.None;
    }

    public void Export(SnapshotWriter writer) => writer.WriteBytes(_held.AsSpan(0, _count));

    public static PostHandshakeMessages Import(SnapshotReader reader)
    {
        PostHandshakeMessages messages = new() { _held = reader.ReadBytes().ToArray() };
        messages._count = messages._held.Length;
        bool sound = messages._held.Length == 0
            || (messages._held[0] == (byte)HandshakeType.NewSessionTicket && messages._held.Length < MaxMessage && !IsComplete(messages._held, out _));
        return sound ? messages : throw new SnapshotException("a TLS message's beginning is none");
    }

    /// <summary>Twice as far each time that the room is too small.</summary>
    private Span<byte> Append(ReadOnlySpan<byte> bytes)
    {
        if (_held.Length - _count < bytes.Length)
        {
            Array.Resize(ref _held, int.Max(_count + bytes.Length, 2 * _held.Length));
        }

        bytes.CopyTo(_held.AsSpan(_count));
        _count += bytes.Length;
        return _held.AsSpan(0, _count);
    }

    /// <summary>Holds the beginning of a message, perhaps as it lies; an idle connection holds nothing.</summary>
    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.Length != _count || _count == 0)
        {
            (_held, _count) = (rest.ToArray(), rest.Length);
        }
    }

    /// <summary>Also true for a message that says to be longer than any that is waited for.</summary>
    private static bool IsComplete(ReadOnlySpan<byte> bytes, out int length)
    {
        length = bytes.Length < HandshakeMessage.HeaderLength
            ? int.MaxValue
            : HandshakeMessage.HeaderLength + ((bytes[1] << 16) | (bytes[2] << 8) | bytes[3]);
        return bytes.Length >= HandshakeMessage.HeaderLength && (bytes.Length >= length || length > MaxMessage);
    }
}
