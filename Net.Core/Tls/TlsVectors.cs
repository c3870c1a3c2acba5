using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>Reads the presentation language of RFC 8446, section 3: vectors behind a length of 1, 2 or 3 bytes.</summary>
/// <remarks>As all of <see cref="ByteReader"/>: a vector that is not there in full gives <c>false</c>.</remarks>
internal static class TlsVectors
{
    public static bool TryReadVector8(this scoped ref ByteReader reader, out ReadOnlySpan<byte> value)
    {
        value = default;
        return reader.TryReadByte(out byte length) && reader.TryReadBytes(length, out value);
    }

    public static bool TryReadVector16(this scoped ref ByteReader reader, out ReadOnlySpan<byte> value)
    {
        value = default;
        return reader.TryReadUInt16(out ushort length) && reader.TryReadBytes(length, out value);
    }

    public static bool TryReadVector24(this scoped ref ByteReader reader, out ReadOnlySpan<byte> value)
    {
        value = default;
        return reader.TryReadUInt24(out int length) && reader.TryReadBytes((ulong)length, out value);
    }

    /// <summary>A vector of 16-bit numbers, such as cipher suites, groups and signature schemes.</summary>
    /// <param name="vector">Its bytes, without the length.</param>
    /// <param name="values">The numbers in order.</param>
    /// <returns>False when it is empty or ends in half a number.</returns>
    public static bool TryReadNumbers(ReadOnlySpan<byte> vector, out ushort[] values)
    {
        values = new ushort[vector.Length / 2];
        ByteReader reader = new(vector);
        for (int i = 0; i < values.Length; i++)
        {
            reader.TryReadUInt16(out values[i]);
        }

        return reader.IsEmpty && values.Length > 0;
    }

    /// <summary>A vector that is all of an extension's body, with 16-bit numbers in it.</summary>
    public static bool TryReadNumberList(ReadOnlySpan<byte> body, out ushort[] values)
    {
        values = [];
        ByteReader reader = new(body);
        return reader.TryReadVector16(out ReadOnlySpan<byte> vector) && reader.IsEmpty && TryReadNumbers(vector, out values);
    }
}
