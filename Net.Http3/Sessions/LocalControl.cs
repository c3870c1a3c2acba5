using System.Text;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>Our own control stream (RFC 9114, section 6.2.1): what does not fit into the transport waits in the connection's state.</summary>
internal static class LocalControl
{
    /// <summary>Opens the stream with SETTINGS, once the peer permits it.</summary>
    public static void Open(ConnectionState state, IStreamTransport transport, Http3Settings settings, Grease? grease)
    {
        if (state.LocalControl is null && transport.TryOpen(unidirectional: true, out StreamId id))
        {
            state.LocalControl = id;
            // Control before all requests: what it says may end the connection.
            transport.SetPriority(id, 0, incremental: false);
            Span<byte> buffer = stackalloc byte[1 + Http3Settings.MaxLength + Grease.MaxFrame];
            ByteWriter writer = new(buffer);
            writer.WriteVarInt((ulong)Http3StreamType.Control);
            settings.Write(ref writer, grease?.Setting);
            if (transport.IsObserved)
            {
                transport.Tell(new StreamTypeTrace(IsLocal: true, id, Http3StreamType.Control));
                transport.Tell(new ParametersTrace(IsLocal: true, settings));
                transport.Tell(new FrameTrace(IsCreated: true, id, Http3FrameType.Settings, Length: null) { Settings = settings });
            }

            grease?.WriteBehindSettings(ref writer);
            Write(state, transport, writer.Written);
        }
    }

    /// <summary>Sends GOAWAY, unless one that says as much was sent before.</summary>
    public static void GoAway(ConnectionState state, IStreamTransport transport, bool final)
    {
        // A server names streams, a client pushes, of which there are none.
        ulong announced = !state.IsServer ? 0 : final ? StreamId.Of(state.NextRequest, false, false).Value : VarInt.MaxValue - 3;
        if (state.LocalControl is null || announced >= state.GoAwaySent)
        {
            return;
        }

        state.GoAwaySent = announced;
        if (transport.IsObserved)
        {
            transport.Tell(new FrameTrace(IsCreated: true, state.LocalControl.Value, Http3FrameType.GoAway, (ulong)VarInt.Length(announced)) { Value = announced });
        }

        Span<byte> buffer = stackalloc byte[16];
        ByteWriter writer = new(buffer);
        writer.WriteVarInt((ulong)Http3FrameType.GoAway);
        writer.WriteVarInt((ulong)VarInt.Length(announced));
        writer.WriteVarInt(announced);
        Write(state, transport, writer.Written);
    }

    /// <summary>Sends PRIORITY_UPDATE for a request of ours (RFC 9218, section 7.1).</summary>
    public static void PriorityUpdate(ConnectionState state, IStreamTransport transport, StreamId request, Priority priority)
    {
        if (state.LocalControl is null || state.ControlPending.Length > Http3Limits.MaxControlBacklog)
        {
            return;
        }

        byte[] value = Encoding.ASCII.GetBytes(priority.ToString());
        if (transport.IsObserved)
        {
            ulong length = (ulong)(VarInt.Length(request.Value) + value.Length);
            transport.Tell(new FrameTrace(IsCreated: true, state.LocalControl.Value, Http3FrameType.PriorityUpdate, length) { Value = request.Value, Priority = priority.ToString() });
        }

        ByteWriter writer = new(stackalloc byte[64]);
        writer.WriteVarInt((ulong)Http3FrameType.PriorityUpdate);
        writer.WriteVarInt((ulong)(VarInt.Length(request.Value) + value.Length));
        writer.WriteVarInt(request.Value);
        writer.WriteBytes(value);
        Write(state, transport, writer.Written);
    }

    public static void Flush(ConnectionState state, IStreamTransport transport)
    {
        if (state.LocalControl is StreamId id && state.ControlPending is { Length: > 0 } pending)
        {
            state.ControlPending = pending[transport.Write(id, pending, fin: false)..];
        }
    }

    private static void Write(ConnectionState state, IStreamTransport transport, ReadOnlySpan<byte> bytes)
    {
        state.ControlPending = [.. state.ControlPending, .. bytes];
        Flush(state, transport);
    }
}
