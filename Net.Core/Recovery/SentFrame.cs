using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>What a frame was about, for the part that sent it to hear of its fate.</summary>
internal enum SentFrameKind : byte
{
    Ping,
    Ack,
    Crypto,
    Stream,
    ResetStream,
    StopSending,
    MaxData,
    MaxStreamData,
    MaxStreams,
    DataBlocked,
    StreamDataBlocked,
    StreamsBlocked,
    NewConnectionId,
    RetireConnectionId,
    NewToken,
    PathChallenge,
    PathResponse,
    HandshakeDone,
    Datagram,

    /// <summary>A PING in a packet of the size that a path is tried with: its loss is no sign of congestion (RFC 9000, section 14.4).</summary>
    MtuProbe,
}

/// <summary>What a sent packet carried, as data: on loss any owner of the connection can say it again.</summary>
/// <param name="Kind">Which part is told of the frame's fate.</param>
/// <param name="Id">Stream ID; sequence number (connection IDs); 0 or 1 for the kind of streams (1 = unidirectional); largest number acknowledged (ACK); encryption level (CRYPTO); 0 otherwise.</param>
/// <param name="Offset">Offset of the first byte (STREAM, CRYPTO); the limit that was told (MAX_*, *_BLOCKED); the data (PATH_*); below which all was told (ACK, if it was cut short); 0 otherwise.</param>
/// <param name="Length">Bytes of data carried.</param>
/// <param name="Fin">The frame ended its stream; or was cut short, and does not tell of all that has arrived (ACK).</param>
internal readonly record struct SentFrame(SentFrameKind Kind, ulong Id = 0, ulong Offset = 0, uint Length = 0, bool Fin = false)
{
    public StreamId Stream => new(Id);

    public EncryptionLevel Level => (EncryptionLevel)Id;
}
