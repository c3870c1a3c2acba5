using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>What a stream's first byte asks of <see cref="StreamServer"/>.</summary>
internal enum Job : byte
{
    Download = (byte)'D',
    Upload = (byte)'U',
    Echo = (byte)'E',

    /// <summary>An upload that the client resets half way.</summary>
    Abandon = (byte)'A',

    /// <summary>A download that the client stops after a while.</summary>
    Refuse = (byte)'R',
}

/// <summary>A component whose state is one for all nodes, as the hand-over would carry it: bytes come back, or are sent, or are counted.</summary>
/// <remarks>It does not mind being told twice: a new owner is reminded.</remarks>
internal sealed class StreamServer(byte[] content)
{
    private readonly Dictionary<(ConnectionId, StreamId), State> _streams = [];

    public void OnEvent(Connection connection, ConnectionEvent e)
    {
        if (e.Kind != ConnectionEventKind.Stream || e.Stream.Kind is StreamEventKind.Closed or StreamEventKind.Finished || !connection.IsOpen)
        {
            return;
        }

        (ConnectionId, StreamId) key = (connection.Parts.Identity.OriginalDestination, e.Stream.Id);
        if (!_streams.TryGetValue(key, out State? state))
        {
            _streams[key] = state = new();
        }

        Read(connection, e.Stream.Id, state);
        if (e.Stream.Kind is StreamEventKind.ResetByPeer or StreamEventKind.StoppedByPeer)
        {
            connection.Reset(e.Stream.Id, e.Stream.Code);
            state.HasEnded = state.HasAnswered = true;
        }

        Write(connection, e.Stream.Id, state);
    }

    private static void Read(Connection connection, StreamId id, State state)
    {
        while (!state.HasEnded && connection.Peek(id) is { IsEmpty: false } bytes)
        {
            int taken = bytes.Length;
            if (state.Job == 0)
            {
                state.Job = (Job)bytes[0];
                taken = 1;
            }
            else if (state.Job == Job.Echo)
            {
                // Backpressure: what cannot go back is not taken.
                taken = connection.Write(id, bytes, fin: false);
                if (taken == 0)
                {
                    return;
                }
            }
            else
            {
                state.Received.AddRange(bytes);
            }

            connection.Consume(id, taken);
        }

        state.HasEnded |= connection.ReadState(id).Kind == ReadEndKind.Finished;
    }

    private void Write(Connection connection, StreamId id, State state)
    {
        if (!state.HasEnded || state.HasAnswered)
        {
            return;
        }

        ReadOnlySpan<byte> answer = state.Job switch
        {
            Job.Download or Job.Refuse => content.AsSpan(state.Sent),
            Job.Upload => System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(state.Received)).AsSpan(state.Sent),
            _ => default,
        };
        int count = connection.Write(id, answer, fin: true);
        state.Sent += count;
        state.HasAnswered = count == answer.Length;
    }

    private sealed class State
    {
        public Job Job { get; set; }

        public List<byte> Received { get; } = [];

        public int Sent { get; set; }

        public bool HasEnded { get; set; }

        public bool HasAnswered { get; set; }
    }
}
