using System.Security.Cryptography;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>The federation's keys in the ingress's state directory: made once, so that connections outlive a restart of the ingress.</summary>
/// <remarks>
/// <code>
/// file   "continuum-keys" 0x00 | version (1) | <see cref="FederationKeys"/> | SHA-256 of all before, cut to 8 bytes
/// </code>
/// A release that does not know encrypted IDs (<see cref="FederationKey.EncryptsIds"/>) calls a file that has a key with them damaged, and does not start: as it should, for it
/// could not read what connections have.
/// </remarks>
internal static class IngressKeys
{
    private const int CheckLength = 8;

    /// <summary>More than a file of four full rings has.</summary>
    private const int MaxLength = 4096;

    private static ReadOnlySpan<byte> Preamble => "continuum-keys\0\u0001"u8;

    /// <summary>Reads the keys, or makes new ones when there is no file. Call it while the directory's log is locked.</summary>
    /// <exception cref="DirectoryLogException">The file is damaged: new keys would end every connection, so nobody makes them unasked.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static FederationKeys LoadOrCreate(string path)
    {
        if (File.Exists(path))
        {
            return Load(path);
        }

        Span<byte> entropy = stackalloc byte[FederationKeys.EntropyLength];
        RandomNumberGenerator.Fill(entropy);
        FederationKeys keys = FederationKeys.Create(entropy);
        CryptographicOperations.ZeroMemory(entropy);

        Store(path, keys);
        return keys;
    }

    /// <summary>Replaces the file as a whole.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Store(string path, FederationKeys keys)
    {
        FieldWriter writer = new();
        writer.WriteBytes(Preamble);
        keys.Write(writer);
        writer.WriteBytes(SHA256.HashData(writer.Written.Span).AsSpan(0, CheckLength));
        StateFiles.WriteWhole(path, writer.Written.Span);
    }

    private static FederationKeys Load(string path)
    {
        byte[] bytes;
        try
        {
            bytes = new FileInfo(path).Length <= MaxLength ? File.ReadAllBytes(path) : [];
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path} cannot be read", e);
        }

        ReadOnlySpan<byte> content = bytes.AsSpan(0, int.Max(0, bytes.Length - CheckLength));
        if (content.StartsWith(Preamble) && bytes.AsSpan(content.Length).SequenceEqual(SHA256.HashData(content).AsSpan(0, CheckLength)))
        {
            ByteReader reader = new(content[Preamble.Length..]);
            if (FederationKeys.TryRead(ref reader, out FederationKeys? keys) && reader.IsEmpty)
            {
                return keys!;
            }
        }

        throw new DirectoryLogException($"the federation's keys in {path} are damaged");
    }
}
