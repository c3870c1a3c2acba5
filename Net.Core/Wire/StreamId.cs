namespace Net.Core.Wire;

/// <summary>A stream's number, 0 to 2^62-1: bit 0 says who opened it (1 = server), bit 1 its direction (1 = unidirectional) (RFC 9000, section 2.1).</summary>
public readonly record struct StreamId(ulong Value) : IComparable<StreamId>
{
    /// <summary>The first stream of a kind is 0, its successor 1, ...: the number without its two type bits.</summary>
    public ulong Index => Value >> 2;

    /// <summary>Opened by the server.</summary>
    public bool IsServerInitiated => (Value & 1) != 0;

    /// <summary>Only its opener sends.</summary>
    public bool IsUnidirectional => (Value & 2) != 0;

    /// <summary>Both ends send.</summary>
    public bool IsBidirectional => !IsUnidirectional;

    /// <summary>The stream of the given kind and index.</summary>
    public static StreamId Of(ulong index, bool serverInitiated, bool unidirectional) =>
        new((index << 2) | (unidirectional ? 2UL : 0) | (serverInitiated ? 1UL : 0));

    /// <inheritdoc/>
    public int CompareTo(StreamId other) => Value.CompareTo(other.Value);

    /// <summary>Stream numbers grow in the order of opening, per kind.</summary>
    public static bool operator <(StreamId left, StreamId right) => left.Value < right.Value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >(StreamId left, StreamId right) => left.Value > right.Value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator <=(StreamId left, StreamId right) => left.Value <= right.Value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >=(StreamId left, StreamId right) => left.Value >= right.Value;
}
