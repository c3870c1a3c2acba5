using Net.Core.Errors;
using Net.Core.Snapshots;

namespace Net.Core.Connections;

/// <summary>Where a client stands in the TLS messages that come after the handshake: tickets, which it passes over (RFC 9001, section 4.6).</summary>
/// <remarks>
/// Nothing is kept of a message but how much of it is still to come: a message may be cut anywhere, also by a move, and the new owner has
/// no TLS machine. KeyUpdate is forbidden in QUIC (section 6), all else unexpected.
/// </remarks>
internal sealed class PostHandshakeMessages : IPart<PostHandshakeMessages>
{
    /// <summary>Bytes of one message: a ticket with its extensions is far smaller.</summary>
    public const int MaxMessage = 64 * 1024;

    private const byte NewSessionTicket = 4;
    private const byte UnexpectedMessage = 10;
    private const byte IllegalParameter = 47;
    private const int HeaderLength = 4;

    private uint _header;
    private int _headerBytes;
    private int _toSkip;

    public static ulong Section => SectionNumber.PostHandshakeMessages;

    public ulong Changes { get; private set; }

    /// <param name="isServer">A client has nothing to say after its Finished.</param>
    /// <param name="bytes">The next bytes of the 1-RTT CRYPTO stream.</param>
    public TransportError Read(bool isServer, ReadOnlySpan<byte> bytes)
    {
        Changes++;
        while (!bytes.IsEmpty)
        {
            if (_headerBytes < HeaderLength)
            {
                _header = (_header << 8) | bytes[0];
                bytes = bytes[1..];
                if (_headerBytes++ == 0 && (isServer || _header != NewSessionTicket))
                {
                    return TransportError.Alert(UnexpectedMessage, "a TLS message after the handshake");
                }

                _toSkip = _headerBytes == HeaderLength ? (int)(_header & 0xFF_FFFF) : 0;
                if (_toSkip > MaxMessage)
                {
                    return TransportError.Alert(IllegalParameter, "a TLS message is too long");
                }
            }

            int skipped = int.Min(_toSkip, bytes.Length);
            bytes = bytes[skipped..];
            _toSkip -= skipped;
            if (_headerBytes == HeaderLength && _toSkip == 0)
            {
                _header = 0;
                _headerBytes = 0;
            }
        }

        return TransportError.None;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_header);
        writer.WriteNumber((ulong)_headerBytes);
        writer.WriteNumber((ulong)_toSkip);
    }

    public static PostHandshakeMessages Import(SnapshotReader reader)
    {
        PostHandshakeMessages messages = new()
        {
            _header = (uint)reader.ReadNumber(uint.MaxValue),
            _headerBytes = (int)reader.ReadNumber(HeaderLength),
            _toSkip = (int)reader.ReadNumber(MaxMessage),
        };
        bool sound = (messages._headerBytes == HeaderLength) == (messages._toSkip > 0) && (messages._headerBytes > 0 || messages._header == 0);
        return sound ? messages : throw new SnapshotException("a TLS message's rest contradicts its head");
    }
}
