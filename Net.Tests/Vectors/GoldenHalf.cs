using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Tests.Vectors;

/// <summary>What one end does with the stream that goes on behind a golden snapshot: both directions carry the same bytes.</summary>
internal sealed class GoldenHalf
{
    /// <summary>Bytes of each direction.</summary>
    public const int Length = 60_000;

    /// <summary>Read before the snapshot was made.</summary>
    public const int ReadBefore = 5_000;

    public static StreamId Stream { get; } = new(8);

    public int Written { get; set; }

    public int Read { get; set; }

    public int MayWrite { get; set; } = 700;

    public int MayRead { get; set; } = ReadBefore;

    public bool HasRead { get; private set; }

    private static ReadOnlySpan<byte> Content => s_content;

    private static readonly byte[] s_content = [.. Enumerable.Range(0, Length).Select(i => (byte)((i * 31) ^ (i >> 8)))];

    public void OnEvent(Connection connection, ConnectionEvent e)
    {
        if (e.Kind == ConnectionEventKind.Stream && e.Stream.Id == Stream && e.Stream.Kind is not (StreamEventKind.Closed or StreamEventKind.Finished))
        {
            Take(connection);
            Write(connection);
        }
    }

    public void Write(Connection connection)
    {
        if (Written < MayWrite)
        {
            Written += connection.Write(Stream, Content[Written..MayWrite], fin: MayWrite == Length);
        }
    }

    private void Take(Connection connection)
    {
        while (Read < MayRead && connection.Peek(Stream) is { IsEmpty: false } bytes)
        {
            bytes = bytes[..int.Min(bytes.Length, MayRead - Read)];
            Assert.IsTrue(bytes.SequenceEqual(Content.Slice(Read, bytes.Length)), $"other bytes from {Read} on");
            Read += bytes.Length;
            connection.Consume(Stream, bytes.Length);
        }

        HasRead |= Read == Length && connection.ReadState(Stream).Kind == ReadEndKind.Finished;
    }
}
