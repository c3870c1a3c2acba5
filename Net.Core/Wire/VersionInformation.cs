using System.Collections.Immutable;

namespace Net.Core.Wire;

/// <summary>What an endpoint says of versions under the protection of the handshake (RFC 9368, section 3).</summary>
/// <param name="Chosen">The version of this connection in its sender's eyes.</param>
/// <param name="Available">What the sender speaks, in order of preference; reserved numbers may be among them.</param>
internal sealed record VersionInformation(uint Chosen, ImmutableArray<uint> Available)
{
    public int Length => sizeof(uint) * (1 + Available.Length);

    /// <summary>False when it is not a list of versions, or one of them is 0.</summary>
    public static bool TryRead(ref ByteReader reader, out VersionInformation? value)
    {
        value = null;
        if (!reader.TryReadUInt32(out uint chosen) || chosen == 0 || reader.Remaining % sizeof(uint) != 0)
        {
            return false;
        }

        ImmutableArray<uint>.Builder available = ImmutableArray.CreateBuilder<uint>(reader.Remaining / sizeof(uint));
        while (reader.TryReadUInt32(out uint version))
        {
            if (version == 0)
            {
                return false;
            }

            available.Add(version);
        }

        value = new(chosen, available.MoveToImmutable());
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteUInt32(Chosen);
        foreach (uint version in Available)
        {
            writer.WriteUInt32(version);
        }
    }

    public bool Equals(VersionInformation? other) =>
        other is not null && Chosen == other.Chosen && Available.AsSpan().SequenceEqual(other.Available.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Chosen, Available.Length);
}
