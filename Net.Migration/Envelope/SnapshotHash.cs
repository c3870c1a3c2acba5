using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Net.Migration.Envelope;

/// <summary>SHA-256 over all sealed parts of one hand-over, in order: names the one snapshot that a committed move made valid.</summary>
/// <remarks>The default value means "no snapshot": a record that was created, aborted or taken over by force.</remarks>
internal readonly struct SnapshotHash : IEquatable<SnapshotHash>
{
    public const int Length = 32;

    private readonly Bytes _bytes;

    /// <exception cref="ArgumentOutOfRangeException">Not 32 bytes.</exception>
    public SnapshotHash(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length);
        bytes.CopyTo(_bytes);
    }

    public static SnapshotHash None => default;

    public bool IsNone => !Span.ContainsAnyExcept((byte)0);

    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _bytes;

    public static bool operator ==(SnapshotHash left, SnapshotHash right) => left.Equals(right);

    public static bool operator !=(SnapshotHash left, SnapshotHash right) => !left.Equals(right);

    public bool Equals(SnapshotHash other) => Span.SequenceEqual(other.Span);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is SnapshotHash other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Convert.ToHexStringLower(Span);

    [InlineArray(Length)]
    private struct Bytes
    {
        private byte _first;
    }
}
