using Net.Core.Connections;
using Net.Core.Wire;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Fuzz;

/// <summary>A whole connection whose peer has the keys, and says what it likes.</summary>
internal static class ConnectionTargets
{
    private const byte ByServer = 1;
    private const byte Later = 2;
    private const byte Move = 4;

    public static IEnumerable<FuzzTarget> All =>
    [
        new("connection", "payloads of 1-RTT packets; bits of the kind: 1 by the server, 2 time passes, 4 the server moves", Payloads, RunConfirmed),
        new("handshake", "payloads of Initial (kind 0) and Handshake packets (1) of a client whose server has heard nothing but them (+2: of its server)", Flights, RunHandshake),
    ];

    private static IEnumerable<byte[]> Payloads() =>
    [
        [.. Cut.Piece(0, [0x0B, 0, 4, 1, 2, 3, 4]), .. Cut.Piece(Move), .. Cut.Piece(ByServer, [0x08, 0, 9]), .. Cut.Piece(Later, [1])],
        [.. Cut.Piece(0, [0x04, 0, 7, 9]), .. Cut.Piece(0, [0x05, 0, 7]), .. Cut.Piece(ByServer, [0x1A, 1, 2, 3, 4, 5, 6, 7, 8]), .. Cut.Piece(Move | Later)],
        [.. Cut.Piece(0, [0x10, 0x80, 1, 0, 0]), .. Cut.Piece(0, [0x12, 0x40, 200]), .. Cut.Piece(0, [0x14, 9, 0x16, 9, 0x17, 9])],
        [.. Cut.Piece(0, [0x18, 3, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, .. new byte[16]]), .. Cut.Piece(ByServer, [0x19, 1]), .. Cut.Piece(Later | Move)],
        [.. Cut.Piece(ByServer, [0x06, 0, 40, 4, 0, 0, 36, 0, 0, 0, 9, 0, 0, 0, 1, 1, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 8, 0, 42, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF])],
        [.. Cut.Piece(0, [2, 0x40, 0x40, 0, 0, 0]), .. Cut.Piece(0, [3, 1, 0, 0, 0, 9, 9, 9]), .. Cut.Piece(0, [0x1C, 7, 0, 0])],
        [.. Cut.Piece(0, [0x0C, 4, 0x80, 1, 0, 0, 1]), .. Cut.Piece(0, [0x0D, 4, 2, 2, 2]), .. Cut.Piece(Move, [0x0F, 0x40, 40, 9, 0])],
    ];

    private static void RunConfirmed(byte[] input)
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        pair.Client.Write(id, new byte[3000], fin: false);
        pair.Exchange();
        Cut cut = new(input);
        while (cut.TryTake(out byte kind, out ReadOnlySpan<byte> payload) && pair.Client.IsOpen && pair.Server.IsOpen)
        {
            Say(pair, (kind & ByServer) != 0, EncryptionLevel.OneRtt, payload);
            if ((kind & Move) != 0 && pair.Server.IsOpen)
            {
                pair.MoveServer();
            }

            if ((kind & Later) != 0)
            {
                pair.Advance(TimeSpan.FromMilliseconds(50));
                pair.Tick();
            }

            Rest(pair);
        }

        AssertSound(pair.Client);
        AssertSound(pair.Server);
    }

    private static IEnumerable<byte[]> Flights()
    {
        byte[] hello = [6, 0, 0x40, 60, 1, 0, 0, 56, 3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, 0, 13, 0, 0x2B, 0, 3, 2, 3, 4, 0, 0x0A, 0, 2, 0, 0];
        yield return Cut.Piece(0, hello);
        yield return [.. Cut.Piece(0, hello.AsSpan(0, 40)), .. Cut.Piece(0, hello.AsSpan(40))];
        yield return [.. Cut.Piece(2, [6, 0, 4, 2, 0, 0, 0]), .. Cut.Piece(3, [6, 0, 4, 8, 0, 0, 0])];
        yield return [.. Cut.Piece(1, [6, 0, 4, 20, 0, 0, 0]), .. Cut.Piece(0, [0x1C, 0x41, 0, 0, 0])];
    }

    private static void RunHandshake(byte[] input)
    {
        ConnectionPair pair = new();
        List<Datagram> flight = pair.Take(pair.Client);
        Cut cut = new(input);
        bool begun = false;
        while (cut.TryTake(out byte kind, out ReadOnlySpan<byte> payload) && pair.Client.IsOpen && pair.ServerOrNull?.IsOpen != false)
        {
            // A server's packets need its keys, and those a client's hello.
            if (!begun && (kind & 3) != 0)
            {
                flight.ForEach(pair.ToServer);
                begun = true;
            }

            EncryptionLevel level = (kind & 1) == 0 ? EncryptionLevel.Initial : EncryptionLevel.Handshake;
            if (begun && (kind & 2) != 0)
            {
                Take(pair);
            }

            Say(pair, (kind & 2) != 0, level, payload);
        }

        Rest(pair);
        AssertSound(pair.Client);
        if (pair.ServerOrNull is Connection server)
        {
            AssertSound(server);
        }
    }

    private static void Take(ConnectionPair pair)
    {
        if (pair.ServerOrNull is Connection server)
        {
            foreach (Datagram datagram in pair.Take(server).Take(1))
            {
                pair.ToClient(datagram);
            }
        }
    }

    private static void Say(ConnectionPair pair, bool byServer, EncryptionLevel level, ReadOnlySpan<byte> payload)
    {
        Connection? by = byServer ? pair.ServerOrNull : pair.Client;
        if (by is null || !by.IsOpen || payload.IsEmpty || (level != EncryptionLevel.OneRtt && by.Parts.Handshake?.Write(level) is null))
        {
            return;
        }

        Datagram datagram = pair.Forge(by, level, payload, size: 1200);
        if (byServer)
        {
            pair.ToClient(datagram);
        }
        else
        {
            pair.ToServer(datagram);
        }
    }

    /// <summary>Both ends talk for a while: what they were told may make them talk, but not for ever.</summary>
    private static void Rest(ConnectionPair pair)
    {
        pair.Exchange();
        pair.Advance(TimeSpan.FromMilliseconds(5));
        pair.Tick();
        pair.Exchange();
    }

    private static void AssertSound(Connection connection) =>
        Assert.IsTrue(connection.IsOpen || connection.CloseReason is not null, "what ends says why");
}
