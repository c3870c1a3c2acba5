using System.Buffers.Binary;
using Net.Core.Tls.Messages;

namespace Net.Core.Tls;

/// <summary>Writes handshake messages: numbers in network byte order, and vectors whose length is filled in when they end.</summary>
internal sealed class MessageWriter
{
    private byte[] _bytes = new byte[512];
    private int _length;

    /// <summary>A whole message: its type, its 24-bit length and its body (RFC 8446, section 4).</summary>
    public static byte[] Frame<T>(T message) where T : IHandshakeMessage
    {
        MessageWriter writer = new();
        writer.WriteByte((byte)T.Type);
        int body = writer.Begin(3);
        message.WriteBody(writer);
        writer.End(body, 3);
        return writer._bytes.AsSpan(0, writer._length).ToArray();
    }

    public void WriteByte(byte value) => Take(1)[0] = value;

    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), value);

    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);

    public void WriteBytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    public void WriteVector8(ReadOnlySpan<byte> value)
    {
        int mark = Begin(1);
        WriteBytes(value);
        End(mark, 1);
    }

    public void WriteVector16(ReadOnlySpan<byte> value)
    {
        int mark = Begin(2);
        WriteBytes(value);
        End(mark, 2);
    }

    /// <summary>Begins a vector: everything up to <see cref="End"/> is its content.</summary>
    /// <param name="width">Bytes of its length: 1, 2 or 3.</param>
    public int Begin(int width)
    {
        Take(width);
        return _length;
    }

    /// <exception cref="ArgumentException">The content, ours, does not fit its length: a configuration beyond what TLS can carry.</exception>
    public void End(int mark, int width)
    {
        int length = _length - mark;
        if (length >> (8 * width) != 0)
        {
            throw new ArgumentException("a vector of the handshake is longer than TLS can carry");
        }

        for (int i = 1; i <= width; i++)
        {
            _bytes[mark - i] = (byte)(length >> (8 * (i - 1)));
        }
    }

    /// <summary>Begins an extension, which ends as a vector of width 2.</summary>
    public int BeginExtension(ExtensionType type)
    {
        WriteUInt16((ushort)type);
        return Begin(2);
    }

    private Span<byte> Take(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, int.Max(_bytes.Length * 2, _length + count));
        }

        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
