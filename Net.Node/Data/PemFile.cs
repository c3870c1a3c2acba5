using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Node.Cli;

namespace Net.Node.Data;

/// <summary>Certificates and keys as text, one file each, written whole.</summary>
internal static class PemFile
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Writes beside the name, flushes, renames. A secret is never readable by others, not even for a moment.</summary>
    public static void Write(string path, string text, bool isSecret)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | (isSecret ? 0 : UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        // What a crash left behind may have other rights.
        File.Delete(temporary);
        using (FileStream file = new(temporary, options))
        {
            file.Write(Encoding.ASCII.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    public static void WritePair(string path, X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey() ?? throw new ArgumentException("a certificate with an ECDSA key is written", nameof(certificate));
        Write(path, $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n", isSecret: true);
    }

    /// <exception cref="CommandFailure">Missing, unreadable, or not a certificate with its key.</exception>
    public static X509Certificate2 ReadPair(string path) => ReadPair(path, path);

    /// <exception cref="CommandFailure">Missing, unreadable, not PEM, or a key that is not the certificate's.</exception>
    public static X509Certificate2 ReadPair(string certificatePath, string keyPath)
    {
        string certificate = Read(certificatePath, "certificate"), key = keyPath == certificatePath ? certificate : Read(keyPath, "key");
        _ = Parse(certificatePath, certificate);
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new CommandFailure($"{keyPath} is not the unencrypted PEM key of the certificate in {certificatePath}", "give the key that belongs to it");
        }
    }

    /// <summary>Null when it is missing or damaged: it can be made again.</summary>
    public static X509Certificate2? TryReadPair(string path)
    {
        try
        {
            return File.Exists(path) ? ReadPair(path) : null;
        }
        catch (CommandFailure)
        {
            return null;
        }
    }

    /// <summary>The first certificate of a file.</summary>
    /// <exception cref="CommandFailure">Missing, unreadable or not PEM.</exception>
    public static X509Certificate2 ReadCertificate(string path) => Parse(path, Read(path, "certificate"))[0];

    /// <summary>The certificates behind the first one.</summary>
    public static X509Certificate2Collection ReadIntermediates(string path)
    {
        X509Certificate2Collection all = Parse(path, Read(path, "certificate"));
        all.RemoveAt(0);
        return all;
    }

    private static X509Certificate2Collection Parse(string path, string text)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException)
        {
            certificates.Clear();
        }

        return certificates.Count > 0 ? certificates : throw new CommandFailure($"{path} holds no PEM certificate", "give a file with BEGIN CERTIFICATE in it");
    }

    private static string Read(string path, string kind)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes })
            {
                throw new CommandFailure($"the {kind} file {path} is larger than {MaxBytes} bytes", "give a PEM file");
            }

            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = e is FileNotFoundException or DirectoryNotFoundException ? "does not exist"
                : System.IO.Directory.Exists(path) ? "is a directory" : $"cannot be read ({e.Message.TrimEnd('.')})";
            throw new CommandFailure($"the {kind} file {path} {why}", "check the path and its permissions");
        }
    }
}
