using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Node.Etcd;

/// <summary>The keys of a federation in etcd, and what their values look like.</summary>
/// <remarks>
/// <code>
/// PREFIX records/COMPONENT                      version (1) | <see cref="OwnershipRecord"/>
/// PREFIX shard                                  the highest shard given out so far, as text
/// PREFIX numbers/N                              identity of the ingress that has this number, as hexadecimal text
/// PREFIX ingresses/N                            control address, as text; under the ingress's lease
/// PREFIX members/NAME/INCARNATION/N             "alive": ingress N sees that member; under the ingress's lease
/// PREFIX trust                                  the roster, as signed; no secret
/// PREFIX keys                                   version (1) | nonce (12) | AES-256-GCM of <see cref="FederationKeys"/> | tag (16)
/// </code>
/// Whoever can write there can say who owns what, and so end connections; it takes the federation's secret to read its keys.
/// </remarks>
internal sealed class EtcdKeys(string prefix)
{
    private const byte Version = 1;

    public string Prefix => prefix;

    public string Shard => $"{prefix}shard";

    public string Trust => $"{prefix}trust";

    public string Sealed => $"{prefix}keys";

    public string Ingresses => $"{prefix}ingresses/";

    public string Record(string component) => $"{prefix}records/{component}";

    public string Number(uint ingress) => string.Create(CultureInfo.InvariantCulture, $"{prefix}numbers/{ingress}");

    public string Ingress(uint ingress) => string.Create(CultureInfo.InvariantCulture, $"{prefix}ingresses/{ingress}");

    public string Seen(Member member, uint ingress) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}members/{member.Name}/{member.Incarnation:x16}/{ingress}");

    public static ReadOnlyMemory<byte> Write(OwnershipRecord record)
    {
        FieldWriter writer = new();
        writer.WriteByte(Version);
        record.Write(writer);
        return writer.Written;
    }

    public static ReadOnlyMemory<byte> Write(uint number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    public static ReadOnlyMemory<byte> Write(string text) => Encoding.ASCII.GetBytes(text);

    /// <summary>What a key and its value say; null: nothing that this release knows.</summary>
    public EtcdFact? Read(EtcdEntry entry)
    {
        if (!entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string[] parts = entry.Key[prefix.Length..].Split('/');
        string? text = entry.Value is ReadOnlyMemory<byte> { Length: <= 256 } value ? Encoding.Latin1.GetString(value.Span) : null;
        return parts switch
        {
            ["records", string component] when Names.IsValid(component) => new RecordFact(component, ReadRecord(component, entry.Value)),
            ["keys"] => new KeysFact(entry.Value),
            ["trust"] => new TrustFact(entry.Value is ReadOnlyMemory<byte> { Length: <= Migration.Hosting.Roster.MaxLength } roster ? Encoding.ASCII.GetString(roster.Span) : null),
            ["shard"] => new ShardFact(TryNumber(text, out uint shard) ? shard : 0),
            ["numbers", string n] when TryNumber(n, out uint number) => new NumberFact(number, text),
            ["ingresses", string n] when TryNumber(n, out uint number) =>
                new IngressFact(number, text is not null && UdpAddress.TryParse(text, out UdpAddress control) && control.Port > 0 ? new(number, control) : null),
            ["members", string name, string incarnation, string n] when Names.IsValid(name) && TryNumber(n, out uint number)
                && ulong.TryParse(incarnation, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong life) && life != 0 =>
                new SeenFact(new(name, life), number, text is not null),
            _ => null,
        };
    }

    public ReadOnlyMemory<byte> Seal(FederationKeys keys, ReadOnlySpan<byte> secret)
    {
        FieldWriter writer = new();
        keys.Write(writer);
        ReadOnlySpan<byte> plain = writer.Written.Span;
        byte[] bytes = new byte[1 + 12 + plain.Length + 16];
        bytes[0] = Version;
        RandomNumberGenerator.Fill(bytes.AsSpan(1, 12));
        using AesGcm aead = new(secret, 16);
        aead.Encrypt(bytes.AsSpan(1, 12), plain, bytes.AsSpan(13, plain.Length), bytes.AsSpan(13 + plain.Length), Encoding.UTF8.GetBytes(Sealed));
        return bytes;
    }

    /// <returns>Null: damaged, or sealed with another secret.</returns>
    public FederationKeys? Open(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> secret)
    {
        if (bytes.Length is < 29 or > 4096 || bytes[0] != Version)
        {
            return null;
        }

        byte[] plain = new byte[bytes.Length - 29];
        try
        {
            using AesGcm aead = new(secret, 16);
            aead.Decrypt(bytes.Slice(1, 12), bytes[13..^16], bytes[^16..], plain, Encoding.UTF8.GetBytes(Sealed));
            ByteReader reader = new(plain);
            return FederationKeys.TryRead(ref reader, out FederationKeys? keys) && reader.IsEmpty ? keys : null;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private static OwnershipRecord? ReadRecord(string component, ReadOnlyMemory<byte>? value)
    {
        if (value is not { Length: > 1 } bytes || bytes.Span[0] != Version)
        {
            return null;
        }

        ByteReader reader = new(bytes.Span[1..]);
        return OwnershipRecord.TryRead(ref reader, out OwnershipRecord? record) && reader.IsEmpty && record!.Component == component ? record : null;
    }

    private static bool TryNumber(string? text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}

/// <summary>What a key says.</summary>
internal abstract record EtcdFact;

/// <param name="Record">Null: deleted, or not to be read.</param>
internal sealed record RecordFact(string Component, OwnershipRecord? Record) : EtcdFact;

/// <param name="Sealed">Null: deleted.</param>
internal sealed record KeysFact(ReadOnlyMemory<byte>? Sealed) : EtcdFact;

/// <param name="Roster">Unchecked; null: deleted.</param>
internal sealed record TrustFact(string? Roster) : EtcdFact;

internal sealed record ShardFact(uint LastShard) : EtcdFact;

internal sealed record NumberFact(uint Number, string? Identity) : EtcdFact;

internal sealed record IngressFact(uint Number, IngressInfo? Ingress) : EtcdFact;

internal sealed record SeenFact(Member Member, uint By, bool IsAlive) : EtcdFact;
