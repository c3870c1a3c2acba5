using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Interop.Content;

/// <summary>Looks for secrets in what programs have said: any 16 bytes of one, written in hexadecimal or in base64.</summary>
internal sealed partial class SecretSearch
{
    private const int Window = 16;

    private readonly Dictionary<UInt128, string> _windows = [];
    private readonly List<byte[]> _secrets = [];

    /// <summary>How many secrets it knows.</summary>
    public int Count => _secrets.Count;

    public void Add(string name, byte[] secret)
    {
        _secrets.Add(secret);
        foreach (UInt128 window in WindowsOf(secret))
        {
            _windows[window] = name;
        }
    }

    /// <summary>The private numbers of all elliptic-curve keys in a PEM file.</summary>
    public void AddKeysOf(string pem)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(pem));
        Add(Path.GetFileName(pem), key.ExportParameters(includePrivateParameters: true).D!);
    }

    /// <summary>The secrets that a file in the format of SSLKEYLOGFILE has.</summary>
    public void AddKeyLog(string file)
    {
        foreach (string[] fields in File.ReadLines(file).Select(line => line.Split(' ')).Where(fields => fields.Length == 3))
        {
            Add(fields[0], Convert.FromHexString(fields[2]));
        }
    }

    /// <returns>The name of a secret of which the text shows something; null: of none.</returns>
    public string? Find(string text)
    {
        foreach (Match run in Hexadecimal().Matches(text))
        {
            for (int skip = 0; skip < 2; skip++)
            {
                string digits = run.Value[skip..];
                if (Find(Convert.FromHexString(digits[..(digits.Length & ~1)])) is string name)
                {
                    return name;
                }
            }
        }

        foreach (Match run in Base64().Matches(text))
        {
            for (int skip = 0; skip < 4; skip++)
            {
                string digits = run.Value.Replace('-', '+').Replace('_', '/')[skip..];
                if (Find(Convert.FromBase64String(digits[..(digits.Length & ~3)])) is string name)
                {
                    return name;
                }
            }
        }

        return null;
    }

    /// <summary>It finds what it looks for: a search that finds nothing says nothing by itself.</summary>
    public void MustWork()
    {
        foreach (byte[] secret in _secrets)
        {
            string[] ways = [Convert.ToHexString(secret), Convert.ToHexStringLower(secret.AsSpan(3, Window)), Convert.ToBase64String(secret), $"(x{Convert.ToBase64String(secret)})"];
            if (ways.FirstOrDefault(way => Find($"12:00 something failed: {way} was wrong") is null) is string unseen)
            {
                throw new CaseFailedException($"the search for secrets does not see {unseen.Length} characters of one");
            }
        }
    }

    private string? Find(byte[] bytes) => WindowsOf(bytes).Select(window => _windows.GetValueOrDefault(window)).FirstOrDefault(name => name is not null);

    private static IEnumerable<UInt128> WindowsOf(byte[] bytes)
    {
        for (int at = 0; at + Window <= bytes.Length; at++)
        {
            yield return BinaryPrimitives.ReadUInt128BigEndian(bytes.AsSpan(at));
        }
    }

    [GeneratedRegex("[0-9A-Fa-f]{32,}")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex("[0-9A-Za-z+/_-]{22,}")]
    private static partial Regex Base64();
}
