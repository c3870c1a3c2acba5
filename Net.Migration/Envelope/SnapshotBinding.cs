using System.Security.Cryptography;
using Net.Migration.Directory;

namespace Net.Migration.Envelope;

/// <summary>What a sealed snapshot belongs to. Every byte of it is authenticated with every part, so that none opens anywhere else.</summary>
/// <param name="Component">Whose state it is.</param>
/// <param name="Epoch">The source's epoch: the snapshot is good for leaving this one, once.</param>
/// <param name="Shard">The component's logical shard.</param>
/// <param name="Source">Who sealed it.</param>
/// <param name="Destination">Who may open it.</param>
/// <param name="Attempt">Number of the hand-over, random: a part of an earlier attempt does not fit this one.</param>
internal sealed record SnapshotBinding(string Component, ulong Epoch, uint Shard, Member Source, Member Destination, ulong Attempt)
{
    public const int KeyLength = 32;

    public const int ShareLength = 32;

    /// <summary>The canonical form that parts are bound to.</summary>
    public byte[] Encode()
    {
        FieldWriter writer = new();
        writer.WriteBytes("continuum snapshot 1"u8);
        writer.WriteString(Component);
        writer.WriteUInt64(Epoch);
        writer.WriteUInt32(Shard);
        Source.Write(writer);
        Destination.Write(writer);
        writer.WriteUInt64(Attempt);
        return writer.Written.ToArray();
    }

    /// <summary>The key of one hand-over, from a secret of each side: either alone makes it fresh, so no recorded snapshot is of use again.</summary>
    /// <param name="sourceShare">32 random bytes of the source, sent over the node link.</param>
    /// <param name="destinationShare">32 random bytes of the destination.</param>
    /// <param name="key">32 bytes; the caller wipes them.</param>
    public void DeriveKey(ReadOnlySpan<byte> sourceShare, ReadOnlySpan<byte> destinationShare, Span<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sourceShare.Length, ShareLength, nameof(sourceShare));
        ArgumentOutOfRangeException.ThrowIfNotEqual(destinationShare.Length, ShareLength, nameof(destinationShare));
        Span<byte> both = stackalloc byte[2 * ShareLength];
        sourceShare.CopyTo(both);
        destinationShare.CopyTo(both[ShareLength..]);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, both, key[..KeyLength], salt: [], info: Encode());
        CryptographicOperations.ZeroMemory(both);
    }
}
