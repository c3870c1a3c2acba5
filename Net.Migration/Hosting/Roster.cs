using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>One line of a roster.</summary>
/// <param name="Name">Common name of the member's certificate.</param>
/// <param name="Fingerprint">
/// SHA-256 of the public key in that certificate (SubjectPublicKeyInfo), in lower-case hex. A certificate that is renewed keeps its key, so nobody
/// has to hear of it; a name that was removed and added again has another one.
/// </param>
/// <param name="IsRemoved">Nobody may speak with it any more.</param>
internal sealed record RosterEntry(string Name, string Fingerprint, bool IsRemoved);

/// <summary>Who is a member of a federation, as its authority has signed it. Public: it holds no secret.</summary>
/// <remarks>
/// Text, one item a line, so that people can read it and copy it:
/// <code>
/// continuum-trust 1
/// generation G         grows with every change; an older roster is not taken instead of a newer one
/// rotation R           how often the federation's keys had to rotate: once per removal
/// member NAME HASH     or: removed NAME HASH
/// signature BASE64     ECDSA with SHA-256 over everything before this line, by the federation's authority
/// </code>
/// </remarks>
internal sealed class Roster
{
    /// <summary>Names of one federation, the removed ones included.</summary>
    public const int MaxEntries = 4096;

    /// <summary>Characters of a roster that is read; it travels in one record of a link.</summary>
    public const int MaxLength = 768 * 1024;

    private const string Title = "continuum-trust 1";
    private const string SignatureMark = "signature ";

    private readonly Dictionary<string, RosterEntry> _entries;

    private Roster(ulong generation, ulong rotation, Dictionary<string, RosterEntry> entries, string text)
    {
        (Generation, Rotation, _entries, Text) = (generation, rotation, entries, text);
    }

    public ulong Generation { get; }

    public ulong Rotation { get; }

    public IReadOnlyCollection<RosterEntry> Entries => _entries.Values;

    /// <summary>As signed.</summary>
    public string Text { get; }

    public static string FingerprintOf(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <summary>Whether somebody with such a key is a member.</summary>
    public bool Admits(string name, string fingerprint) => _entries.TryGetValue(name, out RosterEntry? entry) && !entry.IsRemoved && entry.Fingerprint == fingerprint;

    /// <summary>Whether anybody of that name is.</summary>
    public bool Has(string name) => _entries.TryGetValue(name, out RosterEntry? entry) && !entry.IsRemoved;

    public bool WasRemoved(string name) => _entries.TryGetValue(name, out RosterEntry? entry) && entry.IsRemoved;

    /// <param name="authority">With its ECDSA key.</param>
    public static Roster Sign(ulong generation, ulong rotation, IEnumerable<RosterEntry> entries, X509Certificate2 authority)
    {
        StringBuilder text = new();
        _ = text.Append(CultureInfo.InvariantCulture, $"{Title}\ngeneration {generation}\nrotation {rotation}\n");
        Dictionary<string, RosterEntry> byName = new(StringComparer.Ordinal);
        foreach (RosterEntry entry in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            byName.Add(entry.Name, entry);
            _ = text.Append(CultureInfo.InvariantCulture, $"{(entry.IsRemoved ? "removed" : "member")} {entry.Name} {entry.Fingerprint}\n");
        }

        if (byName.Count > MaxEntries)
        {
            throw new ArgumentException($"a roster has at most {MaxEntries} entries", nameof(entries));
        }

        using ECDsa key = authority.GetECDsaPrivateKey() ?? throw new ArgumentException("an authority with its ECDSA key signs", nameof(authority));
        byte[] signature = key.SignData(Encoding.ASCII.GetBytes(text.ToString()), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        _ = text.Append(CultureInfo.InvariantCulture, $"{SignatureMark}{Convert.ToBase64String(signature)}\n");
        return new(generation, rotation, byName, text.ToString());
    }

    /// <summary>False for everything that none of the authorities has signed, or that is not exactly such a text.</summary>
    public static bool TryRead(string text, X509Certificate2Collection authorities, [NotNullWhen(true)] out Roster? roster)
    {
        roster = null;
        int mark = text.LastIndexOf($"\n{SignatureMark}", StringComparison.Ordinal) + 1;
        if (text.Length > MaxLength || mark == 0 || !text.EndsWith('\n') || !Ascii.IsValid(text)
            || !IsSigned(text[..mark], text[(mark + SignatureMark.Length)..^1], authorities))
        {
            return false;
        }

        // Signed, so it is what an authority has written; read with care all the same.
        string[] lines = text[..(mark - 1)].Split('\n');
        if (lines.Length is < 3 or > MaxEntries + 3 || lines[0] != Title
            || !TryField(lines[1], "generation ", out ulong generation) || !TryField(lines[2], "rotation ", out ulong rotation))
        {
            return false;
        }

        Dictionary<string, RosterEntry> entries = new(StringComparer.Ordinal);
        foreach (string line in lines.AsSpan(3))
        {
            bool isSound = line.Split(' ') is ["member" or "removed", string name, { Length: 64 } fingerprint] && Names.IsValid(name)
                && fingerprint.All(char.IsAsciiHexDigitLower) && entries.TryAdd(name, new(name, fingerprint, line[0] == 'r'));
            if (!isSound)
            {
                return false;
            }
        }

        roster = new(generation, rotation, entries, text);
        return true;
    }

    private static bool TryField(string line, string name, out ulong value)
    {
        value = 0;
        return line.StartsWith(name, StringComparison.Ordinal)
            && ulong.TryParse(line.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }

    private static bool IsSigned(string content, string signature, X509Certificate2Collection authorities)
    {
        byte[] bytes = new byte[signature.Length];
        // One text for one signature: the decoder also takes spaces, and bits behind the last byte (RFC 4648, section 3.5).
        if (!Convert.TryFromBase64String(signature, bytes, out int length) || Convert.ToBase64String(bytes, 0, length) != signature)
        {
            return false;
        }

        foreach (X509Certificate2 authority in authorities)
        {
            using ECDsa? key = authority.GetECDsaPublicKey();
            if (key?.VerifyData(Encoding.ASCII.GetBytes(content), bytes.AsSpan(0, length), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence) is true)
            {
                return true;
            }
        }

        return false;
    }
}
