using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Net.Core.Wire;

/// <summary>A connection ID of 0 to 20 bytes (RFC 9000, sections 5.1 and 17.2), held by value.</summary>
/// <remarks>Its hash code must never index a table that a peer can fill: use <see cref="ConnectionIdComparer"/>, which is keyed.</remarks>
internal readonly struct ConnectionId : IEquatable<ConnectionId>
{
    public const int MaxLength = 20;

    private readonly Bytes _bytes;
    private readonly byte _length;

    /// <exception cref="ArgumentOutOfRangeException">More than 20 bytes.</exception>
    public ConnectionId(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxLength);
        _length = (byte)bytes.Length;
        bytes.CopyTo(_bytes);
    }

    public int Length => _length;

    [UnscopedRef]
    public ReadOnlySpan<byte> Span => ((ReadOnlySpan<byte>)_bytes)[.._length];

    public static bool operator ==(ConnectionId left, ConnectionId right) => left.Equals(right);

    public static bool operator !=(ConnectionId left, ConnectionId right) => !left.Equals(right);

    public bool Equals(ConnectionId other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is ConnectionId other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Convert.ToHexStringLower(Span);

    [InlineArray(MaxLength)]
    private struct Bytes
    {
        private byte _first;
    }
}
