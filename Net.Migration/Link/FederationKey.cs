using System.Security.Cryptography;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>A secret that all members of a federation share, under the number that names it on the wire.</summary>
/// <param name="Number">0 to 6, rotating: it has to fit the configuration bits of a connection ID.</param>
/// <param name="Secret">32 bytes.</param>
internal sealed record FederationKey(byte Number, ReadOnlyMemory<byte> Secret)
{
    public const int Length = 32;

    public const byte MaxNumber = 6;

    public bool Equals(FederationKey? other) =>
        other is not null && Number == other.Number && CryptographicOperations.FixedTimeEquals(Secret.Span, other.Secret.Span);

    public override int GetHashCode() => Number;

    /// <summary>Never the secret: this goes to logs.</summary>
    public override string ToString() => $"key {Number}";

    public void Write(FieldWriter writer)
    {
        writer.WriteByte(Number);
        writer.WriteBytes(Secret.Span);
    }

    public static bool TryRead(ref ByteReader reader, out FederationKey key)
    {
        bool complete = reader.TryReadByte(out byte number) & reader.TryReadBytes(Length, out ReadOnlySpan<byte> secret);
        key = complete ? new(number, secret.ToArray()) : new(0, new byte[Length]);
        return complete && number <= MaxNumber;
    }
}
