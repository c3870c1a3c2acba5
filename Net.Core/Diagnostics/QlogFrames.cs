using System.Text;
using System.Text.Json;
using Net.Core.Recovery;
using Net.Core.Wire;

namespace Net.Core.Diagnostics;

/// <summary>The frames of a packet, read once more from its plaintext, as qlog writes them (quic-events, appendix A.12).</summary>
internal static class QlogFrames
{
    /// <summary>Frames of one packet that are written down; a packet can hold some sixty thousand.</summary>
    public const int MaxPerPacket = 256;

    /// <summary>Bytes of a peer's reason phrase that are written down.</summary>
    public const int MaxReason = 256;

    /// <param name="payload">Perhaps malformed: what does not parse ends the list, as an unknown frame.</param>
    /// <param name="ackDelayExponent">Of whoever sent the packet.</param>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> payload, int ackDelayExponent)
    {
        json.WriteStartArray("frames"u8);
        ByteReader reader = new(payload);
        for (int count = 0; !reader.IsEmpty && count < MaxPerPacket; count++)
        {
            if (!reader.TryReadVarInt(out ulong type))
            {
                break;
            }

            json.WriteStartObject();
            bool known = WriteFrame(json, (FrameType)type, ref reader, ackDelayExponent);
            if (!known)
            {
                json.WriteString("frame_type"u8, "unknown"u8);
                json.WriteNumber("frame_type_bytes"u8, type);
            }

            json.WriteEndObject();
            if (!known)
            {
                break;
            }
        }

        json.WriteEndArray();
    }

    private static bool WriteFrame(Utf8JsonWriter json, FrameType type, ref ByteReader reader, int ackDelayExponent)
    {
        switch (type)
        {
            case FrameType.Padding:
                WritePadding(json, ref reader);
                return true;
            case FrameType.Ping:
                json.WriteString("frame_type"u8, "ping"u8);
                return true;
            case FrameType.HandshakeDone:
                json.WriteString("frame_type"u8, "handshake_done"u8);
                return true;
            case FrameType.Ack or FrameType.AckEcn when AckFrame.TryRead(type, ref reader, out AckFrame f):
                WriteAck(json, f, ackDelayExponent);
                return true;
            case FrameType.Crypto when CryptoFrame.TryRead(ref reader, out CryptoFrame f):
                json.WriteString("frame_type"u8, "crypto"u8);
                json.WriteNumber("offset"u8, f.Offset);
                WriteRaw(json, f.Data.Length);
                return true;
            case >= FrameType.Stream and <= FrameType.StreamLast when StreamFrame.TryRead(type, ref reader, out StreamFrame f):
                WriteStream(json, f);
                return true;
            case FrameType.Datagram or FrameType.DatagramWithLength when DatagramFrame.TryRead(type, ref reader, out DatagramFrame f):
                json.WriteString("frame_type"u8, "datagram"u8);
                WriteRaw(json, f.Data.Length);
                return true;
            case FrameType.NewToken when NewTokenFrame.TryRead(ref reader, out NewTokenFrame f):
                json.WriteString("frame_type"u8, "new_token"u8);
                json.WriteStartObject("token"u8);
                WriteRaw(json, f.Token.Length);
                json.WriteEndObject();
                return true;
            case FrameType.ConnectionClose or FrameType.ApplicationClose when ConnectionCloseFrame.TryRead(type, ref reader, out ConnectionCloseFrame f):
                WriteClose(json, f);
                return true;
            default:
                return WriteStreamControl(json, type, ref reader) || WriteConnectionControl(json, type, ref reader);
        }
    }

