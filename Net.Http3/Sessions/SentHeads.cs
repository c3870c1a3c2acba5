using System.Buffers;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>The head of a message, interim or final, or its trailers, on the way out.</summary>
internal static class SentHeads
{
    /// <summary>Encodes a section, and sends first what it inserts into the peer's table.</summary>
    /// <param name="session">Whose tables are used.</param>
    /// <param name="transport">The session's connection.</param>
    /// <param name="request">The message's stream.</param>
    /// <param name="fields">What to send; it was checked.</param>
    /// <param name="isFinal">The body may follow.</param>
    /// <param name="contentLength">With <paramref name="isFinal"/>: bytes of the body, or -1.</param>
    public static void Write(Http3Session session, IStreamTransport transport, RequestStream request, FieldSection fields, bool isFinal, long contentLength)
    {
        byte[] section = ArrayPool<byte>.Shared.Rent(FieldSectionEncoder.MaxLength(fields));
        int room = QpackStreams.Room(session.Encoder, session.Decoder, transport, session.Grease);
        int length = session.Encoder.Encode(request.Id.Value, fields, room, section);
        session.FlushQpack();
        ByteWriter before = new(stackalloc byte[Grease.MaxFrame]);
        if (isFinal)
        {
            session.Grease?.WriteBeforeHead(ref before, request.Id);
        }

        if (transport.IsObserved)
        {
            transport.Tell(new FrameTrace(IsCreated: true, request.Id, Http3FrameType.Headers, (ulong)length) { Fields = fields });
        }

        request.Writer.WriteHead(transport, request.Id, before.Written, section.AsSpan(0, length), isFinal, contentLength);
        ArrayPool<byte>.Shared.Return(section, clearArray: true);
    }
}