    private static bool WriteStreamControl(Utf8JsonWriter json, FrameType type, ref ByteReader reader)
    {
        switch (type)
        {
            case FrameType.ResetStream when ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame f):
                json.WriteString("frame_type"u8, "reset_stream"u8);
                json.WriteNumber("stream_id"u8, f.Id.Value);
                QlogNames.WriteApplicationError(json, "error"u8, f.ErrorCode);
                json.WriteNumber("final_size"u8, f.FinalSize);
                return true;
            case FrameType.StopSending when StopSendingFrame.TryRead(ref reader, out StopSendingFrame f):
                json.WriteString("frame_type"u8, "stop_sending"u8);
                json.WriteNumber("stream_id"u8, f.Id.Value);
                QlogNames.WriteApplicationError(json, "error"u8, f.ErrorCode);
                return true;
            case FrameType.MaxStreamData when MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame f):
                json.WriteString("frame_type"u8, "max_stream_data"u8);
                json.WriteNumber("stream_id"u8, f.Id.Value);
                json.WriteNumber("maximum"u8, f.Limit);
                return true;
            case FrameType.StreamDataBlocked when StreamDataBlockedFrame.TryRead(ref reader, out StreamDataBlockedFrame f):
                json.WriteString("frame_type"u8, "stream_data_blocked"u8);
                json.WriteNumber("stream_id"u8, f.Id.Value);
                json.WriteNumber("limit"u8, f.Limit);
                return true;
            case FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional when MaxStreamsFrame.TryRead(type, ref reader, out MaxStreamsFrame f):
                json.WriteString("frame_type"u8, "max_streams"u8);
                WriteStreamType(json, f.Unidirectional);
                json.WriteNumber("maximum"u8, f.Limit);
                return true;
            case FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional
                when StreamsBlockedFrame.TryRead(type, ref reader, out StreamsBlockedFrame f):
                json.WriteString("frame_type"u8, "streams_blocked"u8);
                WriteStreamType(json, f.Unidirectional);
                json.WriteNumber("limit"u8, f.Limit);
                return true;
            default:
                return false;
        }
    }

    private static bool WriteConnectionControl(Utf8JsonWriter json, FrameType type, ref ByteReader reader)
    {
        switch (type)
        {
            case FrameType.MaxData when MaxDataFrame.TryRead(ref reader, out MaxDataFrame f):
                json.WriteString("frame_type"u8, "max_data"u8);
                json.WriteNumber("maximum"u8, f.Limit);
                return true;
            case FrameType.DataBlocked when DataBlockedFrame.TryRead(ref reader, out DataBlockedFrame f):
                json.WriteString("frame_type"u8, "data_blocked"u8);
                json.WriteNumber("limit"u8, f.Limit);
                return true;
            case FrameType.NewConnectionId when NewConnectionIdFrame.TryRead(ref reader, out NewConnectionIdFrame f):
                // Without its reset token: whoever has that can end the connection.
                json.WriteString("frame_type"u8, "new_connection_id"u8);
                json.WriteNumber("sequence_number"u8, f.SequenceNumber);
                json.WriteNumber("retire_prior_to"u8, f.RetirePriorTo);
                json.WriteNumber("connection_id_length"u8, f.ConnectionId.Length);
                json.WriteString("connection_id"u8, f.ConnectionId.ToString());
                return true;
            case FrameType.RetireConnectionId when RetireConnectionIdFrame.TryRead(ref reader, out RetireConnectionIdFrame f):
                json.WriteString("frame_type"u8, "retire_connection_id"u8);
                json.WriteNumber("sequence_number"u8, f.SequenceNumber);
                return true;
            case FrameType.PathChallenge when PathChallengeFrame.TryRead(ref reader, out PathChallengeFrame f):
                json.WriteString("frame_type"u8, "path_challenge"u8);
                json.WriteString("data"u8, f.Data.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
                return true;
            case FrameType.PathResponse when PathResponseFrame.TryRead(ref reader, out PathResponseFrame f):
                json.WriteString("frame_type"u8, "path_response"u8);
                json.WriteString("data"u8, f.Data.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
                return true;
            default:
                return false;
        }
    }

    /// <summary>A run of padding is one frame here.</summary>
    private static void WritePadding(Utf8JsonWriter json, ref ByteReader reader)
    {
        int zeros = reader.Rest.IndexOfAnyExcept((byte)0);
        zeros = zeros < 0 ? reader.Remaining : zeros;
        _ = reader.TryReadBytes((ulong)zeros, out _);
        json.WriteString("frame_type"u8, "padding"u8);
        WriteRaw(json, zeros + 1);
    }

    private static void WriteAck(Utf8JsonWriter json, in AckFrame frame, int exponent)
    {
        json.WriteString("frame_type"u8, "ack"u8);
        json.WriteNumber("ack_delay"u8, QlogWriter.Milliseconds(RttEstimator.DecodeAckDelay(frame.Delay, exponent)));
        json.WriteStartArray("acked_ranges"u8);
        int count = 0;
        foreach ((ulong smallest, ulong largest) in frame.Ranges)
        {
            if (count++ == MaxPerPacket)
            {
                break;
            }

            json.WriteStartArray();
            json.WriteNumberValue(smallest);
            if (largest != smallest)
            {
                json.WriteNumberValue(largest);
            }

            json.WriteEndArray();
        }

        json.WriteEndArray();
        if (frame.HasEcn)
        {
            json.WriteNumber("ect1"u8, frame.Ect1);
            json.WriteNumber("ect0"u8, frame.Ect0);
            json.WriteNumber("ce"u8, frame.Ce);
        }
    }

    private static void WriteStream(Utf8JsonWriter json, in StreamFrame frame)
    {
        json.WriteString("frame_type"u8, "stream"u8);
        json.WriteNumber("stream_id"u8, frame.Id.Value);
        json.WriteNumber("offset"u8, frame.Offset);
        if (frame.Fin)
        {
            json.WriteBoolean("fin"u8, true);
        }

        WriteRaw(json, frame.Data.Length);
    }

    private static void WriteClose(Utf8JsonWriter json, in ConnectionCloseFrame frame)
    {
        json.WriteString("frame_type"u8, "connection_close"u8);
        json.WriteString("error_space"u8, frame.IsApplication ? "application"u8 : "transport"u8);
        if (frame.IsApplication)
        {
            QlogNames.WriteApplicationError(json, "error"u8, frame.ErrorCode);
        }
        else
        {
            QlogNames.WriteTransportError(json, "error"u8, frame.ErrorCode);
            json.WriteNumber("trigger_frame_type"u8, frame.FrameType);
        }

        if (!frame.Reason.IsEmpty)
        {
            // Not UTF-8: what cannot be decoded is replaced, and nothing in it is ours to believe.
            json.WriteString("reason"u8, Encoding.UTF8.GetString(frame.Reason[..int.Min(frame.Reason.Length, MaxReason)]));
        }
    }

    private static void WriteStreamType(Utf8JsonWriter json, bool isUnidirectional) =>
        json.WriteString("stream_type"u8, isUnidirectional ? "unidirectional"u8 : "bidirectional"u8);

    private static void WriteRaw(Utf8JsonWriter json, int payload)
    {
        json.WriteStartObject("raw"u8);
        json.WriteNumber("payload_length"u8, payload);
        json.WriteEndObject();
    }
}
